"""How far two samples are apart: the population stability index and the two-sample Kolmogorov-Smirnov distance."""

from math import exp, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SMOOTHING: Final = 0.5


def inner_edges(reference: Floats, bins: int) -> Floats:
    """The quantiles of `reference` that part it into up to `bins` equal bins.

    A value that is more than one of them has a bin of its own: what leaves it is seen, whichever way it goes.

    >>> inner_edges(np.arange(10.0), 5).tolist()
    [1.0, 3.0, 5.0, 7.0]
    >>> inner_edges(np.array([-1.0, 0.0, 0.0, 0.0, 1.0]), 5).tolist()
    [-1.0, -5e-324, 0.0]
    """
    levels = np.arange(1, bins) / bins
    found, times = np.unique(np.quantile(reference, levels, method="inverted_cdf"), return_counts=True)
    edges: Floats = np.union1d(found, np.nextafter(found[times > 1], -np.inf))
    return edges


def counts(sample: Floats, edges: Floats) -> NDArray[np.int64]:
    """How many of `sample` fall into each of the bins (-inf, e1], (e1, e2], ..., (en, inf).

    >>> counts(np.arange(10.0), np.array([1.0, 3.0])).tolist()
    [2, 2, 6]
    """
    places = np.searchsorted(edges, sample, side="left")
    return np.bincount(places, minlength=edges.size + 1).astype(np.int64)


def psi(expected: NDArray[np.int64], seen: NDArray[np.int64]) -> float:
    """The population stability index of two counts over the same bins: sum of (s - e) ln(s / e) over their shares.

    Half an observation of the smaller sample is first added to each bin of both, so that an empty bin gives a finite
    number and equal shares give exactly 0. With the natural logarithm this is Jeffreys' divergence, the sum of both
    relative entropies. Source: Siddiqi, Credit Risk Scorecards, 2006.

    >>> psi(np.array([5, 5]), np.array([50, 50])), round(psi(np.array([50, 50]), np.array([80, 20])), 2)
    (0.0, 0.41)
    """
    extra = SMOOTHING / min(expected.sum(), seen.sum())
    e = expected / expected.sum() + extra
    s = seen / seen.sum() + extra
    return float(np.sum((s - e) * np.log(s / e)) / (1 + extra * e.size))


def psi_by_chance(bins: int, count: int, other: int, significance: float) -> float:
    """The index that two samples of one distribution exceed with that probability only, when they are large.

    The index is then distributed as (1 / count + 1 / other) times chi-square with `bins` - 1 degrees of freedom: ten
    bins of 100 and 100 observations reach 0.1 more often than not. The quantile is Wilson's and Hilferty's (1931).
    Source: Yurdakul, Statistical Properties of Population Stability Index, 2018.

    >>> round(psi_by_chance(10, 100, 100, 0.05), 2), round(psi_by_chance(10, 10_000, 10_000, 0.05), 4)
    (0.34, 0.0034)
    """
    freedom = bins - 1
    if freedom < 1:
        return 0.0
    spread = 2 / (9 * freedom)
    quantile = freedom * (1 - spread + NormalDist().inv_cdf(1 - significance) * sqrt(spread)) ** 3
    return quantile * (1 / count + 1 / other)


def ks_distance(reference: Floats, sample: Floats) -> float:
    """The two-sample Kolmogorov-Smirnov distance: the largest gap between the two empirical distribution functions.

    Both must be sorted and not empty. Source: Smirnov, On the Estimation of the Discrepancy Between Empirical Curves
    of Distribution for Two Independent Samples, 1939.

    >>> ks_distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    both = np.concatenate([reference, sample])
    of_reference = np.searchsorted(reference, both, side="right") / reference.size
    of_sample = np.searchsorted(sample, both, side="right") / sample.size
    return float(np.max(np.abs(of_reference - of_sample)))


def ks_p_value(distance: float, count: int, other: int) -> float:
    """How probable a distance at least as large is for two samples of one distribution; never too small.

    The first term of Kolmogorov's series, 2 exp(-2 d^2 n m / (n + m)), at most 1: an upper bound of the limit.

    >>> round(ks_p_value(0.2, 100, 100), 3)
    0.037
    """
    return min(1.0, 2 * exp(-2 * distance * distance * count * other / (count + other)))
