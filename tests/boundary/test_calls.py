"""Every other argument of every call: malformed input is an `InvalidOrder`, the wrong native object a `TypeError`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gxrisk import Decision, Gate, GxriskError, InvalidOrder, Limits, ManualClock, Order, order

from .arguments import START, proposal, refusal, vault

GROWTH = Limits.for_tier("growth")

MALFORMED: dict[str, tuple[Callable[[Gate], Any], str]] = {
    "events(-1)": (lambda gate: gate.events(-1), "since"),
    "events(2**64)": (lambda gate: gate.events(2**64), "since"),
    "events(text)": (lambda gate: gate.events("a"), "since"),
    "threads -1": (lambda gate: gate.validate_batch(columns(), threads=-1), "threads"),
    "threads 2**70": (lambda gate: gate.validate_batch(columns(), threads=2**70), "threads"),
    "threads text": (lambda gate: gate.validate_batch(columns(), threads="2"), "threads"),
    "tier 5": (lambda gate: Limits.for_tier(5), "tier"),
    "tier surrogate": (lambda gate: Limits.for_tier("\ud800"), "tier"),
    "tier unknown": (lambda gate: Limits.for_tier("yolo"), "tier"),
    "rebase text": (lambda gate: gate.reactivate("yes"), "rebase"),
    "steps list": (lambda gate: gate.set_lot_steps([("BTC", 1)]), "steps"),
    "steps None": (lambda gate: gate.set_lot_steps(None), "steps"),
    "groups list": (lambda gate: gate.set_correlation_groups([["BTC"]]), "groups"),
    "group of 5": (lambda gate: gate.set_correlation_groups({"all": 5}), "groups"),
    "group of None": (lambda gate: gate.set_correlation_groups({"all": None}), "groups"),
    "group of text": (lambda gate: gate.set_correlation_groups({"all": "BTC"}), "groups"),
    "two groups": (lambda gate: gate.set_correlation_groups({"a": ["BTC"], "b": ["BTC"]}), "BTC"),
    "twice in one": (lambda gate: gate.set_correlation_groups({"a": ["BTC", "BTC"]}), "BTC"),
    "clock 5": (lambda gate: Gate("v", GROWTH, clock=5), "clock"),
    "clock class": (lambda gate: Gate("v", GROWTH, clock=ManualClock), "clock"),
    "failed for 5": (lambda gate: gate.order_failed("gx-1", 5), "reason"),
    "failed, surrogate": (lambda gate: gate.order_failed("gx-1", "\ud800"), "reason"),
}


def columns(**changes: Any) -> dict[str, Any]:
    """One sound row, with some columns changed."""
    return {"asset": "BTC", "side": "buy", "quantity": [1.0], "confidence": [1.0], **changes}


@pytest.mark.parametrize("label", MALFORMED)
def test_malformed_input_is_an_invalid_order(label: str) -> None:
    give, field = MALFORMED[label]
    gate = vault()
    before = (gate.snapshot(), gate.events())
    refusal(lambda: give(gate), field)
    assert (gate.snapshot(), gate.events()) == before


BAD_COLUMNS: dict[str, Any] = {
    "no mapping": 5,
    "nothing": {},
    "a stray name": columns(qty=[1.0]),
    "a number as a name": {**columns(), 5: [1.0]},
    "no confidence": {name: values for name, values in columns().items() if name != "confidence"},
    "words for numbers": columns(price=["x"]),
    "two dimensions": columns(price=[[1.0]]),
    "ragged": columns(quantity=[1.0, [2.0]]),
    "another length": columns(quantity=[1.0, 2.0]),
    "None": columns(quantity=None),
    "complex": columns(quantity=np.array([1 + 2j])),
    "bool as a number": columns(quantity=[True]),
    "bool array as a number": columns(quantity=np.array([True])),
    "too large an int": columns(quantity=[10**400]),
    "assets as numbers": columns(asset=[5]),
    "assets as bytes": columns(asset=np.array([b"BTC"])),
    "assets in a square": columns(asset=np.array([["BTC"]])),
    "a long name": columns(asset=["A" * 65]),
    "a very long name": columns(asset=["A" * 1_000_000]),
    "None as an asset": columns(asset=[None]),
    "a code too high": columns(asset=np.array([2]), assets=["BTC", "ETH"]),
    "a code too low": columns(asset=np.array([-1]), assets=["BTC", "ETH"]),
    "a code between": columns(asset=np.array([0.7]), assets=["BTC", "ETH"]),
    "a code that is no number": columns(asset=np.array([np.nan]), assets=["BTC", "ETH"]),
    "text as a code": columns(asset=np.array(["BTC"]), assets=["BTC", "ETH"]),
    "assets that are no list": columns(asset=np.array([0]), assets=5),
    "a stray side": columns(side=["long"]),
    "a side of zero": columns(side=[0.0]),
    "a side of nan": columns(side=[np.nan]),
    "sides as bools": columns(side=np.array([True])),
    "quantity nan": columns(quantity=[np.nan]),
    "confidence nan": columns(confidence=[np.nan]),
    "confidence above 1": columns(confidence=[1.1]),
    "price inf": columns(price=[np.inf]),
    "leverage 0": columns(leverage=[0.0]),
    "leverage 1001": columns(leverage=[1001.0]),
    "stop below 0": columns(stop_loss=[-98.0]),
}


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("label", BAD_COLUMNS)
def test_a_malformed_column_is_an_invalid_order(label: str) -> None:
    with pytest.raises(GxriskError) as caught:
        vault().validate_batch(BAD_COLUMNS[label])
    assert type(caught.value) is InvalidOrder
    assert len(str(caught.value)) < 400


WRONG: dict[str, Callable[[Gate], Any]] = {
    "validate 5": lambda gate: gate.validate_order(5),
    "validate None": lambda gate: gate.validate_order(None),
    "validate a dict": lambda gate: gate.validate_order(proposal().to_dict()),
    "authorize an approval": lambda gate: gate.authorize(gate.authorize(proposal()).approval),
    "redeem an order": lambda gate: gate.redeem(proposal()),
    "redeem a decision": lambda gate: gate.redeem(gate.authorize(proposal())),
    "redeem an id": lambda gate: gate.redeem("gx-3"),
    "limits of a dict": lambda gate: gate.set_limits(GROWTH.to_dict()),
    "no limits": lambda gate: Gate("v", None),
    "too few": lambda gate: order("BTC", "buy"),
    "too many": lambda gate: order("BTC", "buy", 1, 2, confidence=1, reasoning="x"),
    "no reasoning": lambda gate: Order("BTC", "buy", 1, confidence=1),
    "no confidence": lambda gate: order("BTC", "buy", 1, reasoning="x"),
    "unknown keyword": lambda gate: order("BTC", "buy", 1, confidence=1, reasoning="x", stop=1),
    "replace unknown": lambda gate: proposal().replace(stop=1),
    "a hold's asset without its name": lambda gate: gate.hold(1, "waits", "BTC"),
    "a time for a decision": lambda gate: gate.authorize(proposal(), now=START),
}


@pytest.mark.parametrize("label", WRONG)
def test_the_wrong_kind_of_call_is_a_type_error(label: str) -> None:
    with pytest.raises(TypeError):
        WRONG[label](vault())


def test_a_number_that_fails_inside_is_not_swallowed_and_not_a_panic() -> None:
    class Angry(float):
        def __float__(self) -> float:
            raise RuntimeError("no float")

    assert order("BTC", "buy", Angry(2.5), confidence=1, reasoning="x").quantity == 2.5
    assert isinstance(vault().validate_order(proposal()), Decision)


@pytest.mark.parametrize("journal", [5, None, b"\0", object()])
def test_a_journal_is_not_promised_in_silence(journal: Any) -> None:
    if journal is None:
        assert Gate("v", GROWTH, journal=None).recovery is None
        return
    with pytest.raises((TypeError, ValueError, GxriskError), match=r"journal|null"):
        Gate("v", GROWTH, journal=journal)
