"""Classifiers as strategies: what each label and probability becomes, and every answer that is none becomes a hold."""

import math
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from gxrisk.agent import Close, Hold, ModelError, Open, Strategy
from gxrisk.agent.classifier import Classifier
from gxrisk.agent.features import FEATURE_NAMES, Features, feature_table
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from .bars import view, walk

BARS = walk(5, 400)
VALUES = feature_table(BARS)[64:]
UP = np.array([1.0 if row[2] > 0 else -1.0 for row in VALUES])
SEEN = Features(FEATURE_NAMES, VALUES[-1], "1")


class Says:
    """A fitted classifier whose answer is given: scikit-learn's own never answer nonsense."""

    def __init__(self, proba: Any, classes: Any = (-1, 0, 1)) -> None:
        self.classes_ = classes
        self._proba = proba

    def predict_proba(self, rows: Any) -> Any:
        """The answer."""
        return self._proba


class Predicts:
    """A fitted model that says what, and not how sure it is."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def predict(self, rows: Any) -> Any:
        """The answer."""
        return self._answer


FITTED = {
    "a pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "a forest": RandomForestClassifier(n_estimators=10, random_state=0),
    "a calibrated model": CalibratedClassifierCV(RidgeClassifier(), cv=3),
}


@pytest.mark.parametrize("model", FITTED.values(), ids=FITTED.keys())
@pytest.mark.parametrize("labels", [UP, UP.astype(int), np.where(UP > 0, "buy", "sell")], ids=["float", "int", "word"])
def test_confidence_is_the_probability_of_the_chosen_direction(model: Any, labels: Any) -> None:
    model.fit(VALUES, labels)
    strategy = Classifier(model, confidence_min=0.0)
    assert isinstance(strategy, Strategy)
    for end in range(65, 400, 67):
        question = view(BARS[:end])
        shares = model.predict_proba(VALUES[end - 65 : end - 64])[0]
        action = strategy.decide(question)
        assert isinstance(action, Open)
        assert action.side == {-1: "sell", 1: "buy"}.get(most := model.classes_[np.argmax(shares)], most)
        assert action.confidence == max(shares)
        price = float(BARS[end - 1].close)
        assert (action.stop_loss - price) == pytest.approx(-1.0 if action.side == "buy" else 1.0)
        assert action.quantity * BARS[end - 1].close == pytest.approx(Decimal(1000))
        assert action.quantity * BARS[end - 1].close <= 1000
        assert action.resize


def test_labels_of_ones_own_are_told_apart_and_added_up() -> None:
    meanings = {"crash": "sell", "dip": "sell", "calm": "hold", "rally": "buy"}
    model = Says([[0.3, 0.25, 0.05, 0.4]], ["crash", "dip", "calm", "rally"])
    direction, confidence, reasoning = Classifier(model, classes=meanings).forecast(SEEN)
    assert (direction, confidence) == ("sell", 0.55), "the rally is the likeliest label, but a fall the likelier move"
    assert reasoning == "probabilities: sell 0.550, hold 0.050, buy 0.400"
    up = LogisticRegression().fit(VALUES, UP > 0)
    assert Classifier(up, classes={False: "sell", True: "buy"}).forecast(SEEN).direction in {"sell", "buy"}


POSITIONS = [
    # quantity, probabilities, what comes of it
    ("0", [0.1, 0.2, 0.7], Open),
    ("0", [0.7, 0.2, 0.1], Open),
    ("0", [0.1, 0.8, 0.1], Hold),
    ("0", [0.3, 0.21, 0.49], Hold),  # under confidence_min
    ("0", [0.3, 0.2, 0.5], Open),  # at confidence_min
    ("0", [0.5, 0.0, 0.5], Hold),  # undecided
    ("2", [0.1, 0.2, 0.7], Hold),
    ("2", [0.1, 0.8, 0.1], Hold),
    ("2", [0.4, 0.3, 0.3], Close),  # an exit needs no confidence
    ("-2", [0.3, 0.3, 0.4], Close),
    ("-2", [0.9, 0.1, 0.0], Hold),
]


@pytest.mark.parametrize(("quantity", "shares", "kind"), POSITIONS)
def test_flat_long_and_short(quantity: str, shares: list[float], kind: type) -> None:
    action = Classifier(Says([shares])).decide(view(BARS, quantity=quantity))
    assert type(action) is kind
    assert action.confidence == max(shares)


NONSENSE = {
    "nan": [[math.nan, 0.5, 0.5]],
    "all nan": [[math.nan] * 3],
    "infinite": [[math.inf, 0.0, 0.0]],
    "below 0": [[-0.5, 0.5, 1.0]],
    "sum too large": [[0.5, 0.5, 0.5]],
    "sum too small": [[0.1, 0.1, 0.1]],
    "two columns": [[0.5, 0.5]],
    "two rows": [[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]],
    "flat": [0.1, 0.2, 0.7],
    "ragged": [[0.1, 0.2], [0.7]],
    "empty": [[]],
    "words": [["a", "b", "c"]],
    "nothing": None,
    "an object": object(),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
@pytest.mark.parametrize("quantity", ["0", "2"])
def test_what_is_no_probability_is_a_hold_with_the_reason(answer: Any, quantity: str) -> None:
    action = Classifier(Says(answer)).decide(view(BARS, quantity=quantity))
    assert type(action) is Hold
    assert action.confidence == 0.0
    assert "predict_proba answered" in action.reasoning


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda shares: sum(shares) > 0.01))
def test_confidence_is_always_a_probability(shares: list[float]) -> None:
    whole = sum(shares)
    forecast = Classifier(Says(np.array([[share / whole for share in shares]], dtype=np.float32))).forecast(SEEN)
    assert 1 / 3 - 1e-6 <= forecast.confidence <= 1


PREDICTED = [
    # the answer of predict, the direction, the confidence
    (np.array([1]), "buy", 0.6),
    (np.array([-1.0]), "sell", 0.6),
    (["buy"], "buy", 0.6),
    (np.array(["hold"]), "hold", 0.6),
    (np.array([0.0012]), "hold", 0.0),  # a regressor's forecast is no label
    (np.array([math.nan]), "hold", 0.0),
    (np.array([True]), "hold", 0.0),  # True equals 1, and says nothing
    (np.array([2]), "hold", 0.0),
    (np.array([None]), "hold", 0.0),
    (np.array([1, 1]), "hold", 0.0),
    (np.array([[1]]), "hold", 0.0),
    (1, "hold", 0.0),
    (None, "hold", 0.0),
    ([[1], [1, 2]], "hold", 0.0),
]


@pytest.mark.parametrize(("answer", "direction", "confidence"), PREDICTED, ids=lambda one: repr(one)[:20])
def test_predict_alone_has_the_confidence_that_was_stated(answer: Any, direction: str, confidence: float) -> None:
    forecast = Classifier(Predicts(answer), confidence=0.6).forecast(SEEN)
    assert (forecast.direction, forecast.confidence) == (direction, confidence)
    assert forecast.reasoning


def test_a_model_without_probabilities_trades_with_its_stated_confidence() -> None:
    strategy = Classifier(RidgeClassifier().fit(VALUES, UP), confidence=0.6)
    action = strategy.decide(view(BARS))
    assert isinstance(action, Open)
    assert action.confidence == 0.6


UNKNOWN = {
    "too few bars": view(BARS[:64]),
    "no average true range yet": view(BARS, atr=None),
    "no range at all": view(BARS, atr=0.0),
    "a stop below zero": view(BARS, atr=1e9),
    "no equity": view(BARS, equity="0"),
    "equity below zero": view(BARS, equity="-5"),
}


@pytest.mark.parametrize("question", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_is_missing_opens_nothing(question: Any) -> None:
    assert type(Classifier(Says([[0.0, 0.1, 0.9]])).decide(question)) is Hold


def test_a_model_for_other_features_holds() -> None:
    fitted = LogisticRegression().fit(VALUES[:, :3], UP)
    action = Classifier(fitted).decide(view(BARS))
    assert action == Hold(0.0, "LogisticRegression was fitted on 3 features, not 12")


REFUSED = [
    # model, how it is adapted, what the error says
    (object(), {}, "neither predict_proba nor predict"),
    (LogisticRegression(), {}, "is it fitted"),
    (make_pipeline(StandardScaler(), LogisticRegression()), {}, "is it fitted"),
    (DummyClassifier().fit(VALUES, np.arange(len(VALUES)) % 3), {}, r"has the labels \[2\]"),
    (LogisticRegression().fit(VALUES, UP > 0), {}, r"has the labels \[False, True\]"),
    (RandomForestClassifier(2).fit(VALUES, np.column_stack([UP, UP])), {}, "more than one question"),
    (RidgeClassifier().fit(VALUES, UP), {}, "state the confidence"),
    (SVC().fit(VALUES, UP), {"confidence": math.nan}, "nan was given, 0 to 1"),
    (RidgeClassifier().fit(VALUES, UP), {"confidence": 1.5}, "1.5 was given, 0 to 1"),
    (LogisticRegression().fit(VALUES, UP), {"confidence": 0.6}, "leave confidence out"),
    (LogisticRegression().fit(pl.DataFrame(VALUES, schema=list(FEATURE_NAMES)), UP), {}, "column names"),
    (Says([[1.0]], classes=[["a"]]), {}, "more than one question"),
]


@pytest.mark.parametrize(("model", "how", "said"), REFUSED, ids=[said for *_, said in REFUSED])
def test_models_that_cannot_be_adapted_are_refused(model: Any, how: dict[str, float], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        Classifier(model, **how)
