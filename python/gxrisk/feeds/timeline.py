"""Several assets on one time line: what closes and what opens at each moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from itertools import groupby
from operator import itemgetter

from gxrisk.feeds.candles import Candle, CandleSeries


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade at a market: UTC milliseconds, price in the quote currency, quantity in base units."""

    asset: str
    at_ms: int
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant in UTC milliseconds: the bars complete by now, the bars of which only the open is known, trades.

    What closed comes before what opened. `trades` are in the feed's order and may be older than `at_ms` when they
    come late.
    """

    at_ms: int
    closed: tuple[Candle, ...] = ()
    opened: tuple[Candle, ...] = ()
    trades: tuple[Trade, ...] = ()


def timeline(series: Sequence[CandleSeries]) -> Iterator[Moment]:
    """Merge `series` in time order; at one instant assets go by name, whatever the order of the files.

    A bar is `closed` at its end and not before. `opened` bars start at this instant: a fill may use their open, a
    decision may not.

    >>> from decimal import Decimal
    >>> one = Decimal(1)
    >>> def bars(asset, *starts):
    ...     return CandleSeries(asset, 60, tuple(Candle(asset, s, 60, one, one, one, one, 0.0) for s in starts), "")
    >>> for moment in timeline([bars("ETH", 60), bars("BTC", 0, 60)]):
    ...     print(moment.at_ms, [bar.asset for bar in moment.closed], [bar.asset for bar in moment.opened])
    0 [] ['BTC']
    60 ['BTC'] ['BTC', 'ETH']
    120 ['BTC', 'ETH'] []
    """
    ordered = sorted(series, key=lambda one: one.asset)
    streams = [_edges(rank, one) for rank, one in enumerate(ordered)]
    for at_ms, edges in groupby(merge(*streams, key=itemgetter(0, 1)), key=itemgetter(0)):
        listed = list(edges)
        closed = tuple(candle for _, _, opens, candle in listed if not opens)
        opened = tuple(candle for _, _, opens, candle in listed if opens)
        yield Moment(at_ms, closed, opened)


def _edges(rank: int, series: CandleSeries) -> Iterator[tuple[int, int, bool, Candle]]:
    for candle in series.candles:
        yield candle.start_ms, rank, True, candle
        yield candle.end_ms, rank, False, candle
