"""Drift as a stage: the market against the training's, with seeds; unknown lets pass, a changed file does not."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gxrisk.agent.features import FEATURE_NAMES, FEATURES_VERSION, feature_table
from gxrisk.agent.predictions_entry import PREDICTION_NAMES, PREDICTIONS_VERSION, Prediction
from gxrisk.feeds import Candle
from gxrisk.protection import DriftReference, ProtectionSettings, write_reference
from gxrisk.protection.pipeline import Assessment, Record
from gxrisk.protection.settings import DriftGuardSettings, PredictionDriftSettings
from pydantic import ValidationError

from .accounts import idea
from .test_pipeline import ALONE, HOUR_MS, START_MS, marked, only, view

SEEDS = range(8)


def walk(seed: int, count: int, deviation: float = 0.004) -> tuple[Candle, ...]:
    """Hourly bars of a random walk that ends at 100; volumes vary too."""
    random = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(moves := random.normal(0, deviation, count)) - moves.sum())
    spans = np.abs(random.normal(0, deviation, (2, count)))
    volumes = random.lognormal(2, 0.5, count)
    return tuple(
        Candle("BTC", START_MS + (n - count) * HOUR_MS, HOUR_MS, price(close), *extremes, price(close), float(volume))
        for n, (close, volume) in enumerate(zip(closes, volumes, strict=True))
        if (extremes := (price(close * (1 + spans[0, n])), price(close * (1 - spans[1, n]))))
    )


def price(value: float) -> Decimal:
    """As a feed tells it."""
    return Decimal(str(round(float(value), 6)))


def reference(tmp_path: Path, candles: Sequence[Candle], version: str = FEATURES_VERSION) -> dict[str, Any]:
    """The settings of a guard whose training had these bars."""
    table = feature_table(candles)
    known = table[np.isfinite(table).all(axis=1)]
    file = tmp_path / "training.json"
    return {"file": str(file), "sha256": write_reference(DriftReference(FEATURE_NAMES, known, version=version), file)}


def guarded(given: dict[str, Any], candles: Sequence[Candle], **more: Any) -> Any:
    """What the stage alone says to an order in this market."""
    settings = DriftGuardSettings.model_validate(given | more)
    return only(drift=settings).assess(idea(quantity=1), view(tuple(candles)), marked())


WIDE = {"elevated": 1.0, "high": 2.0}  # a hundred thinned bars of one process against twenty thousand of the same


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Twenty thousand bars of the process."""
    return reference(tmp_path_factory.mktemp("training"), walk(1_000, 6_000))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_market_of_the_training_passes_and_a_wilder_one_does_not(training: dict[str, Any], seed: int) -> None:
    same = guarded(training, walk(seed, 1_000), every=9, bounds=WIDE)
    assert same.refused_by is None, f"seed {seed}: {same.reasons}"
    wild = guarded(training, walk(seed, 1_000, 0.016), every=9, bounds=WIDE)
    assert wild.refused_by == "drift", f"seed {seed}"
    (objection,) = wild.objections
    assert (objection.did, objection.limit, objection.observed) == ("refused", "under high", "high")
    assert objection.message.startswith(("true_range_14: psi ", "volatility_"))


def test_too_few_bars_are_unknown_and_no_refusal(training: dict[str, Any]) -> None:
    found = guarded(training, walk(1, 200, 0.016), every=9, bounds=WIDE)
    assert found.approved
    drift = next(one for one in found.reasons if one.guard == "drift")
    assert (drift.did, drift.level) == ("passed", None)
    assert drift.text == "unknown: 16 of 100 rows that are needed"


def test_the_newest_bars_are_compared_thinned_from_the_last(training: dict[str, Any]) -> None:
    """A change of the last bars is seen; one before the first row that counts is not."""
    calm, wild = walk(3, 1_000), walk(3, 1_000, 0.016)
    old_wild = [*(one for one in wild[:400]), *calm[400:]]
    assert guarded(training, old_wild, every=5, bounds=WIDE).refused_by is None
    assert guarded(training, [*calm[:400], *wild[400:]], every=5, bounds=WIDE).refused_by == "drift"


# Predictions


def said(seed: int, count: int, mean: float = 0.6, buys: float = 0.5) -> list[float]:
    """What a model says: confidences around a mean, so many of them for buying."""
    random = np.random.default_rng(seed)
    confidences = np.clip(random.normal(mean, 0.1, count), 0.3, 1)
    bought = random.random(count) < buys
    pairs = zip(bought, confidences, strict=True)
    return [Prediction("m", "BTC", 0, "buy" if is_bought else "sell", one, None).signed for is_bought, one in pairs]


@pytest.fixture(scope="module")
def both(training: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The training's market, and two thousand predictions of it."""
    file = tmp_path_factory.mktemp("model") / "predictions.json"
    rows = np.array(said(1, 2_000)).reshape(-1, 1)
    sha256 = write_reference(DriftReference(PREDICTION_NAMES, rows, version=PREDICTIONS_VERSION), file)
    return training | {"every": 9, "bounds": WIDE, "predictions": {"file": str(file), "sha256": sha256}}


def heard(given: dict[str, Any], predictions: Sequence[float], candles: Sequence[Candle] | None = None) -> Assessment:
    """What the stage says where the model said these before, in the training's market unless another is given."""
    market = view(tuple(walk(2, 1_000) if candles is None else candles))
    guard = only(drift=DriftGuardSettings.model_validate(given))
    return guard.assess(idea(quantity=1), market, marked(), Record(predictions=tuple(predictions)))


def drift_reason(found: Assessment) -> str:
    """What the stage said."""
    return next(one.text for one in found.reasons if one.guard == "drift")


@pytest.mark.parametrize("seed", SEEDS)
def test_predictions_as_in_the_reference_pass(both: dict[str, Any], seed: int) -> None:
    found = heard(both, said(seed + 100, 100))
    assert found.approved, f"seed {seed}: {found.reasons}"
    assert "the prediction has not drifted" in drift_reason(found)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("change", [{"mean": 0.85}, {"buys": 0.95}, {"buys": 0.05}])
def test_a_shift_of_the_predictions_alone_is_refused_and_named(
    both: dict[str, Any], change: dict[str, float], seed: int
) -> None:
    found = heard(both, said(seed + 100, 100, **change))
    assert found.refused_by == "drift", f"seed {seed}"
    (objection,) = found.objections
    assert objection.message.startswith("prediction: psi "), "the market's features are not named: they have not moved"
    assert (objection.limit, objection.observed) == ("under high", "high")
    assert objection.passes == "openings while the model's predictions are as in their reference"
    without = {name: one for name, one in both.items() if name != "predictions"}
    assert heard(without, said(seed + 100, 100, **change)).approved, "nobody asked for them"


def test_of_market_and_predictions_each_that_drifted_is_named(both: dict[str, Any]) -> None:
    found = heard(both, said(7, 100, 0.85), walk(2, 1_000, 0.016))
    (objection,) = found.objections
    assert objection.message.startswith("prediction: psi ")
    assert "; volatility_16: psi " in objection.message
    assert objection.passes is not None
    assert objection.passes.startswith("openings in a market like that of the training and while the model's")


def test_too_few_predictions_are_unknown_and_the_last_are_those_that_count(both: dict[str, Any]) -> None:
    few = heard(both, said(7, 99, 0.85))
    assert few.approved
    assert "prediction unknown: 99 of 100 rows that are needed" in drift_reason(few)
    assert heard(both, said(7, 500, 0.85) + said(8, 100)).approved
    assert heard(both, said(8, 500) + said(7, 100, 0.85)).refused_by == "drift"
    thinned = both | {"predictions": both["predictions"] | {"every": 2}}
    assert "prediction unknown: 50 of 100" in drift_reason(heard(thinned, said(7, 100, 0.85)))


def test_a_reference_of_predictions_that_was_changed_or_is_of_features_opens_nothing(both: dict[str, Any]) -> None:
    other = both | {"predictions": both["predictions"] | {"sha256": "0" * 64}}
    assert "it was changed" in heard(other, said(7, 100)).failed[0].text
    features = both | {"predictions": {"file": both["file"], "sha256": both["sha256"]}}
    assert "of ['prediction'] was given" in heard(features, said(7, 100)).failed[0].text


# Files and settings


def test_a_file_that_is_not_what_was_recorded_opens_nothing(tmp_path: Path) -> None:
    given = reference(tmp_path, walk(1, 600))
    Path(given["file"]).write_text(Path(given["file"]).read_text().replace("0.", "1.", 1))
    changed = guarded(given, walk(2, 600))
    assert (changed.refused_by, changed.failed[0].guard) == ("drift", "drift")
    assert "it was changed" in changed.failed[0].text
    Path(given["file"]).unlink()
    assert "FileNotFoundError" in guarded(given, walk(2, 600)).failed[0].text


def test_a_reference_of_other_features_opens_nothing(tmp_path: Path) -> None:
    given = reference(tmp_path, walk(1, 600), version="0")
    found = guarded(given, walk(2, 1_000))
    assert found.refused_by == "drift"
    assert "DriftError: version '1' of ['return_1', " in found.failed[0].text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": 50}, "rows: 50 was given, bounds.rows_min (100) or more is allowed"),
        ({"rows": 500, "every": 2}, "rows x every: 500 x 2 was given, at most 936 bars are in a view"),
        ({"sha256": "x"}, "String should match pattern"),
        ({"bounds": {"bins": 1}}, "bins: 1 was given"),
    ],
)
def test_settings_say_what_is_allowed(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        DriftGuardSettings.model_validate({"file": "x", "sha256": "0" * 64} | changes)
    assert said in str(raised.value)


def test_settings_go_through_a_vault_s_note() -> None:
    drift = DriftGuardSettings(file="x", sha256="0" * 64)
    settings = ProtectionSettings(**{**ALONE, "breakers": False, "drift": drift})
    assert settings.stages == ["drift"]
    assert ProtectionSettings.model_validate_json(settings.model_dump_json()) == settings
    kept = settings.to_dict()["drift"]
    assert "predictions" not in kept, "certificates and notes from before there were any still say the same"
    heard = drift.model_copy(update={"predictions": PredictionDriftSettings(file="y", sha256="1" * 64)})
    more = settings.model_copy(update={"drift": heard})
    assert ProtectionSettings.model_validate_json(more.model_dump_json()) == more
    assert (
        ProtectionSettings.model_validate({**settings.to_dict(), "drift": {**kept, "predictions": False}}) == settings
    )
