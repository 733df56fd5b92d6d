"""A decision log from a journal."""

from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from gxrisk._native import JournalReader
from gxrisk.history import History, Projector
from gxrisk.scoring.log import Log
from gxrisk.vaults.report.records import Recorded

_FOREVER_NS: Final = 2**63 - 1


def read_journal(journal: str | PathLike[str]) -> Log:
    """All of a journal's log, its prices the marks that it holds. Raises `JournalError` where it cannot be read."""
    vault_id = JournalReader(journal).vault_id
    recorded = Recorded.of(journal, 0, _FOREVER_NS)
    with TemporaryDirectory(prefix="gxrisk-") as folder, History.open(Path(folder) / "history.db") as history:
        projector = Projector(history, [journal])
        projector.catch_up()
        projector.raise_failures()
        decisions = history.every(history.decisions, vault_id)
        trades = history.every(history.trades, vault_id)
        return Log.of(vault_id, decisions, trades, recorded, recorded.last_ns or 0)
