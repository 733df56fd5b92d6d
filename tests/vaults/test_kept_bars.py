"""Bars outlive the process: what a fleet knew of its market before a restart it knows after it, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import ManualClock
from gxrisk.feeds import Candle, Moment
from gxrisk.vaults import Fleet
from gxrisk.vaults.kept_bars import KeptBars
from gxrisk.vaults.market import HISTORY, Bars
from gxrisk.venues import PaperVenue

from tests.vaults.fleets import NS_PER_MS, START_MS, Listener, minutes, settings

pytestmark = pytest.mark.usefixtures("data_dir")

ASSET = "BTCUSD"


def candles(count: int, interval_ms: int = 60_000) -> list[Candle]:
    """Of a market that wanders."""
    made = []
    for number in range(count):
        low = Decimal(100 + number * 7 % 13)
        made.append(Candle(ASSET, number * interval_ms, interval_ms, low, low + 2, low, low + 1, float(number)))
    return made


def known(bars: Bars) -> tuple[object, ...]:
    """All that is worked out."""
    return bars.history(ASSET), bars.atr(ASSET), bars.volatility(ASSET)


def test_a_vault_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    """Two hours in one process, or in two: the same bars, range and volatility, and openings at once."""

    async def hours(folder: Path, *parts: slice) -> Fleet:
        for part in parts:
            moments = minutes(120, from_ms=START_MS)[part]
            clock = ManualClock((moments[0].at_ms - 1) * NS_PER_MS)
            fleet = Fleet(folder / "vaults", PaperVenue(folder=folder / "venue"), clock=clock, notify=Listener())
            fleet.market.bars(60)
            if (folder / "vaults" / "ann").exists():
                vault = await fleet.open("ann")
            else:
                vault = await fleet.create("ann", settings("Bidder"))
                await vault.fund("first", Decimal(10_000))
            before = vault.gate.sequence
            for moment in moments[:2]:
                await fleet.step(moment)
            asked = [one for one in vault.gate.events(before) if one["kind"] == "decision" and one["origin"] == "agent"]
            is_first = part.start in (None, 0)
            assert bool(asked) != is_first, "before enough bars are known nothing is proposed"
            for moment in moments[2:]:
                await fleet.step(moment)
            await fleet.close()
        return fleet

    whole = asyncio.run(hours(tmp_path / "one", slice(0, 120))).market.bars(60)
    twice = asyncio.run(hours(tmp_path / "two", slice(0, 70), slice(70, 120))).market.bars(60)
    assert whole.volatility(ASSET) is not None
    assert known(twice) == known(whole)


@pytest.mark.parametrize("bar_ms", [60_000, 300_000])
def test_what_is_kept_is_what_was_known(tmp_path: Path, bar_ms: int) -> None:
    file = tmp_path / "bars"
    first, once = Bars(bar_ms, file), Bars(bar_ms)
    made = candles(400)
    for one in made[:200]:
        first.take(one)
        once.take(one)
    second = Bars(bar_ms, file)  # killed: the first one was never closed
    assert second.history(ASSET) == (), "nothing is known before the feed goes on"
    for one in made[200:]:
        second.take(one)
        once.take(one)
    assert known(second) == known(once)
    first.close()
    second.close()


def test_no_more_is_kept_than_is_of_use(tmp_path: Path) -> None:
    """The file is written anew now and then; a reader sees the last thousand all the same."""
    file = tmp_path / "bars"
    bars = Bars(60_000, file)
    made = candles(HISTORY * 13 + 5)
    for one in made:
        bars.take(one)
    bars.close()
    lines = file.read_bytes().count(b"\n")
    assert HISTORY <= lines < HISTORY * 13
    again = Bars(60_000, file)
    again.take(Candle(ASSET, made[-1].end_ms, 60_000, *[Decimal(100)] * 4, 1.0))
    assert again.history(ASSET)[:-1] == bars.history(ASSET)[1:]
    again.close()


# Milliseconds from the end of the last kept bar to the first candle | bars known after that candle | taken on
GAPS = {
    "the next bar": (0, 20, True),
    "the end of the next bar": (240_000, 21, True),
    "a bar is missing": (300_000, 0, False),
    "older": (-120_000, 0, False),
}


@pytest.mark.parametrize("name", GAPS)
def test_nothing_is_trusted_across_a_gap(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """With bars of five minutes; what is not gone on from is forgotten for good."""
    gap_ms, count, is_taken = GAPS[name]
    file = tmp_path / "bars"
    bars = Bars(300_000, file)
    for one in candles(100):
        bars.take(one)
    bars.close()
    later = Bars(300_000, file)
    with caplog.at_level(logging.WARNING, "gxrisk.vaults"):
        later.take(Candle(ASSET, 6_000_000 + gap_ms, 60_000, *[Decimal(100)] * 4, 1.0))
    assert len(later.history(ASSET)) == count
    assert bool(caplog.messages) != is_taken
    later.close()
    assert (ASSET in KeptBars(file, 300_000).read()) == is_taken


def flipped(text: bytes) -> bytes:
    """One bit of a price."""
    at = text.index(b'"10')
    return text[: at + 1] + bytes([text[at + 1] ^ 1]) + text[at + 2 :]


def forged(line: bytes) -> Callable[[bytes], bytes]:
    """With a line more that has a good checksum."""
    from zlib import crc32

    return lambda text: text + b"%08x %s\n" % (crc32(line), line)


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "a bit": flipped,
    "a line less": lambda text: text.replace(text.split(b"\n")[4], b"", 1),
    "zeros": lambda text: text[:200] + bytes(100) + text[300:],
    "nonsense": lambda _: b"\xff\xfe\n",
    "twice": lambda text: text + text,
    "not a number": forged(b'["BTCUSD",99960000000,"NaN","NaN","NaN","NaN","1.0"]'),
    "no bar": forged(b'["BTCUSD",99960000000,"1","1","2","1","1.0"]'),
    "a list": forged(b"[]"),
    "an object": forged(b"{}"),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_file_is_void(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """All of it, with a line in the log; and bars are kept again from then on."""
    file = tmp_path / "bars"
    kept = KeptBars(file, 60_000)
    made = candles(10)
    kept.add(made, {ASSET: made})
    kept.close()
    file.write_bytes(DAMAGED[how](file.read_bytes()))
    again = KeptBars(file, 60_000)
    with caplog.at_level(logging.WARNING, "gxrisk.vaults"):
        assert again.read() == {}
    assert "is void" in caplog.text
    again.add(made[:3], {ASSET: made[:3]})
    again.close()
    assert KeptBars(file, 60_000).read() == {ASSET: made[:3]}


def test_a_line_that_a_crash_cut_short_is_dropped(tmp_path: Path) -> None:
    """Wherever it was cut; what follows begins a line of its own."""
    file = tmp_path / "bars"
    made = candles(3)
    kept = KeptBars(file, 60_000)
    kept.add(made, {ASSET: made})
    kept.close()
    whole = file.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == 10]
    for length in range(ends[1], ends[2]):
        file.write_bytes(whole[:length])
        again = KeptBars(file, 60_000)
        assert again.read() == {ASSET: made[:2]}
        again.add(made[2:], {ASSET: made})
        again.close()
        assert KeptBars(file, 60_000).read() == {ASSET: made}


def test_a_file_that_cannot_be_written_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder stands in its place."""
    (tmp_path / "_bars-60.jsonl").mkdir()

    async def go_on() -> None:
        fleet = Fleet(tmp_path, PaperVenue(), clock=ManualClock(0), notify=Listener())
        await fleet.create("ann", settings("Silent"))
        for one in candles(5):
            await fleet.step(Moment(one.end_ms, closed=(one,)))
        assert fleet.failed == {}
        assert len(fleet.market.bars(60).history(ASSET)) == 4
        await fleet.close()

    with caplog.at_level(logging.WARNING, "gxrisk.vaults"):
        asyncio.run(go_on())
    assert "bars are not kept any more" in caplog.text
