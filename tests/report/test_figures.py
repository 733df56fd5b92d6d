"""The numbers, against ones worked out by hand."""

import statistics
from decimal import Decimal
from math import sqrt

import pytest
from gxrisk.vaults.report import Span, report_from

from .desk import WEEK, Desk

HOUR = 3_600


def _earn(desk: Desk, amount: Decimal) -> None:
    """A round trip of exactly this profit, which leaves the vault flat."""
    desk.mark(10_000, atr=100)
    desk.trade("buy", "0.1", 10_000, stop_loss=9_800)
    desk.trade("sell", "0.1", 10_000 + amount * 10, reduce_only=True)


def test_return_leaves_flows_out(desk: Desk) -> None:
    """1 % gained, as much paid in as there was, 1 % lost: 0.99 x 1.01 of the beginning, whatever the flows."""
    desk.gate.deposit(10_000)
    desk.sample()
    for kind, amount in (("earn", 100), ("deposit", 10_100), ("earn", -202)):
        desk.wait(HOUR)
        if kind == "earn":
            _earn(desk, Decimal(amount))
        else:
            desk.gate.deposit(amount)
        desk.sample()
    figures = report_from(desk.journal).figures
    assert figures.returned == Decimal("1.01") * Decimal("0.99") - 1
    assert figures.max_drawdown == Decimal("0.01")
    assert figures.profit == Decimal(-102)
    assert (figures.equity_first, figures.equity_last, figures.deposits) == (10_000, 19_998, 20_100)


def test_a_flow_counts_for_the_time_it_was_there(desk: Desk) -> None:
    """300 earned with 10,000 and 10,000 more for half of the hour: 2 %."""
    desk.gate.deposit(10_000)
    desk.sample()
    desk.wait(HOUR // 2)
    desk.gate.deposit(10_000)
    desk.wait(HOUR // 2)
    _earn(desk, Decimal(300))
    desk.sample()
    assert report_from(desk.journal).figures.returned == Decimal("0.02")


def test_funding_is_earned(desk: Desk) -> None:
    """It moves the return, and is no flow."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.sample()
    desk.wait(HOUR)
    desk.gate.funding("BTC", -50)
    desk.sample()
    figures = report_from(desk.journal).figures
    assert (figures.returned, figures.funding, figures.deposits) == (Decimal("-0.005"), -50, 10_000)


@pytest.mark.parametrize(
    ("profits", "win_rate", "profit_factor"),
    [
        ([30, -10, 0], "0.333333333", "3"),
        ([30, 20], "1", None),
        ([-30], "0", "0"),
        ([], None, None),
    ],
)
def test_round_trips(desk: Desk, profits: list[int], win_rate: str | None, profit_factor: str | None) -> None:
    """Win rate and profit factor; what cannot be divided is not known."""
    desk.gate.deposit(10_000)
    for profit in profits:
        desk.wait()
        _earn(desk, Decimal(profit))
    figures = report_from(desk.journal).figures
    assert figures.win_rate == (None if win_rate is None else Decimal(win_rate))
    assert figures.profit_factor == (None if profit_factor is None else Decimal(profit_factor))
    assert figures.round_trips == len(profits)


@pytest.mark.parametrize("hours", [24, 30])
def test_sharpe_against_the_textbook(desk: Desk, hours: int) -> None:
    """Mean of the hourly returns by their sample deviation, by the root of the hours of a year."""
    desk.gate.deposit(10_000)
    desk.sample()
    equities = [10_000.0]
    for hour in range(hours):
        desk.wait(HOUR)
        _earn(desk, Decimal((-1) ** hour * (hour + 3)))
        desk.sample()
        equities.append(equities[-1] + (-1) ** hour * (hour + 3))
    returns = [after / before - 1 for before, after in zip(equities, equities[1:], strict=False)]
    expected = statistics.mean(returns) / statistics.stdev(returns) * sqrt(24 * 365)
    sharpe = report_from(desk.journal).figures.sharpe
    assert sharpe is not None
    assert float(sharpe) == pytest.approx(expected, abs=1e-6)


def test_sharpe_of_a_few_hours_is_not_known(desk: Desk) -> None:
    """Twenty-three returns are too few."""
    desk.gate.deposit(10_000)
    desk.sample()
    for hour in range(23):
        desk.wait(HOUR)
        _earn(desk, Decimal(hour))
        desk.sample()
    assert report_from(desk.journal).figures.sharpe is None


def test_weeks_follow_on_each_other(desk: Desk) -> None:
    """The returns of two weeks make the return of both; a trade belongs to the week that it ended in."""
    desk.gate.deposit(10_000)
    desk.sample()
    for profit in (10, -20, 30, -40, 50, -60, 70, 80, -90):
        _earn(desk, Decimal(profit))
        desk.wait(24 * HOUR)
        desk.sample()
    weeks = [report_from(desk.journal, Span.week(name)).figures for name in (WEEK, "2020-W12")]
    whole = report_from(desk.journal, Span(" ", Span.week(WEEK).since_ns, Span.week("2020-W12").until_ns)).figures
    first, second = (1 + week.returned for week in weeks if week.returned is not None)
    assert whole.returned is not None
    assert abs(first * second - 1 - whole.returned) < Decimal("1e-8")
    assert [week.round_trips for week in weeks] == [7, 2]
    assert weeks[0].equity_last == weeks[1].equity_first == 10_040
    assert sum(week.profit or 0 for week in weeks) == whole.profit == 30


def test_a_past_week_does_not_hang_on_what_came_later(desk: Desk) -> None:
    """The report of a week is the same in its journal and in one that went on, trips and open positions too."""
    desk.gate.deposit(10_000)
    desk.sample()
    desk.mark(10_000, atr=100)
    desk.trade("buy", "0.2", 10_000, stop_loss=9_800)
    desk.mark(8_500)
    desk.wait(7 * 24 * HOUR)
    desk.gate.note("equity", '{"equity": "9700", "drawdown": "0.03", "gross_exposure": "1700"}')
    before = report_from(desk.journal, Span.week(WEEK))
    desk.mark(8_600)
    desk.wait(9 * 24 * HOUR)
    desk.mark(8_400)
    desk.trade("sell", "0.2", 8_400, reduce_only=True)
    assert report_from(desk.journal, Span.week(WEEK)) == before
    assert before.episodes
