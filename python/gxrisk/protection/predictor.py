"""Whether a trade is unlike those that succeeded."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from gxrisk.protection.predictor_evaluation import Evaluation, evaluate
from gxrisk.protection.predictor_file import FORMAT, Header, read, scikit_learn, write
from gxrisk.protection.predictor_forest import Floats, Forest, PredictorError
from gxrisk.protection.risk import RiskLevel

TRADES_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class PredictorSettings:
    """`trades_min` successful trades are needed; a trade as unusual as `elevated` or `high` of them has that level.

    >>> PredictorSettings(trades_min=5)
    Traceback (most recent call last):
        ...
    gxrisk.protection.predictor_forest.PredictorError: trades_min: 5 was given, a whole number from 10 on is allowed
    """

    trades_min: int = 100
    trees: int = 100
    seed: int = 0
    elevated: float = 0.05
    high: float = 0.01

    def __post_init__(self) -> None:
        for name, least in (("trades_min", 10), ("trees", 1), ("seed", 0)):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int) or count < least:
                raise PredictorError(f"{name}: {count!r} was given, a whole number from {least} on is allowed")
        if not 0 < self.high < self.elevated < 1:
            seen = f"high {self.high}, elevated {self.elevated}"
            raise PredictorError(f"{seen} was given, 0 < high < elevated < 1 is allowed")


@dataclass(frozen=True, slots=True)
class FailureRisk:
    """How unusual a trade is: `rank` is the share of successful trades that are less so. No probability of a loss.

    `level` and `rank` are None while the predictor is not trained.
    """

    level: RiskLevel | None
    rank: float | None
    reason: str


class FailurePredictor:
    """Compares a trade's features with those of successful trades; unknown until it was trained with enough of them.

    `names` and `version` say what the features are. Deterministic: the same trades and seed give the same ranks.
    Training, `save` and `load` need the extra `ml`.

    >>> random = np.random.default_rng(1)
    >>> predictor = FailurePredictor(["return_1", "volatility_16"], version="1")
    >>> predictor.judge([0.1, 0.2]).reason
    'unknown: 0 of 100 successful trades that are needed'
    >>> predictor.train(random.normal(size=(500, 2)))
    >>> predictor.judge([0.1, 0.2]).level, predictor.judge([9.0, -9.0]).level
    ('low', 'high')
    >>> predictor.judge([9.0, -9.0]).reason
    'more unusual than 99.5 % of 200 successful trades (a rank, no probability of loss)'
    """

    def __init__(self, names: Sequence[str], *, version: str, settings: PredictorSettings | None = None) -> None:
        self.names = tuple(names)
        self.version = version
        self.settings = settings or PredictorSettings()
        if not self.names or len(set(self.names)) != len(self.names):
            raise PredictorError(f"names: {list(self.names)} was given, different names are allowed")
        self._forest: Forest | None = None
        self._trades = 0

    @property
    def is_trained(self) -> bool:
        """Whether it can answer."""
        return self._forest is not None

    def train(self, rows: ArrayLike) -> None:
        """Learn what successful trades look like: one a row, columns as `names`. With too few it stays unknown.

        Raises `PredictorError` for rows of another shape, values that are no finite numbers, and without the extra.
        """
        table = self._table(rows)
        if len(table) > TRADES_MAX:
            raise PredictorError(f"rows: {len(table)} were given, at most {TRADES_MAX} are allowed")
        self._trades, self._forest = len(table), None
        if len(table) >= self.settings.trades_min:
            self._forest = Forest.grown(table, trees=self.settings.trees, seed=self.settings.seed)

    def judge(self, values: ArrayLike) -> FailureRisk:
        """How unusual a trade with these features would be."""
        table = self._table(np.atleast_2d(np.asarray(values, dtype=np.float64)))
        if len(table) != 1:
            raise PredictorError(f"values: {len(table)} rows were given, the features of one trade are allowed")
        if self._forest is None:
            needed = self.settings.trades_min
            return FailureRisk(None, None, f"unknown: {self._trades} of {needed} successful trades that are needed")
        p_value = self._forest.p_value(float(self._forest.scores(table)[0]))
        level: RiskLevel = "low"
        if p_value <= self.settings.elevated:
            level = "high" if p_value <= self.settings.high else "elevated"
        count = self._forest.calibration.size
        told = f"more unusual than {100 * (1 - p_value):.1f} % of {count} successful trades"
        return FailureRisk(level, 1 - p_value, f"{told} (a rank, no probability of loss)")

    def evaluate(self, rows: ArrayLike, failed: Sequence[bool]) -> Evaluation:
        """Whether it tells failures from successes, on trades that it was not trained with; `failed` has one a row."""
        table, is_failed = self._table(rows), np.asarray(failed, dtype=np.bool_)
        if is_failed.shape != (len(table),):
            raise PredictorError(f"failed: shape {is_failed.shape} was given, ({len(table)},) is allowed: one a row")
        if self._forest is None:
            return Evaluation("unknown", "the predictor is not trained", int(is_failed.sum()), int((~is_failed).sum()))
        scores = self._forest.scores(table) if len(table) else np.empty(0)
        return evaluate(scores[is_failed], scores[~is_failed], seed=self.settings.seed)

    def save(self, path: str | PathLike[str]) -> str:
        """Write it to a file and return the file's SHA-256, which `load` asks for: record it in the journal."""
        if self._forest is None:
            raise PredictorError("an untrained predictor cannot be saved")
        header = Header(FORMAT, self.names, self.version, self._trades, self.settings.seed, scikit_learn())
        return write(Path(path), header, self._forest)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        digest: str,
        *,
        names: Sequence[str],
        version: str,
        settings: PredictorSettings | None = None,
    ) -> "FailurePredictor":
        """Read the file whose SHA-256 was recorded as `digest`, for exactly these features.

        Raises `PredictorError` for a file that was changed, is newer, is of other features, or holds anything that a
        forest does not; `OSError` where there is none.
        """
        predictor = cls(names, version=version, settings=settings)
        header, forest = read(Path(path), digest)
        if (header.names, header.version) != (predictor.names, version):
            seen = f"version {header.version!r} of {list(header.names)}"
            raise PredictorError(f"{seen} was seen, version {version!r} of {list(predictor.names)} is allowed")
        predictor._forest, predictor._trades = forest, header.trades
        return predictor

    def _table(self, rows: ArrayLike) -> Floats:
        table = np.asarray(rows, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != len(self.names):
            raise PredictorError(f"rows: shape {table.shape} was given, (any, {len(self.names)}) is allowed")
        broken = [name for name, column in zip(self.names, table.T, strict=True) if not np.isfinite(column).all()]
        if broken:
            raise PredictorError(f"{', '.join(broken)}: a value that is no finite number was given")
        return table
