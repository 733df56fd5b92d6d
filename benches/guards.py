"""The same models with and without each guard, on every recorded market.

python -m benches.guards [--jobs 2] [--write docs/guards.md]

Each data set of GXRISK_DATA_DIR goes through fleet, vault, gate and paper venue once, with a vault for each model and
each set of guards. All settings are defaults; what learns has learnt from recordings that were over before. Minutes
are merged to bars of five before the feed tells them (of 15 for recordings of a month, in which no price moves by a
tenth in five minutes); strategies think in bars of 15 minutes, or of the recording where those are longer.
"""

import argparse
import asyncio
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from gxrisk import Limits, ManualClock
from gxrisk.feeds import BarBuilder, CandleSeries, Moment, read_candles, timeline
from gxrisk.protection import DataQuality, ProtectionSettings, QualitySettings
from gxrisk.protection.settings import StopSettings
from gxrisk.vaults import Fleet, Notice, StrategyVersion, Vault, VaultSettings
from gxrisk.vaults.round_trips import round_trips
from gxrisk.venues import PaperVenue
from gxrisk.venues.paper import FundingRate, read_funding

from benches.guards_page import Outcome, sections, write
from benches.guards_training import Lesson, before, drift, lesson, predictor

FEED_MS = 300_000
MONTH_FEED_MS = 900_000
MONTH_ROWS = 40_000
BAR_S = 900
DEPOSIT = Decimal(100_000)
MODELS = ("momentum", "overconfident")
REVIEW_MS = 3_600_000
FUNDING = "btcusdt-funding8h-2021-06_2026-02-binance-perp.csv.gz"
_NS_PER_MS = 1_000_000
_NONE = ProtectionSettings(
    breakers=False, adaptive=None, stop=None, size=None, portfolio=None, health=None, asks_idle=True, answer_s=30
)
_DEFAULT = ProtectionSettings(answer_s=30)
WIDEST = {  # every limit as wide as it goes: what is left of the gate is that an opening needs a stop
    "max_leverage": 1000, "max_position_fraction": 1000, "max_concentration": 1000, "max_correlated_exposure": 1000,
    "max_daily_loss": 1, "max_drawdown": 1, "stop_atr_min": 0, "stop_atr_max": 1000, "max_daily_trades": 1_000_000,
    "price_move_max": 1000, "volatility_max": 1000, "losses_in_row_max": 1000, "min_confidence": 0,
    "mark_age_s_max": 86_400, "orders_per_minute": 1_000_000, "order_burst": 1_000_000, "max_open_orders": 1_000_000,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variant:
    """What stands between a model and the venue."""

    name: str
    protection: ProtectionSettings | None = None
    is_gated: bool = True
    is_judged: bool = False  # by data quality
    is_agreed: bool = False  # by an ensemble, after losses


VARIANTS = (
    Variant("ungated", is_gated=False),
    Variant("gate"),
    *(
        Variant(name, _NONE.model_copy(update={name: getattr(_DEFAULT, name)}))
        for name in ("size", "stop", "adaptive", "portfolio", "health")
    ),
    Variant("trailing", _NONE.model_copy(update={"stop": StopSettings(trail=True)})),
    Variant("consensus", is_agreed=True),
    Variant("data quality", is_judged=True),
    Variant("all", _DEFAULT, is_judged=True, is_agreed=True),
)
ORDER = (
    "ungated", "gate", "size", "stop", "trailing", "adaptive", "portfolio", "health", "drift", "drift fitted",
    "predictor", "consensus", "data quality", "all",
)  # fmt: skip


class CoarseFleet(Fleet):
    """A replay whose silence passes from bar to bar, as the recording does: nothing can happen in between."""

    interval_ms = FEED_MS

    async def _be_silent_until(self, at_ms: int) -> None:
        if self._last_ms is not None:
            for now_ms in range(self._last_ms + self.interval_ms, at_ms, self.interval_ms):
                await self._tick(now_ms)


async def nobody(_: Notice) -> None:
    """Nobody is told."""


def files(folder: Path) -> list[Path]:
    """All candle files, the longest first."""
    found = [file for file in folder.glob("*.csv.gz") if "-funding" not in file.name]
    return sorted(found, key=lambda file: (-file.stat().st_size, file.name))


def series_of(file: Path) -> CandleSeries:
    """The recording as the feed tells it."""
    whole = read_candles(file)
    feed_ms = MONTH_FEED_MS if len(whole.candles) > MONTH_ROWS else FEED_MS
    if whole.interval_ms >= feed_ms:
        return whole
    builder = BarBuilder(feed_ms)
    bars = tuple(bar for candle in whole.candles for bar in builder.add(candle))
    return replace(whole, interval_ms=feed_ms, candles=bars)


def funding_of(file: Path, series: CandleSeries) -> dict[str, list[FundingRate]]:
    """What holders paid in the time of a recorded perpetual, where that was recorded."""
    if not file.name.startswith("btcusdt") or "-perp" not in file.name:
        return {}
    first_ms, last_ms = series.candles[0].start_ms, series.candles[-1].end_ms
    return {series.asset: [one for one in read_funding(file.with_name(FUNDING)) if first_ms < one.at_ms <= last_ms]}


def learn(file: Path) -> list[Lesson]:
    """What each model, with the gate alone, leaves to learn from in a recording."""
    with TemporaryDirectory(dir=memory()) as folder:
        return asyncio.run(_learn(file, Path(folder)))


def measure(file: Path, lessons: Sequence[Lesson] = (), variants: Sequence[Variant] = VARIANTS) -> list[Outcome]:
    """All models with these variants, the gate among them, and with the guards that learn, on one recording.

    Of the lessons those count that were over before it.
    """
    with TemporaryDirectory(dir=memory()) as folder:
        return asyncio.run(_measure(file, Path(folder), lessons, variants))


def memory() -> Path | None:
    """Where journals lie that nobody keeps: they need no disk."""
    shared = Path("/dev/shm")  # noqa: S108
    return shared if shared.is_dir() else None


def bar_s_of(series: CandleSeries) -> int:
    """The length of the strategies' bars."""
    return max(BAR_S, series.interval_ms // 1000)


async def _learn(file: Path, folder: Path) -> list[Lesson]:
    series = series_of(file)
    run = Run(folder, series, funding_of(file, series), None)
    await run.play([(model, Variant("gate")) for model in MODELS])
    vaults = run.fleet.vaults.values()
    made = [lesson(vault.vault_id.partition(".")[0], bar_s_of(series), series, vault) for vault in vaults]
    await run.fleet.close()
    return made


async def _measure(file: Path, folder: Path, lessons: Sequence[Lesson], variants: Sequence[Variant]) -> list[Outcome]:
    series = series_of(file)
    funding = funding_of(file, series)
    learnt = [(model, *one) for model in MODELS for one in _learnt(folder, model, series, lessons)]
    trained = [(model, variant) for model, variant, _ in learnt if variant.protection is not None]
    found: list[Outcome] = []
    for is_judged in (False, True):
        quality = DataQuality(QualitySettings(interval_s=series.interval_ms / 1000)) if is_judged else None
        run = Run(folder / str(is_judged), series, funding, quality)
        asked = [*((model, variant) for model in MODELS for variant in variants), *trained]
        await run.play([(model, variant) for model, variant in asked if variant.is_judged == is_judged])
        found += run.outcomes()
        await run.fleet.close()
    by_name = {(one.model, one.variant): one for one in found}
    for model, variant, learned in learnt:  # what is untrained lets everything pass: it is the gate alone
        own = by_name.get((model, variant.name), by_name[model, "gate"])
        named = replace(own, variant=variant.name, learned=learned, is_trained=variant.protection is not None)
        by_name[model, variant.name] = named
    return sorted(by_name.values(), key=lambda one: (MODELS.index(one.model), ORDER.index(one.variant)))


def _learnt(folder: Path, model: str, series: CandleSeries, lessons: Sequence[Lesson]) -> Iterable[tuple[Variant, int]]:
    """The guards that learn, and from how much; without protection where that is too little."""
    mine = before(lessons, model, bar_s_of(series), series.candles[0].start_ms)
    place = folder / model
    place.mkdir()
    for name, stage, (learned, made) in (
        ("drift", "drift", drift(place, mine, is_fitted=False)),
        ("drift fitted", "drift", drift(place, mine, is_fitted=True)),
        ("predictor", "predictor", predictor(place, mine)),
    ):
        yield Variant(name, None if made is None else _NONE.model_copy(update={stage: made})), learned


class Run:
    """One recording through a fleet: a vault for each model and variant, and how far each has fallen."""

    def __init__(
        self, folder: Path, series: CandleSeries, funding: dict[str, list[FundingRate]], quality: DataQuality | None
    ) -> None:
        clock = ManualClock(series.candles[0].start_ms * _NS_PER_MS)
        venue = PaperVenue(funding=funding)
        self.fleet = CoarseFleet(folder, venue, clock=clock, notify=nobody, data_quality=quality)
        self.fleet.interval_ms = series.interval_ms
        self._series = series
        self._quality = quality
        self._falls: dict[str, Decimal] = {}

    async def play(self, vaults: Iterable[tuple[str, Variant]]) -> None:
        """All of it."""
        fleet, bar_s = self.fleet, bar_s_of(self._series)
        for model, variant in vaults:
            await _found(fleet, model, variant, bar_s, self._series.interval_ms // 1000)
        peaks = dict.fromkeys(fleet.vaults, DEPOSIT)
        self._falls = dict.fromkeys(fleet.vaults, Decimal(0))
        for moment in timeline([self._series]):
            await fleet.step(moment)
            _review(self._quality, moment)
            if fleet.market.completed(bar_s):
                for vault_id, vault in fleet.vaults.items():
                    equity = vault.gate.snapshot().equity
                    peaks[vault_id] = max(peaks[vault_id], equity)
                    self._falls[vault_id] = max(self._falls[vault_id], 1 - equity / peaks[vault_id])
        if fleet.failed:
            raise SystemExit(f"{self._series.source}: {dict(fleet.failed)}")

    def outcomes(self) -> list[Outcome]:
        """What came of each vault."""
        bar_s, vaults = bar_s_of(self._series), self.fleet.vaults.items()
        return [_outcome(vault, self._series, bar_s, self._falls[vault_id]) for vault_id, vault in vaults]


async def _found(fleet: Fleet, model: str, variant: Variant, bar_s: int, interval_s: int) -> None:
    limits = Limits.for_tier("growth").replace(mark_age_s_max=max(60, interval_s))
    if not variant.is_gated:
        limits = limits.replace(**WIDEST)
    name = f"benches.guards_models:{model}{'_agreed' if variant.is_agreed else ''}"
    settings = VaultSettings("growth", StrategyVersion.of(name, "1"), bar_s, protection=variant.protection)
    vault = await fleet.create(f"{model}.{variant.name.replace(' ', '-')}", settings, limits=limits)
    vault.paper = None  # nobody graduates here, and judging that each hour costs more than all the rest
    await vault.fund("first", DEPOSIT)


def _review(quality: DataQuality | None, moment: Moment) -> None:
    """A person looks an hour after a suspension, and lets the feed return."""
    for asset, suspension in () if quality is None else tuple(quality.suspended.items()):
        if quality is not None and moment.at_ms >= suspension.since_ms + REVIEW_MS:
            quality.review(asset, "the operator", "an hour has passed")


def _outcome(vault: Vault, series: CandleSeries, bar_s: int, fall: Decimal) -> Outcome:
    model, _, variant = vault.vault_id.partition(".")
    events = vault.gate.events()
    rejected = sum(
        one["kind"] == "decision" and one["outcome"] == "rejected" and not one["order"]["reduce_only"] for one in events
    )
    held = sum(
        one["kind"] == "hold" and ("not opened: " in one["reasoning"] or "no consensus" in one["reasoning"])
        for one in events
    )
    trips = list(round_trips(events))
    return Outcome(
        series.source.removesuffix(".csv.gz"),
        series.interval_ms // 1000,
        bar_s,
        model,
        variant.replace("-", " "),
        DEPOSIT,
        vault.gate.snapshot().equity,
        fall,
        len(trips),
        sum(trip.profit > 0 for trip in trips),
        rejected,
        held,
    )


def main(arguments: Iterable[str] | None = None) -> None:
    """Every data set; print the tables, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--write", type=Path, help="the page to write")
    parser.add_argument("--run", default="", help="what the page says of the run: a date, a commit")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    folder = os.environ.get("GXRISK_DATA_DIR")
    if not folder:
        raise SystemExit("GXRISK_DATA_DIR names no folder of recorded candles")
    found: list[Outcome] = []
    recordings = files(Path(folder))
    with ProcessPoolExecutor(asked.jobs) as pool:
        lessons = [one for learnt in pool.map(learn, recordings) for one in learnt]
        for outcomes in pool.map(partial(measure, lessons=lessons), recordings):
            found += outcomes
            print(outcomes[0].data, flush=True)
    found.sort(key=lambda one: one.data)
    if asked.write is None:
        print("\n".join(sections(found)))
    else:
        write(asked.write, found, asked.run)


if __name__ == "__main__":
    main()
