"""Training rows know nothing that was not known: labels are recomputed, and cut at every instant."""

import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from gxrisk.agent import ModelError
from gxrisk.agent.classifier_training import training_rows, walk_forward
from gxrisk.agent.features import feature_table
from gxrisk.feeds import read_candles
from hypothesis import given, settings
from hypothesis import strategies as st

from .bars import MINUTE_MS, START_MS, walk


@given(seed=st.integers(0, 2**32), horizon=st.integers(1, 40), threshold=st.floats(0, 0.02))
@settings(max_examples=25, deadline=None)
def test_each_label_is_what_came_after(seed: int, horizon: int, threshold: float) -> None:
    bars = walk(seed, 160)
    rows = training_rows(bars, horizon, threshold)
    table = feature_table(bars)
    assert len(rows) == 160 - 64 - horizon
    for number, (values, label, at_ms, known_ms) in enumerate(
        zip(rows.values, rows.labels, rows.at_ms, rows.known_ms, strict=True), start=64
    ):
        np.testing.assert_array_equal(values, table[number])
        move = float(bars[number + horizon].close) / float(bars[number].close) - 1
        assert label == (0 if abs(move) <= threshold else 1 if move > 0 else -1)
        assert at_ms == START_MS + (number + 1) * MINUTE_MS
        assert known_ms == at_ms + horizon * MINUTE_MS


@given(seed=st.integers(0, 2**32), horizon=st.integers(1, 30), end=st.integers(66, 150))
@settings(max_examples=25, deadline=None)
def test_what_was_known_at_an_instant_does_not_depend_on_what_came_later(seed: int, horizon: int, end: int) -> None:
    bars = walk(seed, 150)
    then = training_rows(bars[:end], horizon, 0.001)
    later = training_rows([*bars[:end], *(replace(bar, close=bar.low) for bar in bars[end:])], horizon, 0.001)
    cut = later.known_by(bars[end - 1].end_ms)
    for name in ("values", "labels", "at_ms", "known_ms"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(then, name))


def test_a_move_of_exactly_the_threshold_is_worth_nothing() -> None:
    bars = [replace(bar, open=bar.close, high=bar.close, low=bar.close) for bar in walk(1, 70)]
    price = Decimal(128)
    for close, label in (("132", 0), ("132.0001", 1), ("124", 0), ("123.9999", -1)):
        moved = [replace(bar, open=price, high=price, low=price, close=price) for bar in bars[:-1]]
        last = Decimal(close)
        rows = training_rows([*moved, replace(bars[-1], open=last, high=last, low=last, close=last)], 1, 4 / 128)
        assert rows.labels.tolist()[-1] == label


@pytest.mark.parametrize(
    ("horizon", "threshold", "said"), [(0, 0.1, "0 bars"), (-1, 0.1, "-1 bars"), (1, -0.1, "-0.1"), (1, np.nan, "nan")]
)
def test_nonsense_is_refused(horizon: int, threshold: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        training_rows(walk(1, 70), horizon, threshold)


def test_fewer_bars_than_the_horizon_give_no_rows() -> None:
    assert training_rows(walk(1, 10), 20, 0.0).values.shape == (0, 12)


def test_no_fold_is_trained_on_an_answer_of_its_test(data_dir: Path) -> None:
    series = read_candles(data_dir / "btcusdt-5m-2021-05-10_2021-05-26-binance.csv.gz")
    rows = training_rows(series.candles, 12, 0.004)
    folds = list(walk_forward(12, folds=4).split(rows.values))
    assert len(folds) == 4
    for train, test in folds:
        assert rows.known_ms[train].max() < rows.at_ms[test].min()
        assert rows.known_ms[train[-1]] > rows.at_ms[test].min() - 2 * series.interval_ms, "and no more is thrown away"


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    with pytest.raises(ModelError, match=r"gxrisk\[ml\]"):
        walk_forward(12)
