"""A service that is told to stop: what is in flight is finished, everything is closed, nothing is left over."""

import asyncio
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest
from gxrisk import JournalReader
from gxrisk.vaults.fleet import JOURNAL

from tests.vaults import runner
from tests.vaults.fleets import Tape, agrees, fleet, minutes, play, settings

pytestmark = pytest.mark.usefixtures("data_dir")

PATIENCE_S = 120


def test_sigterm_ends_a_service_in_order(tmp_path: Path) -> None:
    """In the middle of trading, while the feed lets it wait: exit code 0, whole files, and a clean opening."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.vaults.runner"])
    told, tell = context.Pipe(duplex=False)
    process = context.Process(target=runner.run_until_told, args=(tmp_path, tell))
    process.start()
    tell.close()
    assert told.poll(PATIENCE_S)
    assert told.recv_bytes() == b"trading"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    process.join(PATIENCE_S)
    assert process.exitcode == 0
    for name in ("ann", "bob", "cid"):
        look_at_whole_files(tmp_path, name)

    async def again() -> None:
        one = fleet(tmp_path)
        await one.open_all()
        assert (set(one.vaults), one.failed) == ({"ann", "bob", "cid"}, {})
        for vault in one.vaults.values():
            assert vault.gate.snapshot().daily_trades > 0
            await agrees(vault)
        await one.close()

    asyncio.run(again())


def look_at_whole_files(folder: Path, name: str) -> None:
    """Each file is whole by itself: copied without the logs beside it, it holds every record and every report."""
    alone = folder / "alone"
    alone.mkdir(exist_ok=True)
    journal, account = folder / "vaults" / name / JOURNAL, folder / "accounts" / f"{name}.paper.sqlite"
    copies = [Path(shutil.copy(one, alone / f"{name} {one.name}")) for one in (journal, account)]
    JournalReader(copies[0]).verify()
    assert JournalReader(copies[0]).events() == JournalReader(journal).events()
    rows = []
    for one in (copies[1], account):
        with closing(sqlite3.connect(one)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows.append(connection.execute("SELECT sequence, body FROM reports ORDER BY sequence").fetchall())
    assert rows[0] == rows[1] != []


def test_stop_ends_the_wait_for_a_feed_that_says_nothing(tmp_path: Path) -> None:
    """Also where the next moment never comes; the feed's own clean-up runs."""

    class Mute(Tape):
        is_closed = False

        async def moments(self):  # type: ignore[no-untyped-def]
            try:
                yield minutes(2)[0]
                one.stop()
                await asyncio.Event().wait()
            finally:
                self.is_closed = True

    one = fleet(tmp_path)
    feed = Mute(())

    async def wait() -> None:
        await one.create("ann", settings("Silent"))
        await one.run(feed)
        await one.close()

    asyncio.run(wait())
    assert feed.is_closed


def test_a_moment_in_hand_is_finished(tmp_path: Path) -> None:
    """`stop` within a moment: every vault has had it before `run` returns, and no vault has had the next."""
    moments = minutes(30)

    class Stopping(Tape):
        async def moments(self):  # type: ignore[no-untyped-def]
            for number, moment in enumerate(self._moments):
                if number == 20:
                    one.stop()
                yield moment

    one = fleet(tmp_path)

    async def wait() -> None:
        vaults = [await one.create(name, settings("Trader")) for name in ("ann", "bob")]
        for vault in vaults:
            await vault.fund("first", runner.FUNDED)
        await play(one, ())
        await one.run(Stopping(moments))
        times = {vault.gate.snapshot().time_ns for vault in vaults}
        assert len(times) == 1
        assert next(iter(times)) in {moments[19].at_ms * 1_000_000, moments[20].at_ms * 1_000_000}
        await one.close()
        assert dict(one.vaults) == {}

    asyncio.run(wait())
