"""Following one journal into a history: what comes after the vault's place, once, from a file that a gate writes on."""

import os
from pathlib import Path
from time import monotonic
from typing import Any, Final

from sqlalchemy import Engine

from gxrisk._native import JournalReader
from gxrisk.history import store
from gxrisk.history.database import reading, writing
from gxrisk.history.errors import HistoryError

RECORDS_MAX: Final = 1_000  # of one transaction, which bounds memory too
_SETTLED_S: Final = 0.1  # longer than a file system's clock stands still

_Files = tuple[tuple[int, int, int] | None, ...]
Place = tuple[int, str | None]  # the last record applied: its sequence and its hash


class Following:
    """One journal, and the place up to which the history holds it. Its files are open only while it is read."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.path = path
        self._engine = engine
        self._place: Place | None = None
        self._seen: tuple[_Files, float] = ((), 0.0)  # the files' states, and since when they were so
        self._quiet: _Files | None = None  # the states in which there is nothing more to read

    def step(self) -> bool:
        """Apply the next records in one transaction; False where there are none."""
        files = tuple(map(_state, (self.path, Path(f"{self.path}-wal"))))
        if files == self._quiet:
            return False
        reader, place = self._open()
        if not self._after(reader, place, 1):
            self._rest(files)
            return False
        name = reader.vault_id
        with writing(self._engine) as connection:
            vault = store.lock_vault(connection, name)
            place = (vault["sequence"], vault["hash"])
            records = self._after(reader, place, RECORDS_MAX)
            if records:
                projection = store.load(connection, vault, records)
                projection.apply(records)
                store.save(connection, projection)
                place = (projection.vault["sequence"], projection.vault["hash"])
        self._place = place
        return True

    def rebuild(self) -> None:
        """Forget all of the vault; the next steps tell it anew."""
        reader, _ = self._open()
        store.forget(self._engine, reader.vault_id)
        self.reset()

    def reset(self) -> None:
        """Look at the journal and the vault's place anew: after a failure nothing remembered counts."""
        self._place, self._quiet = None, None

    def _open(self) -> tuple[JournalReader, Place]:
        reader = JournalReader(self.path)
        if self._place is None:
            with reading(self._engine) as connection:
                vault = store.vault_named(connection, reader.vault_id)
            self._place = (0, None) if vault is None else (vault["sequence"], vault["hash"])
        return reader, self._place

    def _after(self, reader: JournalReader, place: Place, limit: int) -> list[dict[str, Any]]:
        """The records after a place, once the journal has shown that this place is its own."""
        sequence, digest = place
        if sequence == 0:
            return reader.events(0, limit)
        found = reader.events(sequence - 1, limit + 1)
        if not found or found[0]["hash"] != digest:
            what = "another record" if found else "no record"
            raise HistoryError(
                f"{self.path} has {what} {sequence} than the history of {reader.vault_id} was made from; was it "
                "restored from a copy? gxrisk history rebuild makes the history anew"
            )
        return found[1:]

    def _rest(self, files: _Files) -> None:
        """Let an idle journal cost two looks at files' times instead of queries.

        Two writes can share one tick of the file system's clock, so it rests only after a read that found nothing a
        while after the files had last changed.
        """
        seen, since = self._seen
        if files != seen:
            self._seen = (files, monotonic())
        elif monotonic() - since > _SETTLED_S:
            self._quiet = files


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 (asked for every journal several times a second)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
