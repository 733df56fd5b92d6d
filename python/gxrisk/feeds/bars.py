"""Coarser bars from finer ones: a model that thinks in quarter hours on a feed of minutes."""

from gxrisk._native import GxriskError
from gxrisk.feeds.candles import Candle


class BarError(GxriskError, ValueError):
    """A bar length that the candles do not divide."""


class BarBuilder:
    """Collects the candles of one asset into bars of `bar_ms`, aligned to UTC.

    A bar is handed out when its last candle is complete, or, when that candle is missing, with the next candle of
    the asset. No bar is made up for a time without any candle. With `bar_ms` equal to the candle's interval the
    candles pass as they are. Raises `BarError` when `bar_ms` is no multiple of the interval.

    >>> from decimal import Decimal
    >>> builder = BarBuilder(120_000)
    >>> for start, close in ((0, 5), (60_000, 7), (120_000, 6), (240_000, 8)):
    ...     price = Decimal(close)
    ...     done = builder.add(Candle("BTC", start, 60_000, price, price, price, price, 1.0))
    ...     print([(bar.start_ms, str(bar.open), str(bar.close), bar.volume) for bar in done])
    []
    [(0, '5', '7', 2.0)]
    []
    [(120000, '6', '6', 1.0)]
    """

    def __init__(self, bar_ms: int) -> None:
        self._bar_ms = bar_ms
        self._open: Candle | None = None

    def add(self, candle: Candle) -> tuple[Candle, ...]:
        """Take the next completed candle and return the bars that are complete by its end, oldest first."""
        if candle.interval_ms == self._bar_ms:
            return (candle,)
        if self._bar_ms % candle.interval_ms:
            raise BarError(
                f"bars of {self._bar_ms // 1000} s cannot be made of {candle.asset}'s candles of "
                f"{candle.interval_ms // 1000} s; a multiple of it is allowed"
            )
        start_ms = candle.start_ms - candle.start_ms % self._bar_ms
        done: list[Candle] = []
        if self._open is not None and self._open.start_ms != start_ms:
            done.append(self._open)
            self._open = None
        self._open = self._joined(candle, start_ms)
        if candle.end_ms >= self._open.end_ms:
            done.append(self._open)
            self._open = None
        return tuple(done)

    def _joined(self, candle: Candle, start_ms: int) -> Candle:
        bar = self._open
        if bar is None:
            return Candle(
                candle.asset, start_ms, self._bar_ms, candle.open, candle.high, candle.low, candle.close, candle.volume
            )
        return Candle(
            bar.asset,
            start_ms,
            self._bar_ms,
            bar.open,
            max(bar.high, candle.high),
            min(bar.low, candle.low),
            candle.close,
            bar.volume + candle.volume,
        )
