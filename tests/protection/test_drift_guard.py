"""Drift as a stage: the market against the training's, with seeds; unknown lets pass, a changed file does not."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gxrisk.agent.features import FEATURE_NAMES, FEATURES_VERSION, feature_table
from gxrisk.feeds import Candle
from gxrisk.protection import DriftReference, ProtectionSettings, write_reference
from gxrisk.protection.settings import DriftGuardSettings
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
