"""Following live journals: at most a second behind, awake when told, at rest when nothing happens."""

import asyncio
import time
from pathlib import Path

import pytest
from gxrisk import Gate, JournalReader, Limits, SystemClock
from gxrisk.history import History, Projector, following, projection

BEHIND_S_MAX = 1.0
GROWTH = Limits.for_tier("growth")


async def until(history: History, vault: str, sequence: int) -> None:
    """Wait until a vault is told up to a record."""
    async with asyncio.timeout(30):
        while not any(row.name == vault and row.sequence >= sequence for row in history.vaults()):
            await asyncio.sleep(0)


async def stopped(task: "asyncio.Task[None]") -> None:
    """Cancel a running projector and wait for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_many_live_journals_are_followed_within_a_second(history: History, tmp_path: Path) -> None:
    """Gates write, one of them after the start; no record is told later than a second after it was written."""

    async def follow() -> list[float]:
        projector = Projector(history)
        task = asyncio.create_task(projector.run())
        gates = []
        for number in range(3):
            file = tmp_path / f"v{number}.gxr"
            projector.follow(file)
            gates.append(Gate(f"v{number}", GROWTH, clock=SystemClock(), journal=file))
        lags = []
        for round_ in range(5):
            for gate in gates:
                gate.deposit(10 + round_)
                written = time.monotonic()
                await until(history, gate.vault_id, gate.events()[-1]["sequence"])
                lags.append(time.monotonic() - written)
        await stopped(task)
        assert projector.failures == {}
        for gate in gates:
            gate.close()
        return lags

    lags = asyncio.run(follow())
    assert len(lags) == 15
    assert max(lags) <= BEHIND_S_MAX
    assert [history.totals(f"v{number}").deposits for number in range(3)] == [60, 60, 60]


def test_notify_wakes_it_before_the_next_poll(history: History, tmp_path: Path) -> None:
    """With polls an hour apart, only the call can have woken it; it may come from another thread."""

    async def follow() -> None:
        with Gate("told", GROWTH, journal=tmp_path / "told.gxr") as gate:
            projector = Projector(history, [tmp_path / "told.gxr"], poll_s=3600)
            task = asyncio.create_task(projector.run())
            await until(history, "told", 2)
            gate.deposit(10)
            await asyncio.to_thread(projector.notify)
            await until(history, "told", gate.events()[-1]["sequence"])
            await stopped(task)
        projector.notify()  # nobody runs any more, and nothing breaks

    asyncio.run(follow())


def test_an_idle_journal_is_not_read(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it has come to rest a poll only looks at the files' times; a new record is seen all the same."""
    reads: list[int] = []

    class Counted:
        def __init__(self, path: Path) -> None:
            self.reader = JournalReader(path)
            self.vault_id = self.reader.vault_id

        def events(self, since: int, limit: int) -> list[dict[str, object]]:
            reads.append(since)
            return self.reader.events(since, limit)

    monkeypatch.setattr(following, "JournalReader", Counted)
    monkeypatch.setattr(following, "_SETTLED_S", 0)
    with Gate("idle", GROWTH, journal=tmp_path / "idle.gxr") as gate:
        gate.deposit(10)
        projector = Projector(history, [tmp_path / "idle.gxr"])
        for _ in range(3):
            projector.catch_up()
        rested = len(reads)
        for _ in range(100):
            projector.catch_up()
        assert len(reads) == rested > 0
        gate.deposit(20)
        projector.catch_up()
        assert len(reads) > rested
        assert history.totals("idle").deposits == 30


def test_one_bad_journal_holds_up_no_other(history: History, tmp_path: Path) -> None:
    """What is missing or no journal is named, the others go on, and it is taken up once it can be read."""
    missing, wrong, good = tmp_path / "missing.gxr", tmp_path / "wrong.gxr", tmp_path / "good.gxr"
    wrong.write_text("no journal")
    with Gate("good", GROWTH, journal=good) as gate:
        gate.deposit(10)
    projector = Projector(history, [missing, wrong, good])
    projector.catch_up()
    assert set(projector.failures) == {missing, wrong}
    assert history.totals("good").deposits == 10
    assert "missing.gxr" in projector.failures[missing]
    with Gate("late", GROWTH, journal=missing) as gate:
        gate.deposit(5)
        projector.catch_up()
        assert set(projector.failures) == {wrong}
        assert history.totals("late").deposits == 5
    projector.unfollow(wrong)
    assert projector.failures == {}


def test_a_bug_in_one_vault_holds_up_no_other(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that cannot be told is told nowhere, not even in part, and the other vault goes on."""
    files = []
    for name, reason in (("bad", "boom"), ("good", "fine")):
        files.append(tmp_path / f"{name}.gxr")
        with Gate(name, GROWTH, journal=files[-1]) as gate:
            gate.deposit(10)
            gate.kill(reason)
    killed = projection.KINDS["killed"]

    def broken(into: projection.Projection, record: projection.Record) -> None:
        if record["reason"] == "boom":
            raise ZeroDivisionError
        killed(into, record)

    projector = Projector(history, files)
    with monkeypatch.context() as bug:
        bug.setitem(projection.KINDS, "killed", broken)
        projector.catch_up()
    assert projector.failures == {files[0]: "ZeroDivisionError()"}
    assert {row.name: row.killed for row in history.vaults()} == {"good": True}
    projector.catch_up()
    assert projector.failures == {}
    assert {row.name: row.killed for row in history.vaults()} == {"bad": True, "good": True}


def test_a_lost_database_is_taken_up_again(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing database is a failure like any other, and nothing is lost by it."""
    from gxrisk.history import HistoryError

    with Gate("kept", GROWTH, journal=tmp_path / "kept.gxr") as gate:
        projector = Projector(history, [tmp_path / "kept.gxr"])
        gate.deposit(10)
        with monkeypatch.context() as broken:

            def refuse(*_: object) -> None:
                raise HistoryError("the database is gone")

            broken.setattr(following.store, "save", refuse)
            projector.catch_up()
            assert list(projector.failures.values()) == ["the database is gone"]
        projector.catch_up()
        assert projector.failures == {}
        assert history.totals("kept").deposits == 10
