"""What the market did after a model's own holds, each case by hand."""

from decimal import Decimal

from gxrisk.vaults.report import Report, Span, page, report_from
from gxrisk.vaults.report.watched import Watched

from .desk import Desk
from .weeks import WEEK, Week


def _later(desk: Desk, price: int, asset: str = "BTC") -> None:
    desk.wait()
    desk.mark(price, asset=asset)


def _watched(desk: Desk) -> tuple[Report, tuple[Watched, ...]]:
    desk.gate.note("on", "record")  # so that the marks are
    report = report_from(desk.journal)
    return report, report.watched


def test_each_hold_lasts_until_the_next_answer_on_its_asset(desk: Desk) -> None:
    """BTC: +1 % until the next hold, -0.5 % until an order, +2 % after it, which no hold saw; ETH: +10 % of its own."""
    agent = desk.gate.agent()
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.mark(100, asset="ETH", atr=1)
    agent.hold("0.9", "waits", asset="BTC")
    agent.hold("0.9", "waits", asset="ETH")
    _later(desk, 10_100)
    agent.hold("0.9", "waits still", asset="BTC")
    desk.mark(110, asset="ETH", atr=1)
    desk.wait()
    desk.mark(Decimal("10049.5"), atr=100)
    desk.trade("buy", "0.1", 10_050, stop_loss=9_900)
    _later(desk, 10_250)
    btc, eth = _watched(desk)[1]
    assert btc == Watched("BTC", 2, 2, Decimal("0.01"), Decimal("0.005"), Decimal("0.005"))
    assert eth == Watched("ETH", 1, 1, Decimal("0.1"), Decimal(0), Decimal("0.1"))


def test_what_is_not_known_is_in_no_sum(desk: Desk) -> None:
    """A hold that names nothing, one on what was never marked, one without a later mark."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.gate.hold("0.9", "waits")
    desk.gate.hold("0.9", "waits", asset="DOGE")
    desk.gate.hold("0.9", "waits", asset="BTC")
    _later(desk, 9_000)
    desk.gate.hold("0.9", "waits", asset="BTC")
    report, found = _watched(desk)
    assert found == (
        Watched("BTC", 2, 1, Decimal(0), Decimal("0.1"), Decimal("-0.1")),
        Watched("DOGE", 1, 0, None, None, None),
        Watched(None, 1, 0, None, None, None),
    )
    text = page(report)
    assert "none named" in text
    assert "For 3 of 4 holds" in text
    assert '<data value="0.1">10.00 %</data>' in text


def test_a_hold_is_no_order(desk: Desk) -> None:
    """It counts as a hold wherever answers are counted, and what was refused before is judged beyond it."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.ask("buy", "0.1", stop_loss=9_000, confidence="0.1")
    _later(desk, 10_100)
    desk.gate.hold("0.9", "waits", asset="BTC")
    _later(desk, 10_300)
    report, _ = _watched(desk)
    assert (report.outcomes.held, report.outcomes.holds, report.health.orders, report.health.holds) == (1, 1, 1, 1)
    assert (report.health.refusal_rate, len(report.forgone)) == (1, 1)
    assert report.forgone[0].outcome_amount == 30


def test_a_vault_names_what_its_strategy_was_asked_about(unsure_week: Week) -> None:
    """Also where the strategy broke, and the hold was recorded in its place."""
    report = report_from(unsure_week.journal, Span.week(WEEK))
    assert report.health.malfunctions > 0
    (btc,) = report.watched
    assert (btc.asset, btc.holds) == ("BTCUSD", report.outcomes.holds)
    assert btc.known >= btc.holds - 1 > 0
