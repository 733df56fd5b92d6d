"""Bars for the tests of models: drawn by hypothesis, or from a seeded walk."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from gxrisk.agent import Portfolio, View
from gxrisk.feeds import Candle

START_MS = 1_583_971_200_000  # 2020-03-12 00:00 UTC
MINUTE_MS = 60_000


def walk(seed: int, count: int, *, asset: str = "BTC", start: float = 100.0) -> tuple[Candle, ...]:
    """A seeded random walk of one-minute bars, each with a range and a volume."""
    random = Random(seed)
    bars, price = [], start
    for minute in range(count):
        opened, price = price, price * (1 + random.gauss(0, 0.003))
        high = max(opened, price) * (1 + abs(random.gauss(0, 0.001)))
        low = min(opened, price) * (1 - abs(random.gauss(0, 0.001)))
        at_ms = START_MS + minute * MINUTE_MS
        prices = [Decimal(str(round(one, 6))) for one in (opened, high, low, price)]
        bars.append(Candle(asset, at_ms, MINUTE_MS, *prices, float(random.randint(1, 500))))
    return tuple(bars)


def view(
    candles: Sequence[Candle], *, atr: float | None = 0.5, quantity: str = "0", equity: str = "10000", **portfolio: bool
) -> View:
    """The question that comes with the last of `candles`."""
    last = candles[-1]
    held = {last.asset: Decimal(quantity)} if Decimal(quantity) else {}
    at = datetime.fromtimestamp(last.end_ms / 1000, UTC)
    return View(last.asset, at, tuple(candles), atr, Portfolio(Decimal(equity), held, **portfolio))


def scaled(candle: Candle, prices: Decimal, volume: float = 1.0) -> Candle:
    """The same bar in another unit."""
    return replace(
        candle,
        open=candle.open * prices,
        high=candle.high * prices,
        low=candle.low * prices,
        close=candle.close * prices,
        volume=candle.volume * volume,
    )
