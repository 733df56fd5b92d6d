"""Whether a score tells trades that fail from those that do not."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from gxrisk.protection.predictor_forest import Floats

Verdict = Literal["better than chance", "no evidence", "worse than chance", "unknown"]
EACH_MIN: Final = 10


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Trades that the forest never saw: `auc` is the chance that a failed one scores above a successful one.

    `low` to `high` is its bootstrap interval; `verdict` is better than chance only where all of it is above 0.5.
    """

    verdict: Verdict
    reason: str
    failed: int
    succeeded: int
    auc: float | None = None
    low: float | None = None
    high: float | None = None


def area(failed: Floats, succeeded: Floats) -> float:
    """The area under the ROC curve, as Mann and Whitney count it: pairs in the right order, ties half.

    >>> area(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    0.875
    """
    ordered = np.sort(succeeded)
    under = np.searchsorted(ordered, failed, side="left") + np.searchsorted(ordered, failed, side="right")
    return float(under.mean() / 2 / ordered.size)


def evaluate(
    failed: Floats, succeeded: Floats, *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> Evaluation:
    """Judge the scores of failed and of successful trades; the interval is the percentile bootstrap's of each group.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993.

    >>> random = np.random.default_rng(1)
    >>> evaluate(random.normal(1, 1, 50), random.normal(0, 1, 100)).verdict
    'better than chance'
    >>> evaluate(random.normal(0, 1, 50), random.normal(0, 1, 100)).verdict
    'no evidence'
    """
    sizes = (failed.size, succeeded.size)
    if min(sizes) < EACH_MIN:
        text = f"{sizes[0]} failed and {sizes[1]} successful trades; at least {EACH_MIN} of each are needed"
        return Evaluation("unknown", text, *sizes)
    random = np.random.default_rng(seed)
    areas = [area(_resampled(failed, random), _resampled(succeeded, random)) for _ in range(resamples)]
    low, high = (float(one) for one in np.quantile(areas, [(1 - level) / 2, (1 + level) / 2]))
    verdict: Verdict = "better than chance" if low > 0.5 else "worse than chance" if high < 0.5 else "no evidence"
    found = area(failed, succeeded)
    reason = f"{verdict}: AUC {found:.2f}, {level:.0%} interval {low:.2f} to {high:.2f}"
    return Evaluation(verdict, reason, *sizes, found, low, high)


def _resampled(sample: Floats, random: np.random.Generator) -> Floats:
    return sample[random.integers(0, sample.size, sample.size)]
