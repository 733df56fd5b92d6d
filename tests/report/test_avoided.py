"""What orders that did not pass would have made, each case by hand."""

from decimal import Decimal
from typing import Any

import pytest
from gxrisk.vaults.report import report_from
from gxrisk.vaults.report.avoided import Forgone

from .desk import Desk

UNSURE = {"confidence": "0.1"}

# side, stop, the marks of the minutes after, what 0.1 at 10,000 would have made, whether it was stopped
CASES = [
    ("buy", 9_800, [10_050, 10_100], "10", False),
    ("buy", 9_800, [10_050, 9_900], "-10", False),
    ("buy", 9_800, [9_790, 10_200], "-21", True),
    ("buy", 9_800, [9_801], "-19.9", False),
    ("buy", 9_800, [9_800], "-20", True),
    ("sell", 10_200, [9_900], "10", False),
    ("sell", 10_200, [10_250, 9_000], "-25", True),
    ("sell", 10_200, [10_000], "0", False),
]


def _only(desk: Desk) -> Forgone:
    report = report_from(desk.journal)
    assert len(report.forgone) == 1
    return report.forgone[0]


def _marks(desk: Desk, prices: list[int]) -> None:
    for price in prices:
        desk.wait()
        desk.mark(price, atr=100)
    desk.gate.hold(1, "so that the marks are on record")


@pytest.mark.parametrize(("side", "stop", "prices", "expected", "is_stopped"), CASES)
def test_until_the_end(desk: Desk, side: str, stop: int, prices: list[int], expected: str, is_stopped: bool) -> None:
    """A held order is judged by the last mark, or by the first one that is not better than its stop."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    assert desk.ask(side, "0.1", stop_loss=stop, **UNSURE).outcome == "held"
    _marks(desk, prices)
    one = _only(desk)
    assert (one.outcome_amount, one.is_stopped) == (Decimal(expected), is_stopped)


def test_until_the_next_decision_on_the_asset(desk: Desk) -> None:
    """Another asset's decision ends nothing; the asset's own does."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.mark(100, asset="ETH", atr=1)
    desk.ask("buy", "0.1", stop_loss=9_800, **UNSURE)
    desk.wait()
    desk.mark(10_030, atr=100)
    desk.mark(100, asset="ETH", atr=1)
    desk.ask("buy", 1, asset="ETH", stop_loss=98)
    desk.wait()
    desk.mark(10_070, atr=100)
    desk.ask("buy", "0.1", stop_loss=9_870)
    _marks(desk, [9_900])
    assert _only(desk).outcome_amount == 7


def test_sums_are_signed_and_kept_apart(desk: Desk) -> None:
    """Avoided and missed, held and rejected; net is the one less the other."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    asked: list[tuple[Any, ...]] = [
        ("0.1", UNSURE, 9_900),
        ("0.1", UNSURE, 9_930),
        ("0.5", {}, 9_920),
        ("0.5", {}, 9_920),
    ]
    for quantity, more, then in asked:
        assert desk.ask("buy", quantity, stop_loss=9_700, **more).outcome != "approved"
        desk.wait()
        desk.mark(then, atr=100)
    desk.gate.hold(1, "so that the marks are on record")
    held, rejected = report_from(desk.journal).avoided
    assert (held.orders, held.avoided, held.missed, held.net) == (2, 10, 3, 7)
    assert (rejected.orders, rejected.avoided, rejected.missed, rejected.net) == (2, 5, 0, 5)


def test_without_a_later_mark_it_is_not_known(desk: Desk) -> None:
    """Nothing is invented, and nothing is in the sums."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.ask("buy", "0.1", stop_loss=9_800, **UNSURE)
    assert _only(desk).outcome_amount is None
    held = report_from(desk.journal).avoided[0]
    assert (held.orders, held.known, held.net) == (1, 0, 0)


def test_without_a_mark_at_the_decision_it_is_not_known(desk: Desk) -> None:
    """An asset that was never marked."""
    desk.gate.deposit(10_000)
    assert desk.ask("buy", "0.1", asset="DOGE", stop_loss=1).outcome == "rejected"
    desk.wait()
    desk.mark(5, asset="DOGE")
    desk.gate.hold(1, "so that the marks are on record")
    assert _only(desk).outcome_amount is None


def test_exits_and_owners_are_left_out(desk: Desk) -> None:
    """Only what the agent would have opened is judged."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    assert desk.ask("sell", "0.1", reduce_only=True).outcome == "rejected"
    desk.gate.hold("0.9", "a model's own hold is no order", asset="BTC")
    report = report_from(desk.journal)
    assert report.forgone == ()
    assert report.outcomes.holds == 1
