"""Rolling correlation of returns, with bars missing as they do."""

from collections.abc import Iterable, Sequence
from math import log
from typing import Final

import numpy as np
import numpy.typing as npt

from gxrisk.feeds.candles import Candle
from gxrisk.feeds.recording import FeedError

Matrix = npt.NDArray[np.float64]
_RETURNS_MIN: Final = 2


class RollingCorrelation:
    """Pearson's correlation of the log returns of `assets` over the last `window` bars' time, pair by pair.

    A return joins two neighbouring bars, ln(close / close before); where one of them is missing there is none. For a
    pair those bars count in which both have a return (pairwise complete). The correlation is nan, unknown, for fewer
    than `returns_min` such bars (half the window unless given) and when one of the two did not move. Time goes on
    for all when it does for one, so that after an outage the old returns leave the window.

    Source: Karl Pearson, Note on regression and inheritance in the case of two parents, 1895.
    Raises `FeedError` for a window or `returns_min` under 2, an asset named twice, candles of other assets or of
    different intervals.

    >>> from decimal import Decimal
    >>> def bar(asset, minute, price):
    ...     price = Decimal(price)
    ...     return Candle(asset, minute * 60_000, 60_000, price, price, price, price, 0.0)
    >>> rolling = RollingCorrelation(["BTC", "ETH"], 4)
    >>> for minute, (btc, eth) in enumerate(((100, 10), (110, 12), (100, 9), (120, 10))):
    ...     rolling.update([bar("BTC", minute, btc), bar("ETH", minute, eth)])
    >>> round(float(rolling.matrix()[0, 1]), 3)
    0.894
    """

    def __init__(self, assets: Sequence[str], window: int, *, returns_min: int | None = None) -> None:
        if len(set(assets)) != len(assets):
            raise FeedError(f"assets: {', '.join(assets)} names one twice")
        returns_min = max(window // 2, _RETURNS_MIN) if returns_min is None else returns_min
        for name, value in (("window", window), ("returns_min", returns_min)):
            if value < _RETURNS_MIN:
                raise FeedError(f"{name}: {value} was given, {_RETURNS_MIN} or more is allowed")
        self._assets = tuple(assets)
        self._columns = {asset: column for column, asset in enumerate(assets)}
        self._returns_min = returns_min
        self._returns: Matrix = np.full((window, len(assets)), np.nan)
        self._last: list[Candle | None] = [None] * len(assets)
        self._slot: int | None = None
        self._interval_ms: int | None = None

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets, in the order of the matrix."""
        return self._assets

    def update(self, closed: Iterable[Candle]) -> None:
        """Take completed bars (`Moment.closed`). One that is older than the newest of all is too late and ignored."""
        for candle in closed:
            column = self._column(candle)
            slot = candle.start_ms // candle.interval_ms
            if self._slot is not None and slot < self._slot:
                continue
            self._move_to(slot)
            last = self._last[column]
            if last is not None and slot - last.start_ms // last.interval_ms == 1:
                row = slot % len(self._returns)
                self._returns[row, column] = log(float(candle.close) / float(last.close))
            self._last[column] = candle

    def matrix(self) -> Matrix:
        """The correlations now: 1 on the diagonal, nan where it is unknown."""
        known = ~np.isnan(self._returns)
        # centred first, or the squares of large means would eat the digits
        centre = np.where(known, self._returns, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        values = np.where(known, self._returns - centre, 0.0)
        sizes = np.where(known, self._returns, 0.0) ** 2
        weights = known.astype(np.float64)
        counts = weights.T @ weights
        sums = values.T @ weights  # of i over the bars that j has too
        shared = np.maximum(counts, 1.0)
        squares = (values * values).T @ weights
        variances = squares - sums * sums / shared
        covariances = values.T @ values - sums * sums.T / shared
        # what is left of equal returns is rounding, not movement
        moved = variances > (sizes.T @ weights) * 1e-12
        usable = (counts >= self._returns_min) & moved & moved.T
        scale = np.sqrt(np.where(usable, variances * variances.T, 1.0))
        correlations = np.where(usable, np.clip(covariances / scale, -1.0, 1.0), np.nan)
        np.fill_diagonal(correlations, 1.0)
        return correlations

    def _column(self, candle: Candle) -> int:
        column = self._columns.get(candle.asset)
        if column is None:
            raise FeedError(f"a candle of {candle.asset} was given, {', '.join(self._assets)} are allowed")
        self._interval_ms = self._interval_ms or candle.interval_ms
        if candle.interval_ms != self._interval_ms:
            raise FeedError(
                f"{candle.asset} has candles of {candle.interval_ms // 1000} s, the others of "
                f"{self._interval_ms // 1000} s; one interval is allowed"
            )
        return column

    def _move_to(self, slot: int) -> None:
        """Empty the rows of the bars that have begun since."""
        if self._slot is not None:
            window = len(self._returns)
            for passed in range(max(self._slot + 1, slot + 1 - window), slot + 1):
                self._returns[passed % window] = np.nan
        self._slot = slot
