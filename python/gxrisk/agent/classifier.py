"""A strategy made of any classifier with scikit-learn's `predict_proba` or `predict`."""

from collections.abc import Callable, Hashable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from gxrisk.agent.features import Features, features
from gxrisk.agent.opening import opening
from gxrisk.agent.strategy import Action, Close, Hold, ModelError, Open, View

Direction = Literal["sell", "hold", "buy"]
CLASSES: Final[Mapping[Hashable, Direction]] = {
    -1: "sell",
    0: "hold",
    1: "buy",
    "sell": "sell",
    "hold": "hold",
    "buy": "buy",
}
_SUM_TOLERANCE: Final = 1e-6  # of probabilities; float32 models stay within it


class Forecast(NamedTuple):
    """What a model says: a direction, how sure it is (0 to 1), and why."""

    direction: Direction
    confidence: float
    reasoning: str


class Classifier:
    """Trades the direction that `model` finds most likely in `see(view)`: a fitted estimator, pipeline, or the like.

    `classes` says what each of the model's labels means, "sell", "hold" or "buy"; -1, 0, 1 and these words are known.
    Confidence is the probability of the chosen direction as `predict_proba` gives it, so it is as honest as the
    model's calibration (wrap it in scikit-learn's `CalibratedClassifierCV`). The direction is the most probable one and
    never `predict`'s, which may be another one (`SVC`). A model with `predict` alone has the one `confidence` given.

    A probability is no edge: it says how often, not how much, and nothing of costs. So it sizes nothing here.

    - flat, a direction with at least `confidence_min`: open with `fraction` of equity, unlevered, stop-loss at
      `stop_atr` average true ranges from the close
    - in a position, the other direction: close it, however small the confidence
    - else hold; so too, with confidence 0 and the reason, when features are unknown or not as many as the model was
      fitted on, and when the answer has another shape, is no probability (NaN), or is a label that means nothing

    Raises `ModelError` for a model that is not fitted, has none of the two methods, or has labels that are not in
    `classes`; and where `confidence` is missing, or given without need.

    >>> from sklearn.linear_model import LogisticRegression
    >>> from gxrisk.agent.features import FEATURE_NAMES
    >>> rising = np.linspace(-1, 1, 50)[:, None] * np.ones(len(FEATURE_NAMES))
    >>> strategy = Classifier(LogisticRegression().fit(rising, np.sign(rising[:, 0])))
    >>> strategy.forecast(Features(FEATURE_NAMES, rising[-1], "1")).direction
    'buy'
    """

    def __init__(
        self,
        model: Any,
        *,
        classes: Mapping[Hashable, Direction] = CLASSES,
        confidence: float | None = None,
        see: Callable[[View], Features | None] = features,
        fraction: Decimal = Decimal("0.1"),
        stop_atr: float = 2.0,
        confidence_min: float = 0.5,
    ) -> None:
        self._model = model
        self._meanings = classes
        self._directions = _directions(model, classes)
        self._confidence = confidence
        self._see = see
        self.fraction = fraction
        self.stop_atr = stop_atr
        self.confidence_min = confidence_min
        if self._directions is None and confidence is None:
            raise ModelError(f"{_name(model)} has no predict_proba: state the confidence of its answers (0 to 1)")
        if self._directions is not None and confidence is not None:
            raise ModelError(f"{_name(model)} has predict_proba, which says how sure it is: leave confidence out")
        if confidence is not None and not 0 <= confidence <= 1:
            raise ModelError(f"confidence: {confidence} was given, 0 to 1 is allowed")
        if getattr(model, "feature_names_in_", None) is not None:
            raise ModelError(f"{_name(model)} was fitted on a table with column names: fit it on arrays")

    def decide(self, view: View) -> Action:
        """Open, close or hold, from completed bars alone."""
        seen = self._see(view)
        if seen is None:
            return Hold(0.0, "the features are unknown: too few bars, or one among them that cannot be")
        direction, confidence, reasoning = self.forecast(seen)
        quantity = view.portfolio.quantity(view.asset)
        if quantity:
            if direction == ("sell" if quantity > 0 else "buy"):
                return Close(confidence, f"the sign has turned: {reasoning}")
            return Hold(confidence, f"in position: {reasoning}")
        if direction == "hold":
            return Hold(confidence, reasoning)
        if confidence < self.confidence_min:
            return Hold(confidence, f"under {self.confidence_min:g}: {reasoning}")
        return self._opening(view, direction, confidence, reasoning)

    def forecast(self, seen: Features) -> Forecast:
        """What the model says of these features: `direction`, `confidence` and `reasoning`."""
        row = seen.values.reshape(1, -1)
        expected = getattr(self._model, "n_features_in_", None)
        if expected is not None and expected != row.shape[1]:
            return Forecast("hold", 0.0, f"{_name(self._model)} was fitted on {expected} features, not {row.shape[1]}")
        if self._directions is None:
            return self._labelled(self._model.predict(row))
        return self._weighed(self._model.predict_proba(row), self._directions)

    def _weighed(self, answer: Any, directions: tuple[Direction, ...]) -> Forecast:
        try:
            found = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError):
            return Forecast("hold", 0.0, f"predict_proba answered {type(answer).__name__}, no array of numbers")
        if found.shape != (1, len(directions)):
            return Forecast("hold", 0.0, f"predict_proba answered the shape {found.shape}, not (1, {len(directions)})")
        shares = found[0]
        # Written so that a NaN fails it.
        if not (shares.min() >= 0 and abs(shares.sum() - 1) <= _SUM_TOLERANCE):
            return Forecast("hold", 0.0, f"predict_proba answered {shares.tolist()}, which are no probabilities")
        weights: dict[Direction, float] = dict.fromkeys(("sell", "hold", "buy"), 0.0)
        for direction, share in zip(directions, shares.tolist(), strict=True):
            weights[direction] += share
        told = ", ".join(f"{direction} {weight:.3f}" for direction, weight in weights.items())
        most = max(weights.values())
        likeliest = [direction for direction, weight in weights.items() if weight == most]
        if len(likeliest) > 1:
            return Forecast("hold", min(most, 1.0), f"undecided: {told}")
        return Forecast(likeliest[0], min(most, 1.0), f"probabilities: {told}")

    def _labelled(self, answer: Any) -> Forecast:
        try:
            found = np.asarray(answer)
        except ValueError:
            return Forecast("hold", 0.0, f"predict answered {type(answer).__name__}, no array")
        if found.shape != (1,):
            return Forecast("hold", 0.0, f"predict answered the shape {found.shape}, not (1,)")
        label = found.tolist()[0]
        direction = _meaning(label, self._meanings)
        if direction is None:
            return Forecast("hold", 0.0, f"predict answered {label!r}, which is none of {_listed(self._meanings)}")
        return Forecast(direction, self._confidence or 0.0, f"the model says {direction}, and not how sure it is")

    def _opening(self, view: View, side: Literal["buy", "sell"], confidence: float, reasoning: str) -> Action:
        found = opening(view, side, self.fraction, self.stop_atr)
        if found is None:
            return Hold(confidence, f"no room for a position with a stop: {reasoning}")
        return Open(side, found.quantity, confidence, reasoning, stop_loss=found.stop_loss, resize=True)


def _directions(model: Any, classes: Mapping[Hashable, Direction]) -> tuple[Direction, ...] | None:
    """What each column of `predict_proba` means; None for a model with `predict` alone."""
    if not hasattr(model, "predict_proba"):
        if not hasattr(model, "predict"):
            raise ModelError(f"{_name(model)} has neither predict_proba nor predict")
        return None
    try:
        labels = np.asarray(model.classes_)
    except (AttributeError, ValueError) as error:
        raise ModelError(f"{_name(model)} has no classes_ (one a column of predict_proba): is it fitted?") from error
    if labels.ndim != 1:
        raise ModelError(f"{_name(model)} answers more than one question: its classes_ have the shape {labels.shape}")
    meanings = [(label, _meaning(label, classes)) for label in labels.tolist()]
    unknown = [label for label, meaning in meanings if meaning is None]
    if unknown:
        raise ModelError(f"{_name(model)} has the labels {unknown}; say what they mean (classes={{label: 'buy', ...}})")
    return tuple(meaning for _, meaning in meanings if meaning is not None)


def _meaning(label: Any, classes: Mapping[Hashable, Direction]) -> Direction | None:
    """True equals 1 in Python, but a model that answers yes has not said yes to what."""
    try:
        is_said = label in classes and isinstance(label, bool) == any(isinstance(one, bool) for one in classes)
    except TypeError:
        return None
    return classes[label] if is_said else None


def _listed(classes: Mapping[Hashable, Direction]) -> str:
    return ", ".join(repr(label) for label in classes)


def _name(model: Any) -> str:
    return type(model).__name__
