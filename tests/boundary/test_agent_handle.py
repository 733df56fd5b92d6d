"""From the agent's handle nothing of the operator's is reached; an approval is not made, copied or altered."""

from __future__ import annotations

import copy
import gc
import pickle
import types
import weakref
from collections.abc import Callable
from typing import Any

import gxrisk
import pytest
from gxrisk import AgentGate, Approval, ApprovalError, Decision, Gate, Limits, ManualClock, Trip, Violation

from .arguments import START, proposal, vault

HANDLE_NAMES = {
    "authorize", "headroom", "hold", "max_quantity", "snapshot", "state", "validate_batch", "validate_order"
}  # fmt: skip
OPERATORS = set(dir(Gate)) - set(dir(AgentGate))
CANNOT_BE_MADE = (AgentGate, Approval, Decision, Violation, Trip)
FORBIDDEN = (Gate, ManualClock, gxrisk.SystemClock)


def specimens() -> dict[str, Any]:
    """One of each object that only the gate makes."""
    gate = vault()
    decision = gate.agent().authorize(proposal())
    refused = gate.validate_order(proposal(quantity=99))
    gate.set_volatility(1)
    return {
        "handle": gate.agent(),
        "approval": decision.approval,
        "decision": decision,
        "violation": refused.violations[0],
        "trip": gate.trips[0],
    }


SPECIMENS = specimens()
GUARDED = ("handle", "approval")


def test_the_handle_shows_only_what_was_promised() -> None:
    handle = vault().agent()
    assert {name for name in dir(handle) if not name.startswith("_")} == HANDLE_NAMES
    for name in OPERATORS:
        with pytest.raises(AttributeError):
            getattr(handle, name)
    with pytest.raises(TypeError):
        vars(handle)
    with pytest.raises(AttributeError):
        handle.__dict__  # noqa: B018
    assert "gate" not in repr(handle).lower().replace("agentgate", "")


def reached(start: Any) -> list[Any]:
    """Every instance that attributes lead to, at any depth."""
    found: list[Any] = []
    waiting, seen = [start], {id(start)}
    while waiting:
        here = waiting.pop()
        found.append(here)
        for name in dir(here):
            try:
                there = getattr(here, name)
            except Exception:  # noqa: S112
                continue
            is_instance = not isinstance(there, type | types.ModuleType | str | int | float | bytes)
            if is_instance and id(there) not in seen and type(there).__module__.startswith("gxrisk"):
                seen.add(id(there))
                waiting.append(there)
            elif isinstance(there, types.BuiltinMethodType):
                assert not isinstance(there.__self__, FORBIDDEN)
    return found


@pytest.mark.parametrize("label", SPECIMENS)
def test_no_attribute_leads_to_the_gate(label: str) -> None:
    assert not [one for one in reached(SPECIMENS[label]) if isinstance(one, FORBIDDEN)]


@pytest.mark.parametrize("label", SPECIMENS)
def test_the_garbage_collector_leads_nowhere(label: str) -> None:
    specimen = SPECIMENS[label]
    referents = gc.get_referents(specimen)
    for _ in range(4):
        assert not [one for one in referents if isinstance(one, FORBIDDEN)]
        inner = [one for one in referents if not isinstance(one, type | types.ModuleType)]
        referents = gc.get_referents(*inner) if inner else []
    assert not [one for one in gc.get_referrers(specimen) if isinstance(one, FORBIDDEN)]
    assert not [one for one in gc.get_objects() if isinstance(one, FORBIDDEN)]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("label", SPECIMENS)
def test_nothing_is_pickled(label: str, protocol: int) -> None:
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.loads(pickle.dumps(SPECIMENS[label], protocol))  # noqa: S301


def rebuilt(make: Callable[..., Any], parts: tuple[Any, ...], *_: Any) -> Any:
    """What a pickle would make of what `__reduce_ex__` gives."""
    return make(*parts)


@pytest.mark.parametrize("label", SPECIMENS)
def test_nothing_is_copied(label: str) -> None:
    specimen = SPECIMENS[label]
    for act in (copy.copy, copy.deepcopy):
        with pytest.raises((TypeError, copy.Error)):
            act(specimen)
    for protocol in range(2, 6):
        with pytest.raises(TypeError):
            rebuilt(*specimen.__reduce_ex__(protocol))


@pytest.mark.parametrize("kind", CANNOT_BE_MADE, ids=lambda kind: kind.__name__)
def test_nothing_is_made_but_by_the_gate(kind: type) -> None:
    parts = [(), (vault(),), (proposal(),), ("property", "gx-3")]
    for some in parts:
        with pytest.raises(TypeError):
            kind(*some)
        with pytest.raises(TypeError):
            kind.__new__(kind, *some)
    with pytest.raises(TypeError):
        object.__new__(kind)
    with pytest.raises(TypeError):
        type("Forged", (kind,), {})
    with pytest.raises(TypeError):
        types.new_class("Forged", (kind,))


@pytest.mark.parametrize("kind", [*CANNOT_BE_MADE, Gate, Limits, gxrisk.Order], ids=lambda kind: kind.__name__)
def test_classes_cannot_be_patched(kind: type) -> None:
    name = next(name for name in vars(kind) if not name.startswith("_"))
    for act in (
        lambda: setattr(kind, "forged", True),
        lambda: setattr(kind, name, vars(kind)[name]),  # the same again, so that a patch that passes does no harm
        lambda: type.__setattr__(kind, "forged", True),
    ):
        with pytest.raises(TypeError):
            act()


@pytest.mark.parametrize("label", SPECIMENS)
def test_nothing_is_altered(label: str) -> None:
    specimen = SPECIMENS[label]
    for name in [name for name in dir(specimen) if not name.startswith("__")] + ["gate", "extra"]:
        for act in (
            lambda name=name: setattr(specimen, name, None),
            lambda name=name: delattr(specimen, name),
            lambda name=name: object.__setattr__(specimen, name, None),
            lambda name=name: object.__delattr__(specimen, name),
        ):
            with pytest.raises((AttributeError, TypeError)):
                act()
    for other in (Gate, Decision, type("Plain", (), {})):
        if not isinstance(specimen, other):
            with pytest.raises(TypeError):
                specimen.__class__ = other
    with pytest.raises(TypeError):
        weakref.ref(specimen)


@pytest.mark.parametrize("name", sorted(name for name in set(dir(Gate)) - set(dir(object)) if name != "__module__"))
def test_a_gates_methods_do_not_take_the_handle(name: str) -> None:
    handle = vault().agent()
    member: Any = getattr(Gate, name)
    call: Callable[..., Any] = member.__get__ if not callable(member) else member
    for parts in ((), ("enough",), (proposal(),)):
        with pytest.raises(TypeError):
            call(handle, *parts)


def test_the_handle_takes_no_origin_and_opens_nothing_for_another() -> None:
    handle = vault().agent()
    for act in (handle.validate_order, handle.authorize):
        for extra in ({"origin": "owner"}, {"origin": "protection"}, {"now": START}):
            with pytest.raises(TypeError):
                act(proposal(), **extra)
    assert not hasattr(handle, "events")


def test_what_the_handle_reads_is_a_copy() -> None:
    gate = vault()
    handle = gate.agent()
    seen = handle.snapshot()
    seen.positions["BTC"] = seen.marks["BTC"] = seen.exposures["BTC"] = 10**9
    handle.headroom("BTC", "buy").clear()
    with pytest.raises(AttributeError):
        seen.equity = 10**9
    fresh = handle.snapshot()
    assert (fresh.positions, fresh.exposures, fresh.marks["BTC"]) == ({}, {}, 100)


def test_an_order_is_what_was_approved_whatever_is_done_to_the_callers_copy() -> None:
    gate = vault()
    decision = gate.agent().authorize(proposal(quantity=2))
    assert decision.approval.order is not decision.approval.order
    with pytest.raises(AttributeError):
        decision.approval.order.quantity = 99
    assert gate.redeem(decision.approval) == proposal(quantity=2)
    with pytest.raises(ApprovalError, match="once"):
        gate.redeem(decision.approval)


def test_an_approval_is_for_its_own_gate_and_its_own_time() -> None:
    clock = ManualClock(START)
    gate = Gate("boundary", Limits.for_tier("growth"), clock=clock)
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    approval = gate.agent().authorize(proposal()).approval
    with pytest.raises(ApprovalError, match="vault"):
        vault().redeem(approval)
    clock.advance(5)
    with pytest.raises(ApprovalError, match="expired"):
        gate.redeem(approval)
    assert gate.snapshot().working == ()
