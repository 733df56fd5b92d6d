"""What a track record says about a model's edge, shrunk towards none."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np

from gxrisk.protection.bounds import whole

_SQUARED_MAX: Final = 1e150  # what can still be squared and summed


@dataclass(frozen=True, slots=True)
class Edge:
    """The return that one trade may be expected to make, per unit of its notional.

    `mean` is `sample_mean` shrunk towards zero, `deviation` the sample's standard deviation; all are fractions of a
    trade's entry value. A period is one trade, whatever time it takes: mean and deviation belong together.
    """

    mean: float
    deviation: float
    sample_mean: float
    trades: int


def estimate_edge(returns: Sequence[float], *, trades_min: int = 20, prior_trades: int = 30) -> Edge | None:
    """The edge in the `returns` of past trades (profit net of fees / entry value); None of fewer than `trades_min`.

    mean = sample mean x n / (n + prior_trades): the posterior mean of a normal likelihood whose prior says, with the
    weight of `prior_trades` trades, that there is no edge. A model's "confidence" is not asked: it is no return.
    Raises `ValueError` for returns that are not finite, and for settings outside 2 to 100,000 and 0 to 100,000.

    Source: Gelman and others, Bayesian Data Analysis, 3rd edition, section 2.5. Why to shrink: Kelly sizes from a
    plain sample mean bet too much whenever it is lucky; MacLean, Thorp and Ziemba, Quantitative Finance 10, 2010.

    >>> edge = estimate_edge([0.02, -0.01] * 30)
    >>> round(edge.sample_mean, 4), round(edge.mean, 4), round(edge.deviation, 4), edge.trades
    (0.005, 0.0033, 0.0151, 60)
    >>> estimate_edge([0.5, 0.5]) is None
    True
    """
    whole("trades_min", trades_min, 2, 100_000)
    whole("prior_trades", prior_trades, 0, 100_000)
    for place, one in enumerate(returns):
        if not isfinite(one):
            raise ValueError(f"returns[{place}]: {one} was given, a finite fraction is allowed")
    count = len(returns)
    if count < trades_min:
        return None
    unit = max(1.0, *(abs(one) / _SQUARED_MAX for one in returns))  # 1 but for returns whose squares no float holds
    values = np.array(returns, dtype=np.float64) / unit
    sample_mean = float(np.mean(values)) * unit
    deviation = float(np.std(values, ddof=1)) * unit
    return Edge(sample_mean * count / (count + prior_trades), deviation, sample_mean, count)
