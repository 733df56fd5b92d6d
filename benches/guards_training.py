"""What guards that learn are given: what the same model did, with the gate alone, in recordings that ended before."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gxrisk.agent.features import FEATURE_NAMES, FEATURES_VERSION, feature_table
from gxrisk.agent.predictions_entry import PREDICTION_NAMES, PREDICTIONS_VERSION
from gxrisk.feeds import BarBuilder, CandleSeries
from gxrisk.protection import DriftReference, DriftSettings, FailurePredictor, write_reference
from gxrisk.protection.settings import DriftGuardSettings, PredictionDriftSettings, PredictorGuardSettings
from gxrisk.vaults import Vault, signed_predictions
from gxrisk.vaults.round_trips import round_trips
from numpy.typing import NDArray

Table = NDArray[np.float64]
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One recording, by one model with the gate alone: features of its bars and of its won trades, and what it said."""

    model: str
    bar_s: int
    until_ms: int
    bars: Table
    won: Table
    predictions: Table


def lesson(model: str, bar_s: int, series: CandleSeries, vault: Vault) -> Lesson:
    """What a vault's journal and its recording teach."""
    builder = BarBuilder(bar_s * 1000)
    is_whole = series.interval_ms == bar_s * 1000
    merged = series.candles if is_whole else tuple(bar for one in series.candles for bar in builder.add(one))
    table, ends = feature_table(merged), [one.end_ms for one in merged]
    events = vault.gate.events()
    decided_ms = {one["sequence"]: one["time_ns"] // _NS_PER_MS for one in events if one["kind"] == "decision"}
    won = [decided_ms[trip.decision] for trip in round_trips(events) if trip.profit > 0 and trip.decision is not None]
    rows = table[[bisect_right(ends, at_ms) - 1 for at_ms in won]] if won else table[:0]
    predictions = np.array(signed_predictions(events)).reshape(-1, 1)
    return Lesson(model, bar_s, series.candles[-1].end_ms, _known(table), _known(rows), predictions)


def before(lessons: Sequence[Lesson], model: str, bar_s: int, from_ms: int) -> list[Lesson]:
    """Those of a model that were over before a recording begins, in bars as long as its own, the oldest first."""
    found = [one for one in lessons if (one.model, one.bar_s) == (model, bar_s) and one.until_ms <= from_ms]
    return sorted(found, key=lambda one: one.until_ms)


def predictor(folder: Path, lessons: Sequence[Lesson]) -> tuple[int, PredictorGuardSettings | None]:
    """How many won trades there are, and the guard that learnt from them; none where they are too few."""
    won = np.concatenate([one.won for one in lessons]) if lessons else np.empty((0, len(FEATURE_NAMES)))
    made = FailurePredictor(FEATURE_NAMES, version=FEATURES_VERSION)
    made.train(won)
    if not made.is_trained:
        return len(won), None
    file = folder / "predictor"
    return len(won), PredictorGuardSettings(file=str(file), sha256=made.save(file))


def drift(folder: Path, lessons: Sequence[Lesson], *, is_fitted: bool) -> tuple[int, DriftGuardSettings | None]:
    """How many bars there are, and the guard that has them, and the predictions if enough, as reference.

    Fitted, a level is high beyond what any stretch of the reference has against the whole of it.
    """
    bars = np.concatenate([one.bars for one in lessons]) if lessons else np.empty((0, len(FEATURE_NAMES)))
    said = np.concatenate([one.predictions for one in lessons]) if lessons else np.empty((0, 1))
    bounds = DriftSettings()
    if len(bars) < bounds.rows_min:
        return len(bars), None
    name = "fitted" if is_fitted else "plain"
    file, model_file = folder / f"market.{name}", folder / f"model.{name}"
    market = DriftReference(FEATURE_NAMES, bars, version=FEATURES_VERSION)
    settings = DriftGuardSettings(file=str(file), sha256=write_reference(market, file))
    if is_fitted:
        settings = settings.model_copy(update={"bounds": _fitted(market, [one.bars for one in lessons], settings)})
    if len(said) < bounds.rows_min:
        return len(bars), settings
    model = DriftReference(PREDICTION_NAMES, said, version=PREDICTIONS_VERSION)
    predictions = PredictionDriftSettings(file=str(model_file), sha256=write_reference(model, model_file))
    if is_fitted:
        predictions = predictions.model_copy(update={"bounds": _fitted(model, [said], predictions)})
    return len(bars), settings.model_copy(update={"predictions": predictions})


def _fitted(reference: DriftReference, tables: Sequence[Table], settings: PredictionDriftSettings) -> DriftSettings:
    """Bounds that no stretch of the reference passes: as long and as thin as what the guard compares."""
    length = settings.rows * settings.every
    starts = [(one, start) for one in tables for start in range(0, len(one) - length + 1, settings.rows)]
    stretches = [one[start : start + length][:: -settings.every] for one, start in starts]
    seen = [reference.compare(one, version=reference.version).features[0].psi for one in stretches]
    high = max([*seen, settings.bounds.high])
    return DriftSettings(elevated=high * settings.bounds.elevated / settings.bounds.high, high=high)


def _known(rows: Table) -> Table:
    found: Table = rows[np.isfinite(rows).all(axis=1)]
    return found
