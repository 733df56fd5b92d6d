"""The isolation forest behind the predictor of failing trades; scikit-learn is imported when it is needed."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from gxrisk._native import GxriskError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline  # type: ignore[import-untyped]

Floats = NDArray[np.float64]
CALIBRATION_SHARE: Final = 0.4


class PredictorError(GxriskError, ValueError):
    """A predictor that cannot be trained, asked, kept or read as was wanted."""


def needs_extra(error: ImportError) -> PredictorError:
    """What to say where the extra is not installed."""
    missing = (error.name or "").partition(".")[0]
    return PredictorError(f'this needs the extra "ml" ({missing} is missing): pip install "gxrisk[ml]"')


class Forest:
    """A scaler and an isolation forest, and how unusual the successful trades were that it was not grown from.

    `calibration` holds their anomaly scores, sorted. The higher a score, the fewer cuts isolate the trade (between
    0 and 1, the s of the source).

    Source: Liu, Ting and Zhou, Isolation Forest, ICDM 2008.
    """

    def __init__(self, pipeline: "Pipeline", calibration: Floats) -> None:
        self.pipeline = pipeline
        self.calibration = calibration

    @classmethod
    def grown(cls, rows: Floats, *, trees: int, seed: int) -> "Forest":
        """Grow it from a random three fifths of `rows`, calibrate it with the others; the same for the same seed."""
        try:
            from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
        except ImportError as error:
            raise needs_extra(error) from error
        order = np.random.default_rng(seed).permutation(len(rows))
        held_out, used = np.split(order, [round(CALIBRATION_SHARE * len(rows))])
        pipeline = make_pipeline(StandardScaler(), IsolationForest(n_estimators=trees, random_state=seed))
        forest = cls(pipeline.fit(rows[used]), np.empty(0))
        forest.calibration = np.sort(forest.scores(rows[held_out]))
        return forest

    def scores(self, rows: Floats) -> Floats:
        """The anomaly score of each row."""
        found: Any = -self.pipeline.score_samples(rows)
        return np.asarray(found, dtype=np.float64)

    def p_value(self, score: float) -> float:
        """How often a successful trade is at least as unusual: (1 + those of the calibration) / (1 + all of it).

        Exact for trades that are exchangeable with those of the calibration, whatever their distribution. Source:
        Bates and others, Testing for Outliers with Conformal p-values, Annals of Statistics, 2023.
        """
        as_unusual = self.calibration.size - int(np.searchsorted(self.calibration, score, side="left"))
        return (1 + as_unusual) / (1 + self.calibration.size)
