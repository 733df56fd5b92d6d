"""Who watches the monitor: hangs and looks that fail are told from beside the event loop."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import pytest
from gxrisk import SystemClock
from gxrisk.feeds import Moment
from gxrisk.vaults import Fleet, Schedule
from gxrisk.vaults.watchdog import Watchdog
from gxrisk.venues import PaperVenue

IN_TIME_S = 30  # for what takes hundredths


class Told:
    """Hears of hangs."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._event = Event()

    def __call__(self, silent_s: float) -> None:
        self.times.append(silent_s)
        self._event.set()

    def wait(self) -> None:
        """Until one more was told; the thread that calls it does nothing else."""
        assert self._event.wait(IN_TIME_S)
        self._event.clear()


class Blocking:
    """A feed that holds the event loop until the watchdog told of it, so many times, with a look in between."""

    name = "blocking"
    assets: tuple[str, ...] = ()

    def __init__(self, told: Told, times: int) -> None:
        self._told = told
        self._times = times
        self.looked = asyncio.Event()

    async def moments(self) -> AsyncIterator[Moment]:
        """None at all."""
        for _ in range(self._times):
            await self.looked.wait()
            self._told.wait()  # nothing else in this loop runs
            self.looked.clear()
        return
        yield Moment(0)


def test_a_hanging_loop_is_told_once_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()

    async def run() -> None:
        fleet = Fleet(tmp_path, PaperVenue(), clock=SystemClock(), schedule=Schedule(hang_s=1.5), on_hang=told)
        feed, tick = Blocking(told, 2), fleet.tick

        async def looking(now_ms: int) -> None:
            await tick(now_ms)
            asyncio.get_running_loop().call_soon(feed.looked.set)  # after the beat

        monkeypatch.setattr(fleet, "tick", looking)
        await fleet.run(feed)

    asyncio.run(run())
    assert len(told.times) == 2
    assert min(told.times) >= 1.5


def test_looks_that_fail_are_no_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop turns, and yet nobody looks at the vaults."""
    told = Told()

    async def failing(now_ms: int) -> None:
        raise RuntimeError("no look today")

    async def run() -> None:
        fleet = Fleet(tmp_path, PaperVenue(), clock=SystemClock(), schedule=Schedule(hang_s=0.2), on_hang=told)
        monkeypatch.setattr(fleet, "tick", failing)
        running = asyncio.create_task(fleet.run(Silent()))
        await asyncio.to_thread(told.wait)
        fleet.stop()
        await running

    asyncio.run(run())
    assert told.times


class Silent:
    """A feed that tells nothing."""

    name = "silent"
    assets: tuple[str, ...] = ()

    async def moments(self) -> AsyncIterator[Moment]:
        """Waits for ever."""
        await asyncio.Event().wait()
        yield Moment(0)


def test_what_cannot_be_told_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    tried = Event()

    def broken(silent_s: float) -> None:
        tried.set()
        raise OSError("no line")

    with Watchdog(broken, hang_s=0.01):
        assert tried.wait(IN_TIME_S)
    assert "a hang could not be told" in caplog.text


def test_beats_keep_it_quiet() -> None:
    told = Told()
    with Watchdog(told, hang_s=IN_TIME_S) as watchdog:
        watchdog.beat()
    assert told.times == []
