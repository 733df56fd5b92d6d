"""How the model behaved, by hand and over a day of a strategy that breaks."""

from decimal import Decimal

from gxrisk.vaults.report import report_from

from .desk import Desk
from .weeks import Week


def _trade(desk: Desk, confidence: str, profit: int) -> None:
    desk.wait()
    desk.mark(10_000, atr=100)
    desk.trade("buy", "0.1", 10_000, stop_loss=9_800, confidence=confidence)
    desk.trade("sell", "0.1", 10_000 + profit * 10, reduce_only=True, confidence=1)


def test_brier_score(desk: Desk) -> None:
    """Of four trades by hand: (0.1^2 + 0.8^2 + 0.6^2 + 0.5^2) / 4, against 0.5 x 0.5 for always saying one half."""
    desk.gate.deposit(10_000)
    for confidence, profit in (("0.9", 10), ("0.8", -10), ("0.4", 5), ("0.5", -5)):
        _trade(desk, confidence, profit)
    health = report_from(desk.journal).health
    assert health.judged_trades == 4
    assert (health.brier, health.brier_base) == (Decimal("0.315"), Decimal("0.25"))
    found = [(one.trades, one.confidence, one.win_rate) for one in health.calibration]
    nothing = (0, None, None)
    assert found == [
        nothing,
        nothing,
        (2, Decimal("0.45"), Decimal("0.5")),
        nothing,
        (2, Decimal("0.85"), Decimal("0.5")),
    ]


def test_confidence_and_its_trend(desk: Desk) -> None:
    """The mean, and the second half less the first; days are told apart."""
    desk.gate.deposit(10_000)
    for number, confidence in enumerate(("0.2", "0.4", "0.6", "0.8", "1")):
        desk.gate.agent().hold(confidence, f"hold {number}")
        desk.wait(86_400 if number == 1 else 60)
    health = report_from(desk.journal).health
    assert (health.confidence, health.trend) == (Decimal("0.6"), Decimal("0.5"))
    assert [(day.answers, day.confidence) for day in health.days] == [(2, Decimal("0.3")), (3, Decimal("0.8"))]


def test_refusal_rate_is_of_opening_orders(desk: Desk) -> None:
    """One approved, one rejected, one held: two of three; an exit counts in neither."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.trade("buy", "0.1", 10_000, stop_loss=9_800)
    desk.ask("buy", 9, stop_loss=9_800)
    desk.ask("buy", "0.01", stop_loss=9_800, confidence="0.1")
    desk.ask("sell", "0.1", reduce_only=True)
    report = report_from(desk.journal)
    assert report.health.refusal_rate == Decimal("0.666666667")
    too_large = ("concentration", "correlated_exposure", "leverage", "position_size")
    assert tuple((one.rule, one.orders) for one in report.outcomes.rejections) == tuple((rule, 1) for rule in too_large)


def test_malfunctions_are_counted_and_weigh_in_no_mean(unsure_week: Week) -> None:
    """A day of 96 bars: every fourth raised, every fourth was no answer, once there was a range to trade by."""
    report = report_from(unsure_week.journal)
    health, outcomes = report.health, report.outcomes
    assert health.malfunctions == 41
    assert health.answers + health.malfunctions == 96
    assert health.holds + health.malfunctions == outcomes.holds
    assert outcomes.held == 10
    assert health.confidence is not None
    assert Decimal("0.3") < health.confidence < Decimal("0.6")


def test_nothing_asked_is_nothing_known(desk: Desk) -> None:
    """A vault whose model said nothing."""
    desk.gate.deposit(10_000)
    health = report_from(desk.journal).health
    assert (health.confidence, health.trend, health.refusal_rate, health.brier, health.answers) == (None,) * 4 + (0,)
