"""One prediction on record, and what can keep it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gxrisk._native import GxriskError

KEPT_MS: Final = 7 * 86_400_000
TEXT_CHARS_MAX: Final = 200
PREDICTION_NAMES: Final = ("prediction",)  # the one column of a drift reference of predictions
PREDICTIONS_VERSION: Final = "1"  # what that number means
TIME_MS_MAX: Final = 2**53 - 1  # Redis sorts by doubles, which hold it and the next one exactly


class PredictionLogError(GxriskError):
    """Predictions cannot be kept or read now: the reason is told."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What `model` said of `asset` at `at_ms` (the feed's time, UTC milliseconds), how sure it was, and from what.

    Texts have 1 to 200 printable characters; confidence is 0 to 1; `feature_hash` is None where there were no features.
    Raises `ValueError` for anything else.

    >>> Prediction("forest-3", "BTC", 1_584_000_000_000, "buy", 0.62, None).prediction
    'buy'
    """

    model: str
    asset: str
    at_ms: int
    prediction: str
    confidence: float
    feature_hash: str | None

    def __post_init__(self) -> None:
        """Refuse what could not be kept and read again."""
        for name in ("model", "asset", "prediction", "feature_hash"):
            text = getattr(self, name)
            if name == "feature_hash" and text is None:
                continue
            if not isinstance(text, str) or not 0 < len(text) <= TEXT_CHARS_MAX or not text.isprintable():
                raise ValueError(f"{name}: {text!r} was given, 1 to {TEXT_CHARS_MAX} printable characters are allowed")
        if isinstance(self.at_ms, bool) or not isinstance(self.at_ms, int) or not 0 <= self.at_ms <= TIME_MS_MAX:
            raise ValueError(f"at_ms: {self.at_ms!r} was given, milliseconds from 0 to {TIME_MS_MAX} are allowed")
        confidence = None if isinstance(self.confidence, str | bool) else float(self.confidence)
        if confidence is None or not 0 <= confidence <= 1:
            raise ValueError(f"confidence: {self.confidence!r} was given, 0 to 1 is allowed")
        object.__setattr__(self, "confidence", confidence + 0.0)  # there is one zero

    @property
    def signed(self) -> float:
        """Prediction and confidence as one number, of which drift is found; see `signed`."""
        return signed(self.prediction, self.confidence)

    def to_text(self) -> str:
        """All but the model, in one form: what is said twice is kept once, and every store sorts it alike."""
        fields = (self.at_ms, self.asset, self.prediction, self.confidence, self.feature_hash)
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def of_text(cls, model: str, text: str) -> "Prediction":
        """The inverse of `to_text`."""
        at_ms, asset, prediction, confidence, feature_hash = json.loads(text)
        return cls(model, asset, at_ms, prediction, confidence, feature_hash)


def signed(prediction: str, confidence: float) -> float:
    """The confidence of a "buy", that of a "sell" below zero, and 0 for all that asks for no new risk.

    >>> signed("buy", 0.6), signed("sell", 0.6), signed("hold", 0.9), signed("close", 1.0)
    (0.6, -0.6, 0.0, 0.0)
    """
    return {"buy": confidence, "sell": -confidence}.get(prediction, 0.0)


class PredictionStore(Protocol):
    """Where predictions lie. Each call may block, and raises `PredictionLogError` where the store cannot be reached.

    Of each model those are kept that are at most seven days older than its newest one, by the feed's time, so that a
    replay of another year keeps its own; a model that nothing was written of for seven days of real time is forgotten.
    """

    def write(self, predictions: Sequence[Prediction]) -> None:
        """Keep them, and let go of what is too old."""

    def read(self, model: str, from_ms: int, until_ms: int, limit: int) -> list[Prediction]:
        """The first `limit` of a model from one time up to and without the other, by time, then text."""

    def close(self) -> None:
        """Let go of files and connections."""
