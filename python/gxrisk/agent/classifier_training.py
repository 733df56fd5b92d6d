"""What a classifier may be trained on: features with their labels, and when each label became known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gxrisk.agent.features import feature_table
from gxrisk.agent.strategy import ModelError
from gxrisk.feeds.candles import Candle


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRows:
    """Rows in time order: `values` (rows, features), `labels` (rows,), and for each row two UTC times in milliseconds.

    `at_ms` is when the question could be asked, `known_ms` when its answer was known.
    """

    values: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    at_ms: npt.NDArray[np.int64]
    known_ms: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    def known_by(self, time_ms: int) -> "TrainingRows":
        """The rows whose answers were known at that time: all that a model that trades from then on may see."""
        known = self.known_ms <= time_ms
        return TrainingRows(self.values[known], self.labels[known], self.at_ms[known], self.known_ms[known])


def training_rows(candles: Sequence[Candle], horizon: int, threshold: float) -> TrainingRows:
    """Label the bars of one asset with what came after: 1 (up), -1 (down) or 0 (neither).

    The label of bar n is the sign of close[n + horizon] / close[n] - 1 where that is larger than `threshold` (a
    fraction; a round trip's costs at the least, below which a move is worth nothing), else 0. It is known `horizon`
    bars later and not before, so the last bars have none and are left out, as are bars whose features are unknown.

    Source: the fixed-time horizon method of López de Prado, Advances in Financial Machine Learning, 2018, chapter 3.
    Raises `ValueError` for a horizon under 1 or a threshold that is not 0 or more.

    >>> from gxrisk.feeds import reconstruct
    >>> bars = reconstruct().candles
    >>> rows = training_rows(bars, horizon=15, threshold=0.002)
    >>> len(bars) - len(rows), sorted(set(rows.labels.tolist()))
    (79, [-1, 0, 1])
    """
    if horizon < 1:
        raise ValueError(f"horizon: {horizon} bars were given, 1 or more are allowed")
    if not threshold >= 0:
        raise ValueError(f"threshold: {threshold} was given, a fraction of 0 or more is allowed")
    asked = candles[: max(0, len(candles) - horizon)]
    answered = candles[horizon:]
    values = feature_table(asked)
    is_seen = np.isfinite(values).all(axis=1)
    before, after = (np.array([float(bar.close) for bar in bars]) for bars in (asked, answered))
    moves = after[is_seen] / before[is_seen] - 1
    labels = np.where(np.abs(moves) > threshold, np.sign(moves), 0).astype(np.int64)
    at_ms, known_ms = (np.array([bar.end_ms for bar in bars], dtype=np.int64) for bars in (asked, answered))
    return TrainingRows(values[is_seen], labels, at_ms[is_seen], known_ms[is_seen])


def walk_forward(horizon: int, folds: int = 5) -> Any:
    """Folds to validate on, for any `cv=` of scikit-learn: trained on what came before, purged of overlapping labels.

    Each training part ends `horizon` rows before its test part, so that every label in it was known before the first
    question of the test. Ordinary folds would train on answers of the time that they test.

    Source: López de Prado, Advances in Financial Machine Learning, 2018, chapter 7 (purging).
    Raises `ModelError` where scikit-learn (the extra `ml`) is not installed.

    >>> walk_forward(15)
    TimeSeriesSplit(gap=15, max_train_size=None, n_splits=5, test_size=None)
    """
    try:
        from sklearn.model_selection import TimeSeriesSplit  # type: ignore[import-untyped]
    except ImportError as error:
        raise ModelError("walk_forward needs scikit-learn: pip install 'gxrisk[ml]'") from error
    return TimeSeriesSplit(n_splits=folds, gap=horizon)
