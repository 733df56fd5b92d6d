"""What kind of market it is: trending, choppy, volatile or stable, from completed bars only."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from gxrisk.feeds.candles import Candle
from gxrisk.feeds.volatility import RealisedVolatility
from gxrisk.protection.bounds import Number, setting, whole
from gxrisk.protection.directional import WilderAdx
from gxrisk.protection.risk import RiskLevel

Regime = Literal["trending", "choppy", "volatile", "stable"]
REGIMES: Final[tuple[Regime, ...]] = get_args(Regime)

_LEVELS: Final[dict[Regime | None, RiskLevel]] = {
    "trending": "low",
    "stable": "low",
    "choppy": "elevated",
    "volatile": "high",
    None: "elevated",
}


@dataclass(frozen=True, slots=True)
class RegimeReading:
    """The market after the bar that ended at `at_ms` (UTC); `regime` is None, and so are features, while warming up.

    `efficiency` is Kaufman's ratio (0 to 1), `adx` Wilder's index (0 to 100), `volatility` annualised, `percentile`
    the share of its last values that were lower.
    """

    at_ms: int
    regime: Regime | None
    efficiency: float | None
    adx: float | None
    volatility: float | None
    percentile: float | None
    level: RiskLevel
    reason: str


class RegimeDetector:
    """Names the regime of one asset, bar by bar; nothing later than the bar is known.

    Three features, each with an (enter, leave) pair, so that a value near a threshold does not flicker:

    - volatile: the percentile of `RealisedVolatility(window)` among its last `history` values is at least
      volatile[0], until it is under volatile[1]
    - trending: the efficiency ratio of `window` bars, |close - close before| / sum of |steps|, is at least
      efficiency[0] and the ADX of `adx_period` bars at least adx[0], until one is under its leave
    - quiet: the same percentile is at most quiet[0], until it is over quiet[1]

    The regime is `volatile`, else `trending`, else `stable` when quiet, else `choppy`. There is none before every
    feature is known, with `history_min` volatilities. A bar not newer than the last one changes nothing. The
    thresholds are the customary 25 and 20 of the ADX, and round numbers not fitted to any data.

    Sources: P. J. Kaufman, Trading Systems and Methods, "efficiency ratio"; J. Welles Wilder, New Concepts in
    Technical Trading Systems, 1978. Raises `ValueError` for settings out of range, another asset's bar, or a close
    that is not above 0.

    >>> from decimal import Decimal
    >>> detector = RegimeDetector(window=3, adx_period=2, history=20, history_min=5)
    >>> for n in range(20):
    ...     low = Decimal(100 + n)
    ...     reading = detector.update(Candle("BTC", n * 60_000, 60_000, low, low + 1, low, low + 1, 1.0))
    >>> reading.regime, reading.efficiency, reading.adx
    ('trending', 1.0, 100.0)
    """

    def __init__(
        self,
        *,
        window: int = 20,
        adx_period: int = 14,
        history: int = 500,
        history_min: int = 100,
        volatile: tuple[Number, Number] = (0.9, 0.8),
        efficiency: tuple[Number, Number] = (0.35, 0.25),
        adx: tuple[Number, Number] = (25, 20),
        quiet: tuple[Number, Number] = (0.4, 0.6),
    ) -> None:
        self._window = whole("window", window, 2, 10_000)
        self._history_min = whole("history_min", history_min, 1, whole("history", history, 2, 100_000))
        self._volatile = _Latch("volatile", volatile, 1)
        self._efficient = _Latch("efficiency", efficiency, 1)
        self._directed = _Latch("adx", adx, 100)
        self._quiet = _Latch("quiet", quiet, 1, falling=True)
        self._volatility = RealisedVolatility(self._window)
        self._adx = WilderAdx(whole("adx_period", adx_period, 2, 1000))
        self._closes: deque[float] = deque(maxlen=self._window + 1)
        self._ranks: deque[float] = deque(maxlen=history)
        self._is_trending = False
        self._last: Candle | None = None
        self._reading = RegimeReading(0, None, None, None, None, None, _LEVELS[None], "no bar was seen")

    @property
    def reading(self) -> RegimeReading:
        """The newest one."""
        return self._reading

    def update(self, candle: Candle) -> RegimeReading:
        """Take the next completed bar."""
        if self._last is not None and candle.asset != self._last.asset:
            raise ValueError(f"asset: {candle.asset} was given, {self._last.asset} is what this detector reads")
        if not candle.close > 0:
            raise ValueError(f"close: {candle.close} was given, a price above 0 is allowed")
        if self._last is not None and candle.start_ms <= self._last.start_ms:
            return self._reading
        self._last = candle
        self._closes.append(float(candle.close))
        adx = self._adx.update(float(candle.high), float(candle.low))
        volatility = self._volatility.update(candle)
        ratio = efficiency_ratio(self._closes) if len(self._closes) > self._window else None
        rank = None
        if volatility is not None:
            self._ranks.append(volatility)
            if len(self._ranks) >= self._history_min:
                rank = sum(one < volatility for one in self._ranks) / len(self._ranks)
        regime, reason = self._classified(ratio, adx, rank)
        self._reading = RegimeReading(candle.end_ms, regime, ratio, adx, volatility, rank, _LEVELS[regime], reason)
        return self._reading

    def _classified(self, ratio: float | None, adx: float | None, rank: float | None) -> tuple[Regime | None, str]:
        if ratio is None or adx is None or rank is None:
            return None, "there are not enough bars yet"
        is_volatile, is_quiet = self._volatile.update(rank), self._quiet.update(rank)
        efficient, directed = self._efficient, self._directed
        if self._is_trending:
            self._is_trending = ratio >= efficient.leave and adx >= directed.leave
        else:
            self._is_trending = ratio >= efficient.enter and adx >= directed.enter
        if is_volatile:
            return "volatile", f"volatility ranks at {rank:.2f} of its history"
        figures = f"efficiency {ratio:.2f}, ADX {adx:.0f}, volatility rank {rank:.2f}"
        if self._is_trending:
            return "trending", f"the market goes one way: {figures}"
        if is_quiet:
            return "stable", f"no trend and little movement: {figures}"
        return "choppy", f"movement without a direction: {figures}"


def regimes(candles: Iterable[Candle], detector: RegimeDetector | None = None) -> tuple[RegimeReading, ...]:
    """One reading a bar, in a batch: the same as `update` gives bar by bar."""
    reader = detector or RegimeDetector()
    return tuple(reader.update(candle) for candle in candles)


def efficiency_ratio(closes: Iterable[float]) -> float:
    """Kaufman's efficiency ratio of at least two closes: the way made over the way gone; 0 of a price that stood still.

    >>> efficiency_ratio([10, 11, 10, 12]), efficiency_ratio([10, 10, 10])
    (0.5, 0.0)
    """
    path = np.fromiter(closes, dtype=float)
    gone = float(np.abs(np.diff(path)).sum())
    # a sum in another order than the difference can miss 1 by its last digit
    return min(1.0, abs(float(path[-1] - path[0])) / gone) if gone else 0.0


class _Latch:
    """A threshold with hysteresis: set at `enter`, and cleared only past `leave`."""

    def __init__(self, name: str, pair: tuple[Number, Number], high: int, *, falling: bool = False) -> None:
        enter, leave = (float(setting(name, one, 0, high)) for one in pair)
        if (leave < enter) if falling else (leave > enter):
            order = "leave at or over enter" if falling else "leave at or under enter"
            raise ValueError(f"{name}: {pair} was given as (enter, leave), {order} is allowed")
        self.enter, self.leave, self._falling, self._set = enter, leave, falling, False

    def update(self, value: float) -> bool:
        bound = self.leave if self._set else self.enter
        self._set = value <= bound if self._falling else value >= bound
        return self._set
