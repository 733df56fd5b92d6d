"""What a model's last trades say about it: the field's statistics, each None where it cannot be known."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, inf, isfinite, sqrt
from statistics import fmean, median
from typing import Final

from gxrisk._native import GxriskError

HOUR_MS: Final = 3_600_000
HOURS_A_YEAR: Final = 24 * 365  # markets that never close


class HealthError(GxriskError, ValueError):
    """A trade, a setting or a kept state that health cannot take."""


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A round trip that ended at `at_ms` (UTC milliseconds): `profit` net of fees, in the quote currency.

    `equity` is the account's before the profit was booked. `confidence` is what the model said when it opened, taken
    as its probability that `profit` will be above 0; `data_quality` the feed's score then. Raises `HealthError`.

    >>> ClosedTrade(0, 10.0, 1000.0, 60.0, confidence=1.2)
    Traceback (most recent call last):
        ...
    gxrisk.protection.health_vitals.HealthError: confidence: 1.2 was given, 0 to 1 is allowed
    """

    at_ms: int
    profit: float
    equity: float
    duration_s: float
    confidence: float | None = None
    data_quality: float | None = None

    def __post_init__(self) -> None:
        for name in ("profit", "equity", "duration_s"):
            if not isfinite(getattr(self, name)):
                raise HealthError(f"{name}: {getattr(self, name)} was given, a finite number is allowed")
        if self.duration_s < 0:
            raise HealthError(f"duration_s: {self.duration_s} was given, 0 or more is allowed")
        for name in ("confidence", "data_quality"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise HealthError(f"{name}: {value} was given, 0 to 1 is allowed")


@dataclass(frozen=True, slots=True)
class Vitals:
    """The statistics of some trades (`vitals`): fractions, the duration in seconds, `calibration` a difference."""

    trades: int
    sharpe: float | None
    drawdown: float | None
    win_rate: float | None
    duration_s: float | None
    confidence: float | None
    brier: float | None
    brier_base: float | None
    data_quality: float | None

    @property
    def calibration(self) -> float | None:
        """Brier score less that of always saying the win rate: above 0, the confidence is worse than no forecast."""
        if self.brier is None or self.brier_base is None:
            return None
        return self.brier - self.brier_base


def vitals(trades: Sequence[ClosedTrade]) -> Vitals:
    """The statistics of `trades`, oldest first.

    - `sharpe`: mean / s x sqrt(24 x 365) of hourly returns, risk-free rate 0 (as a vault's report has it); an hour's
      return is what its trades earned over the equity before them, 0 in an hour without any, from the hour in which
      the first was opened. Sharpe, The Sharpe Ratio, Journal of Portfolio Management, 1994.
    - `drawdown`: the fall of the summed profit from its highest point (the start included) to now, over the equity
      at the start: money over money that was there, whatever the sign of the profit. Infinite without any equity.
    - `win_rate`: the share with a profit above 0. `duration_s`: the median. `confidence`, `data_quality`: the mean.
    - `brier`: mean of (confidence - won)^2; `brier_base`: w (1 - w) for the win rate w of the same trades. Brier,
      Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review, 1950.

    >>> one, other = ClosedTrade(0, -50.0, 1000.0, 60.0, 0.9), ClosedTrade(7_200_000, 20.0, 950.0, 60.0, 0.6)
    >>> found = vitals([one, other])
    >>> found.drawdown, found.win_rate, round(found.brier, 3), found.brier_base
    (0.03, 0.5, 0.485, 0.25)
    """
    if not trades:
        return Vitals(0, None, None, None, None, None, None, None, None)
    told = [(one.confidence, one.profit > 0) for one in trades if one.confidence is not None]
    base = fmean(won for _, won in told) if told else None
    scores = [one.data_quality for one in trades if one.data_quality is not None]
    return Vitals(
        trades=len(trades),
        sharpe=_sharpe(trades),
        drawdown=_drawdown(trades),
        win_rate=fmean(one.profit > 0 for one in trades),
        duration_s=median(one.duration_s for one in trades),
        confidence=fmean(said for said, _ in told) if told else None,
        brier=fmean((said - won) ** 2 for said, won in told) if told else None,
        brier_base=None if base is None else base * (1 - base),
        data_quality=fmean(scores) if scores else None,
    )


def _sharpe(trades: Sequence[ClosedTrade]) -> float | None:
    if any(one.equity <= 0 for one in trades):
        return None
    first = int(trades[0].at_ms - trades[0].duration_s * 1000) // HOUR_MS
    hours = trades[-1].at_ms // HOUR_MS - first + 1
    earned: dict[int, tuple[float, float]] = {}
    for one in trades:
        hour = one.at_ms // HOUR_MS
        profit, equity = earned.get(hour, (0.0, one.equity))
        earned[hour] = (profit + one.profit, equity)
    returns = [profit / equity for profit, equity in earned.values()]
    if hours < 2:
        return None
    mean = fsum(returns) / hours
    squares = fsum((one - mean) ** 2 for one in returns) + (hours - len(returns)) * mean * mean
    deviation = sqrt(squares / (hours - 1))
    return None if deviation < 1e-15 else mean / deviation * sqrt(HOURS_A_YEAR)


def _drawdown(trades: Sequence[ClosedTrade]) -> float:
    if trades[0].equity <= 0:
        return inf
    earned = peak = 0.0
    for one in trades:
        earned += one.profit
        peak = max(peak, earned)
    return (peak - earned) / trades[0].equity
