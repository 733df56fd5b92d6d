"""Recorded candles through a fleet, a gate and the paper venue, to a certificate that a live venue takes."""

from __future__ import annotations

import asyncio
import json
import math
import statistics
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Head, JournalReader, ManualClock
from gxrisk.feeds import CandleSeries, read_candles, timeline
from gxrisk.snapshot import Snapshot
from gxrisk.vaults import Fleet, VaultSettings
from gxrisk.vaults.certificate import check
from gxrisk.vaults.evidence import DAY_MS, WINDOW_MS, PaperRecord
from gxrisk.vaults.graduation import Graduation
from gxrisk.vaults.round_trips import round_trips
from gxrisk.vaults.version import StrategyVersion
from gxrisk.venues import PaperVenue

FILE = "btcusdt-1m-2025-05-25_2025-06-25-binance-perp.csv.gz"
START_MS = 1_749_168_000_000  # 2025-06-06 00:00 UTC, a week without a gap
SETTINGS = VaultSettings("growth", StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1"), bar_s=900)
DAYS = 7


@dataclass
class Week:
    """What a week came to."""

    journal: Path
    graduation: Graduation
    early: Graduation
    snapshot: Snapshot
    token: bytes
    head: Head
    events: list[dict[str, Any]]


def candles(data_dir: Path, start_ms: int, days: int) -> CandleSeries:
    whole = read_candles(data_dir / FILE)
    until_ms = start_ms + days * DAY_MS
    part = tuple(one for one in whole.candles if start_ms <= one.start_ms < until_ms)
    return CandleSeries("BTC", whole.interval_ms, part, whole.source)


async def live_through(folder: Path, series: CandleSeries) -> Week:
    """The week with a restart after three days, which takes no feed time: the record goes on from its note."""
    clock = ManualClock(START_MS * 1_000_000)
    fleet = Fleet(folder / "vaults", PaperVenue(folder=folder / "venue"), clock=clock)
    vault = await fleet.create("ann", SETTINGS)
    await vault.fund("first", Decimal(10_000))
    early = None
    for moment in timeline([series]):
        await fleet.step(moment)
        if moment.at_ms == START_MS + 3 * DAY_MS:
            await fleet.close()
            fleet = Fleet(folder / "vaults", PaperVenue(folder=folder / "venue"), clock=clock)
            vault = await fleet.open("ann")
        if moment.at_ms == START_MS + DAYS * DAY_MS - 60_000:
            early = vault.graduation(moment.at_ms)
            assert "certificate" not in vault.gate.notes
    assert early is not None
    assert fleet.failed == {}
    journal = folder / "vaults" / "ann" / "journal.gxr"
    graduation, snapshot = vault.graduation(moment.at_ms), vault.gate.snapshot()
    week = Week(journal, graduation, early, snapshot, vault.certificate(), vault.gate.head(), vault.gate.events())
    await fleet.close()
    return week


@pytest.fixture(scope="module")
def week(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Week:
    """Seven days of June 2025, minute by minute."""
    return asyncio.run(live_through(tmp_path_factory.mktemp("week"), candles(data_dir, START_MS, DAYS)))


def test_the_week_graduates_at_its_last_minute(week: Week) -> None:
    assert [one.name for one in week.early.requirements if not one.passed] == ["days"]
    assert week.graduation.has_graduated, [one.sentence for one in week.graduation.requirements]
    assert week.graduation.served_ms == WINDOW_MS


def test_the_evidence_is_what_the_journal_says(week: Week) -> None:
    """Profit, Sharpe ratio, drawdown and trades, worked out anew from the notes and the fills."""
    notes = [one for one in week.events if one["kind"] == "note" and one["topic"] == "equity"]
    equities = [Decimal(json.loads(one["text"])["equity"]) for one in notes]
    performance = week.graduation.performance
    assert performance is not None
    assert len(equities) == DAYS * 24 + 1
    assert performance.profit == equities[-1] - equities[0]
    returns = [float(after / before - 1) for before, after in pairwise(equities)]
    sharpe = statistics.fmean(returns) / statistics.stdev(returns) * math.sqrt(24 * 365)
    assert performance.curve.sharpe == pytest.approx(sharpe, rel=1e-9)
    falls = [1 - equity / max(equities[: number + 1]) for number, equity in enumerate(equities)]
    assert performance.curve.max_drawdown == pytest.approx(max(falls), rel=Decimal("1e-12"))
    trips = list(round_trips(week.events))
    assert performance.trades.count == len(trips)
    assert performance.trades.winners == sum(trip.profit > 0 for trip in trips)
    assert all(trip.reasoning for trip in trips)
    snapshot = week.snapshot
    earned = snapshot.realised + snapshot.unrealised - snapshot.fees + snapshot.funding
    assert performance.profit == earned


def test_the_certificate_holds_and_the_journal_bears_it_out(week: Week) -> None:
    assert week.head.key is not None
    certificate = check(week.token, week.head.key, "ann", SETTINGS.strategy, "growth")
    events = {one["sequence"]: one for one in JournalReader(week.journal).events()}
    assert events[certificate.sequence]["hash"] == certificate.hash
    assert JournalReader(week.journal).verify(week.head)["records"] >= week.head.sequence


def test_folding_the_whole_journal_gives_the_kept_record(week: Week) -> None:
    kept = [one["text"] for one in week.events if one["kind"] == "note" and one["topic"] == "paper"]
    assert len(kept) >= DAYS - 1  # one a day; none for a gap
    record = PaperRecord.from_json(kept[-1])
    again = PaperRecord(SETTINGS)
    again.fold_all(one for one in week.events if one["sequence"] <= record.sequence)
    assert record.time.gaps == ()
    again.time = record.time  # the feed is not in the journal
    assert again.to_json() == record.to_json()
    assert len(kept[-1]) < 30_000
