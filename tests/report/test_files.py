"""The files that the monitor and the command write."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from gxrisk import cli
from gxrisk.vaults import Vault
from gxrisk.vaults.report import report_writer
from typer.testing import CliRunner, Result

from .desk import Desk
from .weeks import WEEK, Week

UNTIL = datetime(2017, 12, 25, tzinfo=UTC)
ANN = cast(Vault, SimpleNamespace(vault_id="ann"))  # all that the writer asks of a vault is its name


def run(*arguments: object) -> Result:
    """`gxrisk report`."""
    return CliRunner().invoke(cli.app, ["report", *map(str, arguments)])


def _looked_at(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in sorted(folder.iterdir())}


def test_the_monitor_had_the_week_written(crash_week: Week) -> None:
    """On Monday, both files and nothing else; the page says that the week is over."""
    assert [file.name for file in sorted(crash_week.reports.iterdir())] == [f"{WEEK}.html", f"{WEEK}.json"]
    document = json.loads((crash_week.reports / f"{WEEK}.json").read_bytes())
    assert document["schema"] == "gxrisk.report/1"
    assert document["source"]["is_complete"] is True
    assert document["span"]["until"] == "2017-12-25T00:00:00Z"


def test_a_repeat_changes_nothing(crash_week: Week) -> None:
    """Neither bytes nor times of the files."""
    before = _looked_at(crash_week.reports)
    asyncio.run(cast(Any, report_writer(crash_week.folder)(ANN, UNTIL)))
    assert _looked_at(crash_week.reports) == before


def test_what_a_crash_left_out_is_written(crash_week: Week) -> None:
    """The file that is missing is made anew, to the byte; the other one stays."""
    before = _looked_at(crash_week.reports)
    (crash_week.reports / f"{WEEK}.html").unlink()
    asyncio.run(cast(Any, report_writer(crash_week.folder)(ANN, UNTIL)))
    after = _looked_at(crash_week.reports)
    assert {name: text for name, (text, _) in after.items()} == {name: text for name, (text, _) in before.items()}
    assert after[f"{WEEK}.json"] == before[f"{WEEK}.json"]


def test_a_failure_leaves_no_half_file(crash_week: Week, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when the page is to be made durable."""
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "journal.gxr").write_bytes(crash_week.journal.read_bytes())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gxrisk.vaults.report.making.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(cast(Any, report_writer(tmp_path)(ANN, UNTIL)))
    assert list((tmp_path / "ann" / "reports").iterdir()) == []


def test_the_command_gives_the_same_bytes(crash_week: Week, tmp_path: Path) -> None:
    """By vault and folder or by journal; as files or on the output."""
    html, text = tmp_path / "a.html", tmp_path / "a.json"
    done = run("ann", "--folder", crash_week.folder, "--week", WEEK, "--out", html, "--json", text)
    assert done.exit_code == 0, done.output
    assert html.read_bytes() == (crash_week.reports / f"{WEEK}.html").read_bytes()
    assert text.read_bytes() == (crash_week.reports / f"{WEEK}.json").read_bytes()
    printed = run(
        crash_week.journal, "--since", "2017-12-18T00:00:00Z", "--until", "2017-12-25T00:00:00Z", "--json", "-"
    )
    assert printed.stdout_bytes == text.read_bytes()


def test_the_last_week_goes_to_a_file_of_its_name(
    crash_week: Week, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last record is of Monday, so the last week is the one that has just begun."""
    monkeypatch.chdir(tmp_path)
    done = run("ann", "--folder", crash_week.folder)
    assert done.exit_code == 0, done.output
    assert [file.name for file in tmp_path.iterdir()] == ["ann-2017-W52.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "there is no journal nobody and no vault nobody/journal.gxr"),
        (["{journal}", "--week", "2017-W54"], "a week of ISO 8601 like 2017-W51 is allowed"),
        (["{journal}", "--week", "17-W51"], "a week of ISO 8601 like 2017-W51 is allowed"),
        (["{journal}", "--week", "2017-W51", "--since", "2017-12-18T00:00:00Z"], "not both"),
        (["{journal}", "--since", "2017-12-18T00:00:00Z"], "--since and --until go together"),
        (["{journal}", "--since", "2017-12-18T00:00:00Z", "--until", "2017-12-18T00:00:00Z"], "is not before until"),
        (["{journal}", "--out", "nowhere/a.html"], "--out: there is no folder nowhere"),
        (["{journal}", "--json", "nowhere/a.json"], "--json: there is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(desk: Desk, arguments: list[str], said: str) -> None:
    """An exit code of 1, and what is allowed."""
    desk.gate.deposit(1)
    done = run(*(one.format(journal=desk.journal) for one in arguments))
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
