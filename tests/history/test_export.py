"""CSV: RFC 4180, safe in a spreadsheet, numbers that stay numbers, a million rows in flat memory."""

import csv
import io
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import Gate, Limits, ManualClock, order
from gxrisk.cli import app
from gxrisk.cli.export import LISTS as OFFERED
from gxrisk.history import History, Projector, tables
from gxrisk.history.database import writing
from gxrisk.history.export import LISTS, cell, export, lines
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from typer.testing import CliRunner

from .desk import START, Desk

ROWS = 1_000_000
MORE_KIB_MAX = 24 * 1024
DANGEROUS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x")  # noqa: RUF001

CHILD = """
import resource, sys
from gxrisk.history import History
from gxrisk.history.export import export
with History.open(sys.argv[1]) as history, open(sys.argv[3], "w", encoding="utf-8", newline="") as stream:
    count = export(history, sys.argv[2], "equity", stream)
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

READ = """
import resource, sys
from gxrisk.history import History, Projector, following
following.RECORDS_MAX = 20
with History.open(sys.argv[1]) as history:
    projector = Projector(history, [sys.argv[2]])
    projector.catch_up()
    projector.raise_failures()
    print(history.vaults()[0].sequence, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def written(history: History, vault: str, what: str) -> str:
    """A list as CSV."""
    stream = io.StringIO(newline="")
    count = export(history, vault, what, stream)
    text = stream.getvalue()
    assert count == len(list(csv.reader(io.StringIO(text, newline=""), strict=True))) - 1
    return text


@pytest.mark.parametrize("what", LISTS)
def test_every_list_is_whole_and_reads_back(history: History, tmp_path: Path, what: str) -> None:
    """As many rows as the history has, one column a name, CRLF after each line, exact numbers."""
    desk = Desk(tmp_path / "desk.gxr", seed=4)
    desk.work(500)
    desk.close()
    Projector(history, [desk.file]).catch_up()
    text = written(history, "desk", what)
    found = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    rows = list(history.every(getattr(history, what), "desk"))
    assert [int(row["sequence"]) for row in found] == [row.sequence for row in rows] != []
    assert all(None not in row and None not in row.values() for row in found)
    assert text.endswith("\r\n")
    money = {"trades": "profit", "decisions": "confidence", "fills": "price", "equity": "equity", "flows": "amount"}
    if what in money:
        assert [Decimal(row[money[what]]) for row in found] == [getattr(row, money[what]) for row in rows]


@pytest.mark.parametrize("text", [*DANGEROUS, *(f"{text} and more" for text in DANGEROUS)])
def test_no_text_of_a_model_is_a_formula(history: History, tmp_path: Path, text: str) -> None:
    """Through a gate, a journal, a database: the cell begins with an apostrophe, and the text is whole behind it."""
    with Gate("inject", Limits.for_tier("growth"), clock=ManualClock(START), journal=tmp_path / "inject.gxr") as gate:
        gate.deposit(10_000)
        gate.mark("=BTC", 100, atr=1)
        gate.authorize(order("=BTC", "buy", 1, confidence=1, reasoning=text, stop_loss=98, client_order_id="-1"))
        gate.agent().hold(1, text)
    Projector(history, [tmp_path / "inject.gxr"]).catch_up()
    rows = list(csv.DictReader(io.StringIO(written(history, "inject", "decisions"), newline=""), strict=True))
    assert [row["reasoning"] for row in rows] == [f"'{text}"] * 2
    assert (rows[0]["asset"], rows[0]["client_order_id"]) == ("'=BTC", "'-1")


@given(st.lists(st.one_of(st.text(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False), st.none())))
def test_cells_read_back(values: list[str | int | Decimal | None]) -> None:
    """Whatever a row holds, a strict reader finds it again, and only numbers begin like a formula."""
    values = [7, *values]  # every list begins with the sequence: a line of one empty cell would be an empty line
    names = [f"c{number}" for number in range(len(values))]
    text = "".join(lines(names, [map(cell, values)]))
    header, row = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == names
    for value, found in zip(values, row, strict=True):
        if isinstance(value, str):
            assert found in (value, f"'{value}")
            assert not found.startswith(DANGEROUS_FIRST)
        else:
            assert found == "" if value is None else Decimal(found) == value


DANGEROUS_FIRST = tuple(text[0] for text in DANGEROUS)


def test_a_negative_number_stays_a_number() -> None:
    """A number's column is written bare; the same characters as a text are not."""
    assert cell(Decimal("-12.50")) == "-12.5"
    assert cell(-3) == "-3"
    assert cell("-12.50") == '"\'-12.50"'


def test_text_stays_in_its_cell(history: History, tmp_path: Path) -> None:
    """Quotes, commas, semicolons and line ends in a reasoning open no new cell."""
    text = 'say "=1+1", then;=2\r\n=cmd|"/c calc"!A1'
    with Gate("cells", Limits.for_tier("growth"), clock=ManualClock(START), journal=tmp_path / "cells.gxr") as gate:
        gate.agent().hold(1, text)
    Projector(history, [tmp_path / "cells.gxr"]).catch_up()
    found = written(history, "cells", "decisions")
    assert found.endswith(',"' + text.replace('"', '""') + '"\r\n')


def test_a_million_rows_need_no_more_memory_than_a_thousand(tmp_path: Path) -> None:
    """The peak of a process that exports a million points, beside one that exports a thousand."""
    url, peaks = str(tmp_path / "history.db"), {}
    with History.open(url) as history, writing(history.engine) as connection:
        for number, (name, rows) in enumerate((("small", 1_000), ("large", ROWS)), start=1):
            connection.execute(insert(tables.vaults).values(id=number, name=name, sequence=rows))
            connection.exec_driver_sql(
                f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "  # noqa: S608
                "INSERT INTO equity (vault, sequence, time_ns, source, equity) "
                f"SELECT {number}, i, i, 'note', 'e' || (10000 + i % 80000) || '.5' FROM n"
            )
    for name, rows in (("small", 1_000), ("large", ROWS)):
        command = [sys.executable, "-c", CHILD, url, name, str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        count, peaks[name] = map(int, done.stdout.split())
        assert count == rows
    with (tmp_path / "large").open(newline="") as stream:
        assert sum(1 for _ in stream) == ROWS + 1
    assert peaks["large"] - peaks["small"] < MORE_KIB_MAX, peaks


def test_a_long_journal_is_not_read_into_memory(tmp_path: Path) -> None:
    """A journal of 36 MB is told in transactions of twenty records: the peak stays near that of a short one."""
    peaks, sizes = {}, {}
    for name, records in (("small", 20), ("large", 600)):
        file = tmp_path / f"{name}.gxr"
        with Gate(name, Limits.for_tier("growth"), clock=ManualClock(START), journal=file) as gate:
            for number in range(records):
                gate.note("large", f"{number:060000}")
        sizes[name] = file.stat().st_size
        command = [sys.executable, "-c", READ, str(tmp_path / f"{name}.db"), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        sequence, peaks[name] = map(int, done.stdout.split())
        assert sequence >= records
    assert sizes["large"] > 30_000_000
    assert peaks["large"] - peaks["small"] < MORE_KIB_MAX, peaks


def test_the_commands(tmp_path: Path) -> None:
    """A journal without a history, a vault of a history, a file and the standard output; errors in one line."""
    assert OFFERED == LISTS
    desk = Desk(tmp_path / "desk.gxr", seed=4)
    desk.work(300)
    desk.close()
    url, out = str(tmp_path / "history.db"), tmp_path / "trades.csv"

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout_bytes.decode()  # `stdout` hides the ends of lines

    run("history", "project", str(desk.file), "--url", url)
    from_journal = run("export", str(desk.file), "--what", "trades")
    assert run("export", "desk", "--what", "trades", "--url", url) == from_journal
    run("export", "desk", "--what", "trades", "--url", url, "--out", str(out))
    assert out.read_bytes().decode() == from_journal
    run("history", "rebuild", str(desk.file), "--url", url)
    assert run("export", "desk", "--what", "trades", "--url", url) == from_journal
    assert "desk" in run("history", "vaults", "--url", url)
    for arguments, said in (
        (("export", "desk", "--what", "trades"), "no journal desk"),
        (("export", "nosuch", "--what", "trades", "--url", url), "no vault nosuch"),
        (("export", "desk", "--what", "trades", "--url", url, "--out", str(tmp_path)), "is a folder"),
        (("history", "vaults"), "give --url"),
        (("history", "project", str(tmp_path / "no.gxr"), "--url", url), "no.gxr"),
    ):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 1, arguments
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
