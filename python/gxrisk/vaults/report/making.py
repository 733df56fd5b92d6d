"""A report from a journal alone, and its files."""

import asyncio
import os
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from gxrisk._native import JournalReader
from gxrisk.history import History, Projector
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.vaults.fleet_notes import write_whole
from gxrisk.vaults.monitor import WriteReport
from gxrisk.vaults.report.document import as_json
from gxrisk.vaults.report.page import page
from gxrisk.vaults.report.records import last_time_ns
from gxrisk.vaults.report.report import Report, report_of
from gxrisk.vaults.report.spans import ReportError, Span
from gxrisk.vaults.vault import Vault

FOLDER: Final = "reports"
_WEEK: Final = timedelta(weeks=1)


def report_from(journal: str | PathLike[str], span: Span | None = None, *, has_ended: bool = False) -> Report:
    """The report of a journal's vault, of the week of its last record unless a span is given.

    `has_ended` says that the span is over although the journal has no later record. Raises `ReportError` for a journal
    without records, `JournalError` for one that cannot be read.
    """
    last_ns = last_time_ns(journal)
    if last_ns is None:
        raise ReportError(f"{os.fspath(journal)} has no records yet")
    asked = span or Span.week_of(last_ns)
    known_ns = max(last_ns, asked.until_ns) if has_ended else last_ns
    vault_id = JournalReader(journal).vault_id
    with TemporaryDirectory(prefix="gxrisk-") as folder, History.open(Path(folder) / "history.db") as history:
        projector = Projector(history, [journal])
        projector.catch_up()
        projector.raise_failures()
        return report_of(history, vault_id, journal, asked, known_ns)


def report_writer(fleet: str | PathLike[str]) -> WriteReport:
    """What a `Fleet(folder, ..., write_report=report_writer(folder))` calls each Monday.

    It writes `FOLDER/VAULT/reports/2017-W51.html` and `.json`, each whole or not at all, and once: what is there stays.
    A week before the vault's first record has no report.
    """
    folder = Path(fleet)

    async def write_report(vault: Vault, until: datetime) -> None:
        span = Span.between(until - _WEEK, until)
        await asyncio.to_thread(_write_once, folder / vault.vault_id, span)

    return write_report


def _write_once(vault: Path, span: Span) -> None:
    folder = vault / FOLDER
    files = {form: folder / f"{span.name}.{form}" for form in ("json", "html")}
    if all(file.exists() for file in files.values()):
        return
    first = JournalReader(vault / JOURNAL).events(0, 1)
    if not first or first[0]["time_ns"] >= span.until_ns:
        return  # the vault is younger than that week
    folder.mkdir(exist_ok=True)
    report = report_from(vault / JOURNAL, span, has_ended=True)
    for form, text in (("json", as_json(report)), ("html", page(report))):
        if not files[form].exists():
            write_whole(files[form], text)
