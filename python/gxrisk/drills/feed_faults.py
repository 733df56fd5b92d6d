"""What a feed tells that is not so, or does not tell; the market itself goes on as it is."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from gxrisk.feeds.candles import Candle
from gxrisk.feeds.reconstruction import MINUTE_MS
from gxrisk.feeds.timeline import Moment

FeedFault = Callable[[Sequence[Moment], int], list[Moment]]
"""From the true moments, and when the event begins (UTC ms), to those that are told."""

OUTAGE: Final = range(10, 45)  # minutes after the event began
PHANTOM: Final = 20  # the minute of a price 40 % too high
SHIFTED: Final = range(30, 32)  # the decimal point is one place off
FROZEN: Final = range(40, 52)  # the same price again and again


def outage(moments: Sequence[Moment], begins_ms: int) -> list[Moment]:
    """Silence for 35 minutes."""
    return [one for one in moments if _minute(one, begins_ms) not in OUTAGE]


def corruption(moments: Sequence[Moment], begins_ms: int) -> list[Moment]:
    """A phantom spike, a shifted decimal point, and a stretch of frozen prices."""
    told: list[Moment] = []
    frozen: dict[str, Decimal] = {}
    for moment in moments:
        minute = _minute(moment, begins_ms)
        if minute not in FROZEN:
            frozen = {one.asset: one.close for one in moment.closed} or frozen
        closed = tuple(_corrupted(one, minute, frozen) for one in moment.closed)
        told.append(replace(moment, closed=closed))
    return told


def _corrupted(candle: Candle, minute: int, frozen: dict[str, Decimal]) -> Candle:
    if minute == PHANTOM:
        return replace(candle, high=candle.close * Decimal("1.4"), close=candle.close * Decimal("1.4"))
    if minute in SHIFTED:
        return _flat(candle, candle.close / 10)
    if minute in FROZEN:
        return _flat(candle, frozen[candle.asset])
    return candle


def _flat(candle: Candle, price: Decimal) -> Candle:
    return replace(candle, open=price, high=price, low=price, close=price)


def _minute(moment: Moment, begins_ms: int) -> int:
    return (moment.at_ms - begins_ms) // MINUTE_MS
