"""Recorded candles and trades as one sequence of moments, and bars for the trades."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter

from gxrisk._native import GxriskError
from gxrisk.feeds.candles import Candle, CandleSeries
from gxrisk.feeds.timeline import Moment, Trade, timeline
from gxrisk.feeds.trades import TradeBars, TradeSeries

Recording = CandleSeries | TradeSeries


class FeedError(GxriskError, ValueError):
    """A feed that cannot be made of what was given."""


def recorded(recordings: Sequence[Recording], *, bar_ms: int | None = None) -> Iterator[Moment]:
    """What `recordings` tell, moment by moment; with `bar_ms` the trades are made into bars as well.

    A trade comes when its file has it: one that is older than a trade before it comes with that one's moment. At one
    instant assets go by name. Raises `FeedError` for no recording, two of one kind of one asset, and for `bar_ms`
    where an asset with trades has candles of its own.

    >>> from decimal import Decimal
    >>> trades = tuple(Trade("BTC", at_ms, Decimal(5), Decimal(1)) for at_ms in (61_000, 59_000, 125_000))
    >>> for moment in recorded([TradeSeries("BTC", trades, "by hand")], bar_ms=60_000):
    ...     print(moment.at_ms, [trade.at_ms for trade in moment.trades], [bar.start_ms for bar in moment.closed])
    61000 [61000, 59000] []
    120000 [] [60000]
    125000 [125000] []
    """
    candles = sorted((one for one in recordings if isinstance(one, CandleSeries)), key=attrgetter("asset"))
    trades = sorted((one for one in recordings if isinstance(one, TradeSeries)), key=attrgetter("asset"))
    _check(candles, trades, bar_ms)
    if not trades:
        return timeline(candles)
    streams: list[Iterable[Moment]] = [_arrivals(trades)]
    if candles:
        streams.append(timeline(candles))
    moments = _joined(streams)
    return moments if bar_ms is None else with_bars(moments, bar_ms)


def with_bars(moments: Iterable[Moment], bar_ms: int) -> Iterator[Moment]:
    """`moments`, and the bars of `bar_ms` that their trades make: each closed at its end, which may be its own moment.

    The bars in progress at the end are never closed.
    """
    bars: dict[str, TradeBars] = {}
    soonest_ms: int | None = None  # the first end to come: most moments end no bar
    for moment in moments:
        at_ms = moment.at_ms
        closed: list[Candle] = []
        opened: list[Candle] = []
        while soonest_ms is not None and soonest_ms <= at_ms:
            done = _completed(bars, soonest_ms)
            if soonest_ms == at_ms:
                closed += done
            else:
                yield Moment(soonest_ms, closed=tuple(done))
            soonest_ms = _soonest(bars)
        for trade in moment.trades:
            asset = bars.get(trade.asset) or bars.setdefault(trade.asset, TradeBars(bar_ms))
            asset.complete(at_ms)
            early, begun = asset.add(trade)
            closed += [early] if early else []
            opened += [begun] if begun else []
        if closed or opened:
            soonest_ms = _soonest(bars)
            moment = replace(moment, closed=(*moment.closed, *closed), opened=(*moment.opened, *opened))
        yield moment


def _soonest(bars: dict[str, TradeBars]) -> int | None:
    return min((end_ms for one in bars.values() if (end_ms := one.end_ms) is not None), default=None)


def _completed(bars: dict[str, TradeBars], at_ms: int) -> list[Candle]:
    return [done for asset in sorted(bars) if (done := bars[asset].complete(at_ms)) is not None]


def _arrivals(series: Sequence[TradeSeries]) -> Iterator[Moment]:
    streams = [_arriving(rank, one) for rank, one in enumerate(series)]
    for at_ms, group in groupby(merge(*streams, key=itemgetter(0, 1)), key=itemgetter(0)):
        yield Moment(at_ms, trades=tuple(trade for _, _, trade in group))


def _arriving(rank: int, series: TradeSeries) -> Iterator[tuple[int, int, Trade]]:
    now_ms = 0
    for trade in series.trades:
        now_ms = max(now_ms, trade.at_ms)
        yield now_ms, rank, trade


def _joined(streams: Sequence[Iterable[Moment]]) -> Iterator[Moment]:
    for _, group in groupby(merge(*streams, key=attrgetter("at_ms")), key=attrgetter("at_ms")):
        first, *others = group
        for other in others:
            first = Moment(
                first.at_ms, first.closed + other.closed, first.opened + other.opened, first.trades + other.trades
            )
        yield first


def _check(candles: Sequence[CandleSeries], trades: Sequence[TradeSeries], bar_ms: int | None) -> None:
    if not candles and not trades:
        raise FeedError("no recording was given, one at least is needed")
    for what, assets in (("candles", [one.asset for one in candles]), ("trades", [one.asset for one in trades])):
        for asset in assets:
            if assets.count(asset) > 1:
                raise FeedError(f"two recordings hold {what} of {asset}, one for each asset is allowed")
    if bar_ms is not None:
        both = sorted({one.asset for one in candles} & {one.asset for one in trades})
        if both:
            raise FeedError(f"bar_ms: {both[0]} has candles of its own, bars of its trades would be told beside them")
