"""Questions change nothing at a still clock, and nothing of the agent's loosens anything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from gxrisk import Gate, Limits, Order
from hypothesis import given
from hypothesis import strategies as st

from .vaults import ASSETS, BOUNDED, Step, Vault, histories, limits, opened, orders

STRICTNESS = ("active", "reduce_only", "halted")
AGENT_KINDS = {"decision", "hold", "trip", "market", "cancel_requested"}


def content(gate: Gate) -> tuple[Any, ...]:
    """All that a gate shows."""
    rooms = [gate.headroom(asset, side) for asset in ASSETS for side in ("buy", "sell")]
    trips = [(trip.breaker, trip.since, trip.until, trip.cause) for trip in gate.trips]
    return gate.snapshot(), gate.events(), trips, gate.limits, rooms


@BOUNDED
@given(limits(), histories(), st.lists(orders(with_ids=True), min_size=1, max_size=6), st.booleans())
def test_questions_change_nothing(
    some_limits: Limits, history: list[Step], proposals: list[Order], resumed: bool
) -> None:
    gate = opened(some_limits, history, resumed=resumed).gate
    before = content(gate)
    for proposal in proposals:
        first = gate.validate_order(proposal)
        again = gate.agent().validate_order(proposal)
        assert (first.outcome, repr(first.violations)) == (again.outcome, repr(again.violations))
        assert first.approval is None
        assert first.order_id is None
        assert first.sequence is None
        for origin in ("owner", "protection"):
            gate.validate_order(proposal, origin=origin)
        gate.max_quantity(proposal)
        gate.validate_batch({"asset": proposal.asset, "side": "buy", "quantity": [1.0], "confidence": [1.0]})
    assert content(gate) == before


@BOUNDED
@given(limits(), histories(), orders())
def test_authorize_says_what_validate_said(some_limits: Limits, history: list[Step], proposal: Order) -> None:
    gate = opened(some_limits, history).gate
    said = gate.validate_order(proposal)
    done = gate.authorize(proposal)
    assert (done.outcome, repr(done.violations)) == (said.outcome, repr(said.violations))
    assert (done.approval is not None) == said.approved == bool(done)
    assert done.sequence == gate.events()[done.sequence - 1]["sequence"]


def act(handle: Any, call: str, proposal: Order) -> None:
    """One call of the agent's handle."""
    match call:
        case "hold":
            handle.hold("0.5", "nothing to do")
        case "batch":
            handle.validate_batch({"asset": "BTC", "side": "sell", "quantity": [1.0, 2.0], "confidence": [1.0, 0.0]})
        case "look":
            handle.snapshot()
            handle.headroom(proposal.asset, proposal.side)
        case _:
            getattr(handle, call)(proposal)


def is_at_most(now: Decimal | None, before: Decimal | None) -> bool:
    """Whether a room is no larger than it was; None is no bound."""
    return before is None or (now is not None and now <= before)


def check_no_looser(vault: Vault, before: tuple[Any, ...]) -> None:
    """Nothing in the vault is looser than it was."""
    was, events, trips, old_limits, rooms = before
    now, new_events, new_trips, new_limits, new_rooms = content(vault.gate)
    assert new_limits == old_limits
    assert STRICTNESS.index(now.state) >= STRICTNESS.index(was.state)
    assert set(trips) <= set(new_trips)
    for room, new_room in zip(rooms, new_rooms, strict=True):
        assert all(is_at_most(new_room[rule], most) for rule, most in room.items())
    for name in ("equity", "collateral", "base", "peak", "day_opening", "positions", "risk_scale", "paused", "killed"):
        assert now[name] == was[name], name
    assert now.tokens <= was.tokens
    assert now.daily_trades >= was.daily_trades
    assert (now.loss_streak, now.failures_in_row) == (was.loss_streak, was.failures_in_row)
    assert {working.order_id for working in was.working} <= {working.order_id for working in now.working}
    assert {event["kind"] for event in new_events[len(events) :]} <= AGENT_KINDS


CALLS = st.sampled_from(["authorize", "authorize", "validate_order", "max_quantity", "hold", "batch", "look"])


@BOUNDED
@given(limits(), histories(), st.lists(st.tuples(CALLS, orders(with_ids=True)), max_size=12), st.booleans())
def test_an_agent_never_loosens_anything(
    some_limits: Limits, history: list[Step], calls: list[tuple[str, Order]], resumed: bool
) -> None:
    vault = opened(some_limits.replace(max_daily_trades=5), history, resumed=resumed)
    handle = vault.gate.agent()
    before = content(vault.gate)
    for call, proposal in calls:
        act(handle, call, proposal)
        check_no_looser(vault, before)
        before = content(vault.gate)


@pytest.mark.parametrize("halt", ["pause", "kill", "volatility", "oracle", "jump"])
@BOUNDED
@given(history=histories(12), proposals=st.lists(orders(), min_size=1, max_size=8))
def test_nothing_of_the_agents_is_approved_while_halted(halt: str, history: list[Step], proposals: list[Order]) -> None:
    vault = opened(Limits.for_tier("high_octane"), history)
    gate = vault.gate
    gate.apply_fill("elsewhere", "f", 1, 100, asset="BTC", side="buy")
    match halt:
        case "pause":
            gate.pause()
        case "kill":
            gate.kill("enough")
        case "volatility":
            gate.set_volatility("0.300000001")
        case "oracle":
            gate.apply_fill("elsewhere", "g", 9, 100, asset="NEW", side="buy")
        case "jump":
            gate.mark("SOL", 200)
    assert gate.state == "halted"
    columns: dict[str, Any] = {"quantity": [], "side": [], "asset": [], "reduce_only": []}
    for proposal in proposals:
        assert not gate.validate_order(proposal)
        assert gate.agent().authorize(proposal).approval is None
        assert gate.max_quantity(proposal) == 0
        for name, values in columns.items():
            values.append(proposal.to_dict()[name])
    masks = gate.validate_batch({**columns, "confidence": [1.0] * len(proposals)})
    assert (masks & 1).all()
    assert not gate.snapshot().tokens > gate.limits.order_burst
