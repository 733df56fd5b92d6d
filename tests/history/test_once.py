"""Each record once: whatever the batches, however many projectors, wherever one is killed, and after a rebuild."""

import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gxrisk import Gate, JournalReader, Limits, ManualClock
from gxrisk.history import History, HistoryError, Projector, following
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.postgres import Server

from .desk import START, Desk, all_of

PROJECT = """
import sys
from gxrisk.history import History, Projector, following
following.RECORDS_MAX = int(sys.argv[3])
with History.open(sys.argv[1]) as history:
    print("open", flush=True)
    projector = Projector(history, [sys.argv[2]])
    projector.catch_up()
    projector.raise_failures()
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of a busy day."""
    desk = Desk(tmp_path_factory.mktemp("busy") / "desk.gxr", seed=11)
    desk.work(600)
    desk.close()
    return desk.file


def told(url: str, journal: Path) -> dict[str, object]:
    """What a history says that was told the journal in one go."""
    with History.open(url) as history:
        projector = Projector(history, [journal])
        projector.catch_up()
        projector.raise_failures()
        return all_of(history, "desk")


def start(url: str, journal: Path, records: int) -> "subprocess.Popen[str]":
    """A projector in a process of its own, with transactions of so many records."""
    command = [sys.executable, "-c", PROJECT, url, str(journal), str(records)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_projector_killed_anywhere_loses_and_doubles_nothing(url: str, journal: Path, tmp_path: Path) -> None:
    """kill -9 of one projector after the other, each a bit further on, then one that is let be."""
    expected = told(str(tmp_path / "expected.db"), journal)
    records = len(JournalReader(journal).events())
    kills, seen = 0, set()
    draw = random.Random(5)
    while kills < 6:
        process = start(url, journal, records=3)
        assert process.stdout is not None
        process.stdout.readline()
        with History.open(url) as history:
            begun = place(history)
            target = begun + draw.randrange(1, records // 10)
            while place(history) < target and process.poll() is None:
                pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with History.open(url) as history:
            seen.add(place(history))
        kills += 1
    assert len(seen) == kills, "every killed projector had gone on from where the one before was killed"
    assert max(seen) < records, "the last one was killed before the end"
    assert told(url, journal) == expected


def place(history: History) -> int:
    """How far the history is."""
    rows = history.vaults()
    return rows[0].sequence if rows else 0


def test_projectors_at_once_double_nothing(url: str, journal: Path, tmp_path: Path) -> None:
    """Two processes and two threads on the same journal, in transactions of five records."""
    expected = told(str(tmp_path / "expected.db"), journal)
    with History.open(url):
        pass
    processes = [start(url, journal, records=5) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: told(url, journal), range(2)))
    for process in processes:
        out, _ = process.communicate()
        assert (process.returncode, out) == (0, "open\ndone\n")
    assert answers == [expected, expected]
    assert told(url, journal) == expected


@settings(max_examples=8, deadline=None, database=None, print_blob=True)
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_a_rebuild_equals_what_was_told_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, postgres: Server, seed: int, sizes: list[int]
) -> None:
    """Random histories, told while they grow in transactions of any size, then forgotten and told in one go."""
    folder = tmp_path_factory.mktemp("rebuild")
    desk = Desk(folder / "desk.gxr", seed)
    answers = []
    with pytest.MonkeyPatch.context() as patch:
        histories = [History.open(str(folder / "history.db")), History.open(postgres.migrated())]
        projectors = [Projector(history, [desk.file]) for history in histories]
        for size in sizes:
            desk.work(30)
            patch.setattr(following, "RECORDS_MAX", size)
            for projector in projectors:
                projector.catch_up()
                projector.raise_failures()
        desk.close()
        for history, projector in zip(histories, projectors, strict=True):
            projector.catch_up()
            answers.append(all_of(history, "desk"))
            patch.setattr(following, "RECORDS_MAX", 1_000)
            projector.rebuild(desk.file)
            answers.append(all_of(history, "desk"))
            history.close()
    assert all(answer == answers[0] for answer in answers[1:])


def test_an_interrupted_rebuild_goes_on(history: History, journal: Path, tmp_path: Path) -> None:
    """What was forgotten and not yet told again comes with the next projector."""
    expected = told(str(tmp_path / "expected.db"), journal)
    projector = Projector(history, [journal])
    projector.catch_up()
    half = following.Following(history.engine, journal)
    half.rebuild()
    half.step()
    assert place(history) == min(following.RECORDS_MAX, expected["overview"][0].sequence)  # type: ignore[index]
    Projector(history, [journal]).catch_up()
    assert all_of(history, "desk") == expected


def test_a_journal_that_is_not_the_one_told_is_refused(history: History, tmp_path: Path) -> None:
    """Another vault of the same name, or an older copy put back, is not told on top; a rebuild makes it right."""
    first, other = tmp_path / "first.gxr", tmp_path / "other.gxr"
    for file, deposits in ((first, 5), (other, 2)):
        with Gate("twice", Limits.for_tier("growth"), clock=ManualClock(START), journal=file) as gate:
            for _ in range(deposits):
                gate.deposit(10)
    Projector(history, [first]).catch_up()
    before = all_of(history, "twice")
    projector = Projector(history, [other])
    projector.catch_up()
    with pytest.raises(HistoryError, match=r"no record 8 than the history of twice.*rebuild"):
        projector.raise_failures()
    with Gate.open(other, clock=ManualClock(START)) as gate:
        for _ in range(9):
            gate.deposit(10)
    projector.catch_up()
    with pytest.raises(HistoryError, match="another record 8 than"):
        projector.raise_failures()
    assert all_of(history, "twice") == before
    projector.rebuild(other)
    assert history.totals("twice").deposits == 110
