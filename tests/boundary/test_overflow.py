"""Numbers that are within their range, and whose product is not: refused, never wrapped, and nothing is half done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gxrisk
import numpy as np
import pytest
from gxrisk import Gate, VaultError

from .arguments import proposal, vault

MOST = 10**18


def rules(gate: Gate, **changes: Any) -> list[str]:
    """What stands against an order."""
    decision = gate.validate_order(proposal(**changes))
    assert decision.outcome == "rejected"
    for violation in decision.violations:
        assert violation.message
        assert len(violation.message) < 400
    return [violation.rule for violation in decision.violations]


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_the_largest_order_is_refused_with_its_own_code(side: str) -> None:
    gate = vault()
    changes = {"quantity": MOST, "price": MOST, "side": side, "stop_loss": None}
    assert "arithmetic_overflow" in rules(gate, **changes)
    assert "arithmetic_overflow" not in gxrisk.RULES
    decision = gate.authorize(proposal(**changes))
    assert decision.outcome == "rejected"
    assert decision.approval is None
    assert gate.events()[-1]["violations"][-1]["rule"] == "arithmetic_overflow"
    columns = {"asset": "BTC", "side": side, "quantity": [1e18], "price": [1e18], "confidence": [1.0]}
    assert gate.validate_batch(columns)[0] & gxrisk.MASK_ARITHMETIC_OVERFLOW


def test_an_overflow_in_another_rule_is_found_too() -> None:
    gate = vault()
    gate.mark("HIGH", MOST, atr=MOST)
    assert gate.max_quantity(proposal(asset="HIGH", stop_loss=1)) == 0
    found = rules(gate, asset="HIGH", quantity=MOST, stop_loss="0.000000001", leverage=1000)
    assert "arithmetic_overflow" in found
    assert "position_size" in found


@pytest.mark.parametrize("quantity", ["0.000000001", 1, MOST])
@pytest.mark.parametrize("price", [None, "0.000000001", 1, MOST])
@pytest.mark.parametrize("stop", [None, "0.000000001", MOST])
@pytest.mark.parametrize("leverage", ["0.000000001", 1, 1000])
def test_no_corner_is_approved_or_breaks_the_gate(quantity: Any, price: Any, stop: Any, leverage: Any) -> None:
    gate = vault()
    gate.mark("HIGH", MOST, atr=MOST)
    gate.mark("LOW", "0.000000001", atr="0.000000001")
    for asset in ("BTC", "HIGH", "LOW", "NEW"):
        for side in ("buy", "sell"):
            made = proposal(asset=asset, side=side, quantity=quantity, price=price, stop_loss=stop, leverage=leverage)
            for candidate in (made, made.replace(reduce_only=True)):
                decision = gate.validate_order(candidate)
                assert "engine_halted" not in [violation.rule for violation in decision.violations]
                gate.max_quantity(candidate)
    assert gate.state == "active"


HUGE: dict[str, Callable[[Gate], Any]] = {
    "fill": lambda gate: gate.apply_fill("elsewhere", "f", MOST, MOST, asset="BTC", side="buy"),
    "fill of a new asset": lambda gate: gate.apply_fill("elsewhere", "f", MOST, MOST, asset="NEW", side="sell"),
    "deposits": lambda gate: [gate.deposit(MOST) for _ in range(400)],
    "funding": lambda gate: [gate.funding("BTC", -MOST) for _ in range(400)],
    "fees": lambda gate: [gate.apply_fill("elsewhere", n, 1, 1, MOST, asset="BTC", side="buy") for n in range(400)],
    "a mark of a large position": lambda gate: (
        gate.apply_fill("elsewhere", "f", MOST, 1, asset="BTC", side="buy"),
        gate.mark("BTC", MOST),
    ),
}


@pytest.mark.parametrize("label", HUGE)
def test_what_cannot_be_booked_says_so_and_changes_nothing(label: str) -> None:
    gate = vault()
    with pytest.raises(VaultError, match="128") as caught:
        HUGE[label](gate)
    assert len(str(caught.value)) < 300
    after = gate.snapshot()
    assert after.equity == after.collateral + after.realised + after.unrealised - after.fees + after.funding
    assert all(not trip.cause.startswith("engine") for trip in gate.trips)
    events = gate.events()
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    gate.resume()
    assert "engine_halted" not in [violation.rule for violation in gate.validate_order(proposal()).violations]


def test_a_fill_that_cannot_be_booked_restricts_the_vault() -> None:
    gate = vault()
    before = gate.snapshot()
    with pytest.raises(VaultError, match="128"):
        gate.apply_fill("elsewhere", "f", MOST, MOST, asset="BTC", side="buy")
    after = gate.snapshot()
    assert (after.positions, after.equity, after.fees) == (before.positions, before.equity, before.fees)
    assert gate.state == "reduce_only"
    assert [trip.breaker for trip in gate.trips] == ["fill_mismatch"]


def test_memecoins_and_giants_are_exact() -> None:
    gate = vault()
    gate.mark("MEME", "0.00000001", atr="0.000000001")
    gate.mark("GIANT", 10**7, atr=10**5)
    meme = proposal(asset="MEME", quantity="250000000000", stop_loss="0.000000008")
    assert gate.validate_order(meme).approved
    assert rules(gate, asset="MEME", quantity="250000000000.000000001", stop_loss="0.000000008") == ["position_size"]
    giant = proposal(asset="GIANT", quantity="0.00025", stop_loss=9_800_000)
    assert gate.validate_order(giant).approved
    assert rules(gate, asset="GIANT", quantity="0.000250001", stop_loss=9_800_000) == ["position_size"]


def test_a_batch_of_corners_says_the_same() -> None:
    gate = vault()
    values = np.array([1e-9, 1.0, 1e9, 1e18])
    rows = [(q, p, s) for q in values for p in values for s in values]
    quantity, price, stop = (np.array(column) for column in zip(*rows, strict=True))
    columns = {
        "asset": "BTC",
        "side": "sell",
        "quantity": quantity,
        "price": price,
        "stop_loss": stop,
        "confidence": np.ones(64),
    }
    for mask, (q, p, s) in zip(gate.validate_batch(columns), rows, strict=True):
        found = rules(gate, side="sell", quantity=q, price=p, stop_loss=s)
        assert bool(mask & gxrisk.MASK_ARITHMETIC_OVERFLOW) == ("arithmetic_overflow" in found)
