"""What is in a data file: rows, span, gaps, largest moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from gxrisk.feeds.candles import read_candles
from gxrisk.feeds.funding import read_funding
from gxrisk.feeds.table import read_header
from gxrisk.feeds.trades import read_trades


class Gap(NamedTuple):
    """A time without data: from the end of what was last there to the start of what came next, UTC milliseconds."""

    from_ms: int
    until_ms: int


class Extreme(NamedTuple):
    """A fraction (a move from one row's price to the next, or a funding rate) and when it was known."""

    fraction: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a file of `kind` candles, trades or funding.

    Times are UTC milliseconds, `until_ms` is the end of the last bar. `gaps` counts the places where rows are missing
    and `missing` those rows; trades have no interval, so for them `longest` alone is told. `late` counts the trades
    that are older than one before them. `down` and `up` are the largest moves from close to close or trade to trade,
    for funding the lowest and the highest rate.
    """

    kind: str
    asset: str
    interval_ms: int | None
    rows: int
    from_ms: int
    until_ms: int
    gaps: int
    missing: int
    longest: Gap | None
    late: int
    down: Extreme | None
    up: Extreme | None


def read_contents(file: Path) -> Contents:
    """Read all of `file`, whose header says what it holds. Raises `DataError` at the first thing that is wrong."""
    names = read_header(file)
    if "funding_rate" in names:
        return _funding(file)
    return _trades(file) if "price" in names and "close" not in names else _candles(file)


def _candles(file: Path) -> Contents:
    series = read_candles(file)
    bars = series.candles
    gaps, missing, longest = _gaps([bar.start_ms for bar in bars], series.interval_ms, series.interval_ms)
    down, up = _moves([bar.close for bar in bars], [bar.end_ms for bar in bars])
    return Contents(
        kind="candles",
        asset=series.asset,
        interval_ms=series.interval_ms,
        rows=len(bars),
        from_ms=bars[0].start_ms,
        until_ms=bars[-1].end_ms,
        gaps=gaps,
        missing=missing,
        longest=longest,
        late=0,
        down=down,
        up=up,
    )


def _trades(file: Path) -> Contents:
    series = read_trades(file)
    trades = series.trades
    times = sorted(trade.at_ms for trade in trades)
    newest = late = 0
    for trade in trades:
        late += trade.at_ms < newest
        newest = max(newest, trade.at_ms)
    down, up = _moves([trade.price for trade in trades], [trade.at_ms for trade in trades])
    return Contents(
        kind="trades",
        asset=series.asset,
        interval_ms=None,
        rows=len(trades),
        from_ms=times[0],
        until_ms=times[-1],
        gaps=0,
        missing=0,
        longest=_longest(times, 0),
        late=late,
        down=down,
        up=up,
    )


def _funding(file: Path) -> Contents:
    series = read_funding(file)
    times = [one.at_ms for one in series.rates]
    interval_ms = series.interval_ms or min((after - before for before, after in pairwise(times)), default=None)
    gaps, missing, longest = (0, 0, None) if interval_ms is None else _gaps(times, interval_ms, 0)
    extremes = [Extreme(one.rate, one.at_ms) for one in series.rates]
    return Contents(
        kind="funding",
        asset=series.asset,
        interval_ms=interval_ms,
        rows=len(times),
        from_ms=times[0],
        until_ms=times[-1],
        gaps=gaps,
        missing=missing,
        longest=longest,
        late=0,
        down=min(extremes),
        up=max(extremes, key=lambda one: one.fraction),
    )


def _gaps(times: Sequence[int], interval_ms: int, length_ms: int) -> tuple[int, int, Gap | None]:
    """How often rows are missing, how many, and the longest such time; a row itself covers `length_ms`."""
    # to the nearest interval: funding is stamped some milliseconds late
    absent = [(after - before + interval_ms // 2) // interval_ms - 1 for before, after in pairwise(times)]
    found = [number for number in absent if number > 0]
    return len(found), sum(found), _longest(times, length_ms) if found else None


def _longest(times: Sequence[int], length_ms: int) -> Gap | None:
    gaps = (Gap(before + length_ms, after) for before, after in pairwise(times))
    return max(gaps, key=lambda gap: gap.until_ms - gap.from_ms, default=None)


def _moves(prices: Sequence[Decimal], times: Sequence[int]) -> tuple[Extreme | None, Extreme | None]:
    changes = [
        Extreme(after / before - 1, at_ms) for (before, after), at_ms in zip(pairwise(prices), times[1:], strict=True)
    ]
    down = min(changes, key=lambda one: one.fraction, default=None)
    up = max(changes, key=lambda one: one.fraction, default=None)
    return (down if down and down.fraction < 0 else None), (up if up and up.fraction > 0 else None)
