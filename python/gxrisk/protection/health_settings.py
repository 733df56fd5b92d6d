"""From where on a model's statistics are worrying."""

from dataclasses import dataclass, field
from math import isfinite
from types import MappingProxyType
from typing import Final

from gxrisk.protection.health_vitals import HealthError
from gxrisk.protection.risk import RiskLevel

# What is watched, in the order of reporting, and whether much of it is bad.
WATCHED: Final = MappingProxyType(
    {
        "drawdown": True,
        "sharpe": False,
        "win_rate": False,
        "calibration": True,
        "confidence": False,
        "data_quality": False,
        "duration_s": True,
    }
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Beyond which values a statistic is `elevated`, `high`, `critical`; a value at a bound is not beyond it."""

    elevated: float
    high: float
    critical: float

    def level(self, value: float, *, much_is_bad: bool) -> tuple[RiskLevel, float | None]:
        """The level of a value, and the bound that it is beyond.

        >>> Bounds(0.05, 0.10, 0.15).level(0.12, much_is_bad=True)
        ('high', 0.1)
        >>> Bounds(0.45, 0.35, 0.25).level(0.45, much_is_bad=False)
        ('low', None)
        """
        levels: tuple[tuple[RiskLevel, float], ...] = (
            ("critical", self.critical),
            ("high", self.high),
            ("elevated", self.elevated),
        )
        for level, bound in levels:
            if value > bound if much_is_bad else value < bound:
                return level, bound
        return "low", None


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """Which trades are looked at and which values worry; bounds that are None are not watched.

    The last `window` trades count; with fewer than `trades_min` nothing is known. A level falls only after
    `calm_trades` trades in a row with a lower one. The defaults are round numbers of ours, not fitted to anything.
    Raises `HealthError` for a value out of its range and for bounds that do not get worse.

    >>> HealthSettings(win_rate=Bounds(0.2, 0.3, 0.4))
    Traceback (most recent call last):
        ...
    gxrisk.protection.health_vitals.HealthError: win_rate: 0.2, 0.3, 0.4 was given, falling numbers are allowed
    """

    window: int = 50
    trades_min: int = 20
    calm_trades: int = 5
    drawdown: Bounds | None = field(default=Bounds(0.05, 0.10, 0.15))
    sharpe: Bounds | None = field(default=Bounds(0.5, 0.0, -1.0))
    win_rate: Bounds | None = field(default=Bounds(0.45, 0.35, 0.25))
    calibration: Bounds | None = field(default=Bounds(0.02, 0.05, 0.10))
    confidence: Bounds | None = field(default=Bounds(0.5, 0.4, 0.3))
    data_quality: Bounds | None = field(default=Bounds(0.9, 0.7, 0.5))
    duration_s: Bounds | None = None

    def __post_init__(self) -> None:
        for name in ("window", "trades_min", "calm_trades"):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise HealthError(f"{name}: {count!r} was given, a whole number from 1 on is allowed")
        if self.trades_min > self.window:
            raise HealthError(f"trades_min: {self.trades_min} was given, at most the window ({self.window}) is allowed")
        for name, much_is_bad in WATCHED.items():
            bounds: Bounds | None = getattr(self, name)
            if bounds is None:
                continue
            row = (bounds.elevated, bounds.high, bounds.critical)
            if list(row) != sorted(row, reverse=not much_is_bad) or not all(isfinite(one) for one in row):
                allowed = "rising" if much_is_bad else "falling"
                raise HealthError(f"{name}: {', '.join(map(str, row))} was given, {allowed} numbers are allowed")
