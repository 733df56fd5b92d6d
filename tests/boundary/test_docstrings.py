"""Every public name explains itself, its examples run, and it is called as was promised."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import types
from typing import Any

import gxrisk
import pytest
from gxrisk import _native

FIELDS = "asset side quantity confidence reasoning price leverage stop_loss take_profit reduce_only client_order_id"
ORDER = (
    "asset, side, quantity, *, confidence, reasoning, price=None, leverage=1, stop_loss=None, "
    "take_profit=None, reduce_only=False, client_order_id=None"
)
PROMISED = {
    "Order": ORDER,
    "order": ORDER,
    "Gate": "vault_id, limits, *, clock=None, journal=None, owner_key=None, passphrase_file=None",
    "Limits.for_tier": "tier",
    "Limits.from_toml": "path",
    "Limits.replace": "**changes",
    "Limits.to_dict": "",
    "ManualClock": "start",
    "ManualClock.advance": "seconds",
    "ManualClock.set": "time",
    "SystemClock": "",
    "Gate.deposit": "amount",
    "Gate.mark": "asset, price, *, atr=None, at=None",
    "Gate.funding": "asset, amount, *, at=None",
    "Gate.set_volatility": "volatility",
    "Gate.set_lot_steps": "steps",
    "Gate.set_correlation_groups": "groups",
    "Gate.validate_order": "order, *, origin='agent'",
    "Gate.authorize": "order, *, origin='agent'",
    "Gate.hold": "confidence, reasoning, *, asset=None",
    "Gate.max_quantity": "order",
    "Gate.headroom": "asset, side",
    "Gate.redeem": "approval",
    "Gate.order_accepted": "order_id",
    "Gate.apply_fill": "order_id, fill_id, quantity, price, fee=0, *, asset=None, side=None",
    "Gate.order_cancelled": "order_id",
    "Gate.order_failed": "order_id, reason",
    "Gate.pause": "",
    "Gate.resume": "",
    "Gate.kill": "reason",
    "Gate.reactivate": "rebase=False, *, signed=None",
    "Gate.set_limits": "limits",
    "Gate.set_risk_scale": "scale",
    "Gate.snapshot": "",
    "Gate.events": "since=0",
    "Gate.agent": "",
    "AgentGate.validate_order": "order",
    "AgentGate.authorize": "order",
    "AgentGate.hold": "confidence, reasoning, *, asset=None",
    "AgentGate.max_quantity": "order",
    "AgentGate.headroom": "asset, side",
    "AgentGate.snapshot": "",
}
ATTRIBUTES = {
    "Gate": "state trips vault_id limits",
    "AgentGate": "state",
    "Decision": "outcome approved violations order_id approval sequence",
    "Violation": "rule limit observed message",
    "Trip": "breaker since until cause",
    "Snapshot": "equity collateral day_loss drawdown positions working exposures",
    "Order": FIELDS,
}
CLASSES = {name: getattr(gxrisk, name) for name in gxrisk.__all__ if isinstance(getattr(gxrisk, name), type)}


def members(kind: type) -> dict[str, Any]:
    """What a class of ours defines itself, and shows."""
    return {name: member for name, member in vars(kind).items() if not name.startswith("_")}


def parameters(name: str) -> str:
    """A signature without `self`, as text."""
    found: Any = gxrisk
    for part in name.split("."):
        found = getattr(found, part)
    texts = [part.strip() for part in str(inspect.signature(found)).strip("()").split(", ")]
    return ", ".join(text for text in texts if text not in ("self", "/", "self, /", "$self", ""))


@pytest.mark.parametrize("name", PROMISED)
def test_signatures_are_as_promised(name: str) -> None:
    assert parameters(name) == PROMISED[name]


@pytest.mark.parametrize("name", ["Gate.validate_batch", "AgentGate.validate_batch"])
def test_a_batch_needs_only_its_columns(name: str) -> None:
    assert parameters(name).startswith("columns")


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_are_as_promised(name: str) -> None:
    kind = CLASSES[name]
    annotations = getattr(kind, "__annotations__", {})
    for attribute in ATTRIBUTES[name].split():
        assert hasattr(kind, attribute) or attribute in annotations, attribute


def test_all_names_everything_that_is_public() -> None:
    public = {
        name
        for name, value in vars(gxrisk).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public | {"__version__"} == set(gxrisk.__all__)
    assert len(gxrisk.__all__) == len(set(gxrisk.__all__))
    for error in ("InvalidOrder", "ApprovalError", "JournalError", "VaultError"):
        assert issubclass(CLASSES[error], gxrisk.GxriskError)
    assert issubclass(gxrisk.InvalidOrder, ValueError)
    assert gxrisk.TIERS == ("capital_guard", "growth", "high_octane")
    assert (len(gxrisk.RULES), len(gxrisk.BREAKERS)) == (19, 9)


@pytest.mark.parametrize("name", [name for name in gxrisk.__all__ if callable(getattr(gxrisk, name))])
def test_public_names_have_docstrings(name: str) -> None:
    first, *_ = (getattr(gxrisk, name).__doc__ or "").splitlines() or [""]
    assert len(first) > 15
    assert first.rstrip().endswith((".", ":"))


@pytest.mark.parametrize("name", CLASSES)
def test_public_members_have_docstrings(name: str) -> None:
    kind = CLASSES[name]
    fields = getattr(kind, "__dataclass_fields__", {})
    without = [n for n, member in members(kind).items() if n not in fields and not getattr(member, "__doc__", None)]
    assert without == []


def modules() -> list[types.ModuleType]:
    """The package and everything below it that can be imported without a program starting."""
    found = [gxrisk]
    for info in pkgutil.walk_packages(gxrisk.__path__, "gxrisk."):
        if not info.name.endswith("__main__"):
            found.append(importlib.import_module(info.name))
    return found


def examples() -> list[doctest.DocTest]:
    """Every example of the package and of its native classes."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found: list[doctest.DocTest] = []
    for module in modules():
        if module is not _native:
            found += finder.find(module, module.__name__)
    for name, value in vars(_native).items():
        if isinstance(value, type | types.BuiltinFunctionType):
            parts = {name: value}
            if isinstance(value, type):
                parts |= {f"{name}.{member}": thing for member, thing in members(value).items()}
            parser = doctest.DocTestParser()
            for label, part in parts.items():
                text = inspect.cleandoc(part.__doc__ or "")
                found.append(parser.get_doctest(text, dict(vars(gxrisk)), f"_native.{label}", None, None))
    return [example for example in found if example.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_every_example_runs(example: doctest.DocTest) -> None:
    report: list[str] = []
    doctest.DocTestRunner().run(example, out=report.append)
    assert report == []


def test_there_are_examples_where_a_reader_begins() -> None:
    names = {example.name for example in examples()}
    assert {"gxrisk", "_native.Gate", "_native.Order", "_native.Limits", "_native.ManualClock"} <= names
