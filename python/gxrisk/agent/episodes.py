"""The episodes of an environment: what they are played with, and where the seed lets them begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import numpy as np

from gxrisk._native import Limits
from gxrisk.agent.observation import LOOKBACK
from gxrisk.agent.reward import Reward
from gxrisk.feeds.candles import CandleSeries
from gxrisk.replay.costs import Costs, ReplayError
from gxrisk.replay.engine import check_mark_age

WARM_BARS: Final = LOOKBACK + 1
_BARS_MIN: Final = WARM_BARS + 4  # two steps at least; a first and a last bar may be cut short


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """Limits, deposit, costs and bar (ms; None: the candles' own) as in a replay; what may be chosen; the reward.

    `fractions` of equity and `confidences` make the openings (`choices`); an episode has at most `steps_max` steps.
    Raises `ReplayError` for what is not allowed.
    """

    limits: Limits = field(default_factory=lambda: Limits.for_tier("growth"))
    deposit: Decimal = Decimal(100_000)
    costs: Costs = field(default_factory=Costs)
    bar_ms: int | None = None
    steps_max: int = 1_000
    fractions: tuple[Decimal, ...] = (Decimal("0.1"), Decimal("0.2"))
    confidences: tuple[float, ...] = (0.1, 0.6, 0.9)
    stop_atr: float = 2.0
    reward: Reward = field(default_factory=Reward)

    def __post_init__(self) -> None:
        for name, values, most in (
            ("fractions", self.fractions, 1_000),
            ("confidences", self.confidences, 1),
            ("stop_atr", (self.stop_atr,), 1_000),
        ):
            if not values or not all(0 < value <= most for value in values):
                raise ReplayError(f"{name}: {values} was given, more than 0 and at most {most} is allowed")
        if self.steps_max < 1:
            raise ReplayError(f"steps_max: {self.steps_max} was given, 1 or more is allowed")

    def bar_of(self, series: CandleSeries) -> int:
        """The bar's length in ms."""
        return self.bar_ms or series.interval_ms


def check_episodes(series: Sequence[CandleSeries], settings: EnvironmentSettings) -> None:
    """Refuse what no episode can be played with, and say why."""
    if not series:
        raise ReplayError("no candles were given, one series at least is needed")
    check_mark_age(series, settings.limits)
    for one in series:
        if (needed := _candles_min(one, settings)) > len(one.candles):
            raise ReplayError(f"{one.asset} has {len(one.candles)} candles, an episode needs {needed} at least")


def drawn(
    series: Sequence[CandleSeries],
    settings: EnvironmentSettings,
    random: np.random.Generator,
    options: Mapping[str, Any],
) -> CandleSeries:
    """The candles of one episode, from its start on; what `options` fix (`series`, `start`) is not drawn."""
    which = series[_within("series", options, random, len(series) - 1)]
    start = _within("start", options, random, len(which.candles) - _candles_min(which, settings))
    return replace(which, candles=which.candles[start:])


def _candles_min(series: CandleSeries, settings: EnvironmentSettings) -> int:
    return _BARS_MIN * max(1, settings.bar_of(series) // series.interval_ms)


def _within(name: str, options: Mapping[str, Any], random: np.random.Generator, most: int) -> int:
    if name not in options:
        return int(random.integers(most + 1))
    if not isinstance(options[name], int) or not 0 <= options[name] <= most:
        raise ReplayError(f"options: {name} {options[name]!r} was given, 0 to {most} is allowed")
    return int(options[name])
