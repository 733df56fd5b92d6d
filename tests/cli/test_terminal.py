"""What the commands show on a terminal, in which one looks at them, and while a gate still writes."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from gxrisk import Gate, JournalReader, Limits, ManualClock, order
from gxrisk.cli.page import decision_page, record_page
from rich.console import Console
from typer.testing import Result

from .journals import START, Written

Run = Callable[..., Result]
FORMS = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(columns: int, *args: object) -> list[str]:
    """The lines that a command shows on a terminal of so many columns, without colours."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "gxrisk.cli", *map(str, args)]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    shown = b""
    with subprocess.Popen(command, stdout=slave, stderr=subprocess.PIPE, env={**environment, "TERM": "xterm"}) as done:
        os.close(slave)
        try:
            while part := os.read(master, 65_536):
                shown += part
        except OSError:
            pass  # Linux's way to say that nobody writes any more
        finally:
            os.close(master)
    assert done.returncode == 0, shown
    return FORMS.sub("", shown.decode()).replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize(("columns", "widest"), [(200, 100), (80, 80), (40, 80)])
def test_a_page_fits_the_terminal(journal: Written, columns: int, widest: int) -> None:
    """From 80 columns on, up to 100; below, the terminal itself breaks the lines."""
    lines = on_terminal(columns, "explain", journal.file, journal.first("decision", "rejected"))
    assert widest - 20 < max(map(len, lines)) <= widest


@pytest.mark.parametrize("width", [80, 100])
def test_no_page_cuts_a_number(journal: Written, width: int) -> None:
    """Of every kind of record."""
    reader = JournalReader(journal.file)
    for record in reader.events():
        sequence = record["sequence"]
        is_decision = record["kind"] == "decision"
        page = (
            decision_page("demo", record, reader.explain(sequence), width)
            if is_decision
            else record_page("demo", record, width)
        )
        shown = StringIO()
        console = Console(width=width, file=shown, highlight=False)
        for part in page:
            console.print(part)
        assert max(map(len, shown.getvalue().splitlines())) <= width, sequence
        assert "…" not in shown.getvalue()


def test_lines_have_a_header_where_someone_looks(run: Run, journal: Written) -> None:
    """And none where a program reads them, nor over JSON."""
    header, first, *_ = on_terminal(100, "audit", "show", journal.file)
    assert header.split() == ["record", "time", "(UTC)", "kind", "what"]
    assert first.index("opened") == header.index("kind")
    assert first.index("vault demo") == header.index("what")
    assert run("audit", "show", journal.file).stdout.splitlines()[0] == first
    assert on_terminal(100, "audit", "show", journal.file, "--json")[0].startswith("{")


def test_nothing_found_is_said(run: Run, journal: Written) -> None:
    """On stderr, with exit code 0: it is no failure."""
    for options in (["--since", "99999"], ["--rule", "open_orders"], ["--outcome", "held", "--kind", "fill"]):
        result = run("audit", "show", journal.file, *options)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "gxrisk: no record is like that\n"


def test_a_journal_can_be_read_while_a_gate_writes(run: Run, tmp_path: Path) -> None:
    """Every command, after every order, without a word to the gate; and the gate goes on."""
    file, head = tmp_path / "live.gxr", tmp_path / "head.json"
    clock = ManualClock(START)
    with Gate("live", Limits.for_tier("growth"), clock=clock, journal=file) as gate:
        gate.deposit(10_000)
        gate.mark("BTC", 8_000, atr=50)
        for number in range(1, 4):
            idea = order("BTC", "buy", "0.01", confidence=1, reasoning="live", stop_loss=7_900)
            decision = gate.authorize(idea)
            assert decision.sequence is not None
            shown = run("audit", "show", file, "--outcome", "approved")
            assert len(shown.stdout.splitlines()) == number
            assert f"approved, {START}" in run("explain", file, decision.sequence).stdout
            assert run("audit", "head", file, "--out", head).exit_code == 0
            assert run("audit", "verify", file, "--head", head).exit_code == 0
        assert gate.hold(1, "goes on") is not None
