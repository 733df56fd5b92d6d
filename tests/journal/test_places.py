"""Where a journal lies, and who has it open."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gxrisk import Gate, JournalError, JournalReader, Limits, ManualClock

GROWTH = Limits.for_tier("growth")
OPEN = "import sys, gxrisk; gxrisk.Gate.open(sys.argv[1])"
# Opens a vault, says so, and stays until its input ends.
HOLD = """
import sys, gxrisk
gate = gxrisk.Gate.open(sys.argv[1])
gate.deposit(1)
print("open", flush=True)
sys.stdin.read()
"""
# The child ends up with a copy of all that the parent has open, the journal's lock too.
FORK = """
import os, subprocess, sys
from gxrisk import Gate, Limits
file, opens = sys.argv[1:]
gate = Gate("places", Limits.for_tier("growth"), journal=file)
gate.deposit(1)
(ends, end), (dropped, drop) = os.pipe(), os.pipe()
child = os.fork()
if not child:
    del gate
    os.write(drop, b"x")
    os.close(end)
    os.read(ends, 1)
    os._exit(0)
os.read(dropped, 1)
other = subprocess.run([sys.executable, "-c", opens, file], capture_output=True, text=True)
assert "one writer" in other.stderr, other
gate.deposit(2)
gate.close()
with Gate.open(file) as gate:
    assert gate.snapshot().collateral == 3
os.close(end)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture
def clock() -> ManualClock:
    """Noon."""
    return ManualClock("2020-03-12T12:00:00Z")


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    "name", ["vault.gxr", "./vault.gxr", "below/../vault.gxr", "file:vault.gxr", "file:///x?mode=ro"]
)
def test_a_relative_path_is_of_the_folder_where_it_was_given(name: str, tmp_path: Path, clock: ManualClock) -> None:
    """Also when the process moves on to another folder, and when it looks like a URI."""
    (tmp_path / "below").mkdir()
    if name.startswith("file:///"):
        (tmp_path / "file:").mkdir()
    with Gate("places", GROWTH, clock=clock, journal=name) as gate:
        gate.deposit(1)
        assert (tmp_path / name).exists()
        os.chdir("below")
        gate.deposit(2)
        gate.rotate_keys()
        assert len(gate.events()) > 3
    assert JournalReader(tmp_path / name).events()[-1]["kind"] == "checkpoint"
    assert list(Path.cwd().iterdir()) == []
    with Gate.open(tmp_path / name, clock=clock) as gate:
        assert gate.snapshot().equity == 3


@pytest.mark.usefixtures("_here")
def test_two_spellings_of_a_path_are_one_journal(tmp_path: Path, clock: ManualClock) -> None:
    """Relative or absolute, as text or as a path, and by way of another folder: the second writer is refused."""
    (tmp_path / "below").mkdir()
    spellings = ["vault.gxr", Path("vault.gxr"), "./vault.gxr", tmp_path / "vault.gxr", "below/../vault.gxr"]
    with Gate("places", GROWTH, clock=clock, journal="vault.gxr") as gate:
        for spelling in spellings:
            with pytest.raises(JournalError, match="one writer"):
                Gate.open(spelling, clock=clock)
        gate.deposit(1)
    for spelling in spellings:
        with Gate.open(spelling, clock=clock) as gate:
            assert gate.snapshot().equity == 1


def test_a_folder_is_no_journal(tmp_path: Path, clock: ManualClock) -> None:
    """Neither to make, nor to open, nor to read; what is in it stays."""
    (tmp_path / "inside").write_text("mine")
    acts: list[Callable[[], object]] = [
        lambda: Gate("places", GROWTH, clock=clock, journal=tmp_path),
        lambda: Gate.open(tmp_path, clock=clock),
        lambda: JournalReader(tmp_path),
    ]
    for act in acts:
        with pytest.raises(JournalError, match=str(tmp_path)):
            act()
    assert (tmp_path / "inside").read_text() == "mine"


def test_another_process_is_refused_while_one_writes(tmp_path: Path, clock: ManualClock) -> None:
    """In both directions; a process that ends without closing leaves the vault to the next."""
    file = tmp_path / "vault.gxr"
    with Gate("places", GROWTH, clock=clock, journal=file) as gate:
        done = subprocess.run([sys.executable, "-c", OPEN, str(file)], capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "JournalError" in done.stderr
        assert "one writer" in done.stderr
        gate.deposit(1)
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(JournalError, match="one writer"):
            Gate.open(file, clock=clock)
        assert JournalReader(file).events()[-1]["kind"] == "flow"
        other.kill()
    with Gate.open(file) as gate:
        assert gate.snapshot().collateral == 2
        assert gate.recovery is not None
        assert gate.recovery["epoch"] == 2


def test_a_forked_child_neither_keeps_the_journal_nor_gives_it_back(tmp_path: Path) -> None:
    """What it lets go is still its parent's; what its parent closed is free, though the child lives."""
    command = [sys.executable, "-c", FORK, str(tmp_path / "vault.gxr"), OPEN]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_file_of_a_closed_gate_is_whole(tmp_path: Path, clock: ManualClock) -> None:
    """It can be copied alone, without what SQLite keeps beside it, whether or not the gate's object still lives."""
    file, copy = tmp_path / "vault.gxr", tmp_path / "copy.gxr"
    gate = Gate("places", GROWTH, clock=clock, journal=file)
    gate.deposit(5)
    gate.close()
    shutil.copyfile(file, copy)
    assert JournalReader(copy).events() == JournalReader(file).events()
    with Gate.open(copy, clock=clock) as opened:
        assert opened.snapshot().equity == 5


def test_a_reader_lets_a_gate_work_and_sees_what_it_does(tmp_path: Path, clock: ManualClock) -> None:
    """While it reads, and after it opened; it never waits for the writer, nor the writer for it."""
    file = tmp_path / "vault.gxr"
    with Gate("places", GROWTH, clock=clock, journal=file) as gate:
        reader = JournalReader(file)
        for number in range(1, 6):
            gate.deposit(1)
            assert [event["kind"] for event in reader.events()].count("flow") == number
            assert reader.head().sequence == gate.head().sequence == reader.verify()["records"]


def test_an_exception_in_the_block_closes_the_gate_too(tmp_path: Path, clock: ManualClock) -> None:
    """And passes on as it is."""
    file = tmp_path / "vault.gxr"

    def fail() -> None:
        with Gate("places", GROWTH, clock=clock, journal=file) as gate:
            gate.deposit(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with Gate.open(file, clock=clock) as gate, gate as same:
        assert same is gate
        assert gate.snapshot().equity == 1
    gate.close()
