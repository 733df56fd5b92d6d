"""Realised volatility: the figure for the gate's `set_volatility`."""

from math import log, sqrt
from typing import Final

import numpy as np

from gxrisk.feeds.candles import Candle

DAYS_A_YEAR: Final = 365  # these markets never close
YEAR_MS: Final = DAYS_A_YEAR * 86_400_000


class RealisedVolatility:
    """The annualised standard deviation of an asset's log returns over the last `window` of them, as a fraction.

    A return is ln(close / close before). The deviation is the sample's (n - 1), times the root of the bars in a year
    of 365 days. A return over k bars' time, after bars that are missing, is divided by the root of k first, so that
    what happened during an outage counts and is not taken for one bar's move. A bar that is not newer than the last
    one changes nothing. It is known once `least` returns were seen (by default a whole window), from those that there
    are.

    Source: John C. Hull, Options, Futures, and Other Derivatives, "Estimating volatility from historical data".
    Raises `ValueError` for a window under 2, and for a `least` outside of 2 to the window.

    >>> from decimal import Decimal
    >>> volatility = RealisedVolatility(2)
    >>> for day, close in enumerate((100, 110, 100)):
    ...     price = Decimal(close)
    ...     bar = Candle("BTC", day * 86_400_000, 86_400_000, price, price, price, price, 0.0)
    ...     value = volatility.update(bar)
    >>> round(value, 4)
    2.5751
    """

    def __init__(self, window: int, *, least: int | None = None) -> None:
        if window < 2:
            raise ValueError(f"window: {window} was given, 2 or more is allowed")
        if least is not None and not 2 <= least <= window:
            raise ValueError(f"least: {least} was given, 2 to the window ({window}) is allowed")
        self._least = least or window
        self._returns = np.zeros(window)
        self._seen = 0
        self._last: Candle | None = None
        self._value: float | None = None

    @property
    def value(self) -> float | None:
        """The volatility now; None until `least` returns were seen."""
        return self._value

    def update(self, candle: Candle) -> float | None:
        """Take the next completed bar and return the volatility."""
        last = self._last
        if last is not None and candle.start_ms <= last.start_ms:
            return self._value
        self._last = candle
        if last is None:
            return None
        bars = (candle.start_ms - last.start_ms) / candle.interval_ms
        # the place in the ring does not matter to a deviation
        self._returns[self._seen % self._returns.size] = log(float(candle.close) / float(last.close)) / sqrt(bars)
        self._seen += 1
        if self._seen >= self._least:
            returns = self._returns[: self._seen]
            self._value = float(np.std(returns, ddof=1)) * sqrt(YEAR_MS / candle.interval_ms)
        return self._value
