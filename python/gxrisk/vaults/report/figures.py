"""A span in numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk.history import EquityPoint, History, Trade
from gxrisk.vaults.performance import Curve, Trades, exposure
from gxrisk.vaults.report.curve import FRACTION, Point, drawdown_max, exposure_max, samples
from gxrisk.vaults.report.spans import Span

_SAMPLES_MIN: Final = 24  # a Sharpe ratio of fewer hours says nothing
_RATIO: Final = Decimal("1e-6")


@dataclass(frozen=True, slots=True)
class Figures:
    """The span in numbers: fractions and ratios, money in the quote currency; None is not known.

    `returned` is time-weighted, `max_drawdown` the deepest fall of that from a peak, both over the hourly samples;
    `gate_drawdown_max` is what the gate had on record, of the drawdown base. `exposure_*` are multiples of equity.
    """

    equity_first: Decimal | None
    equity_last: Decimal | None
    profit: Decimal | None
    returned: Decimal | None
    max_drawdown: Decimal | None
    gate_drawdown_max: Decimal | None
    sharpe: Decimal | None
    samples: int
    round_trips: int
    winners: int
    losers: int
    win_rate: Decimal | None
    profit_factor: Decimal | None
    trade_average: Decimal | None
    fees: Decimal
    funding: Decimal
    deposits: Decimal
    withdrawals: Decimal
    exposure_mean: Decimal | None
    exposure_max: Decimal | None


def figures_of(
    history: History,
    vault_id: str,
    span: Span,
    before: EquityPoint | None,
    equity: Sequence[EquityPoint],
    curve: Sequence[Point],
    trades: Iterable[Trade],
) -> Figures:
    """The figures; `before` and `equity` are the points of the curve, `trades` those that ended in the span."""
    flows = list(history.every(history.flows, vault_id, until_ns=span.until_ns))
    totals = history.totals(vault_id, since_ns=span.since_ns, until_ns=span.until_ns)
    sampled = samples(_sample_at(history, vault_id, span.since_ns), equity, flows)
    earned = Curve.of(sample.returned for sample in sampled[1:])
    counted = sum((Trades().after(trade.profit) for trade in trades), Trades())
    sharpe = earned.sharpe if earned.count >= _SAMPLES_MIN else None
    return Figures(
        equity_first=curve[0].equity if curve else None,
        equity_last=curve[-1].equity if curve else None,
        profit=sum((sample.gain for sample in sampled[1:]), Decimal(0)) if earned.count else None,
        returned=_rounded(earned.total_return) if earned.count else None,
        max_drawdown=_rounded(earned.max_drawdown) if earned.count else None,
        gate_drawdown_max=drawdown_max(curve),
        sharpe=None if sharpe is None else Decimal(repr(sharpe)).quantize(_RATIO),
        samples=len(sampled),
        round_trips=counted.count,
        winners=counted.winners,
        losers=counted.losers,
        win_rate=_rounded(counted.win_rate),
        profit_factor=_rounded(counted.profit_factor),
        trade_average=_rounded(counted.average),
        fees=totals.fees,
        funding=totals.funding,
        deposits=totals.deposits,
        withdrawals=-totals.withdrawals,
        exposure_mean=_rounded(exposure(sampled)),
        exposure_max=exposure_max(curve),
    )


def _sample_at(history: History, vault_id: str, time_ns: int) -> EquityPoint | None:
    """The last hourly sample not later than a time."""
    after = None
    while True:
        page = history.equity(vault_id, until_ns=time_ns + 1, after=after)
        for point in page.rows:
            if point.source == "note":
                return point
        if page.next is None:
            return None
        after = page.next


def _rounded(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(FRACTION)
