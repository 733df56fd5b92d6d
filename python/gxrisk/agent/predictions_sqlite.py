"""Predictions in a SQLite file of their own."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from os import PathLike
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from gxrisk.agent.predictions_entry import KEPT_MS, Prediction, PredictionLogError
from gxrisk.history.database import refuse_journal
from gxrisk.history.errors import HistoryError

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS models (model TEXT PRIMARY KEY, written_s REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS predictions (
    model TEXT NOT NULL, at_ms INTEGER NOT NULL, said TEXT NOT NULL, PRIMARY KEY (model, at_ms, said)
) STRICT, WITHOUT ROWID;
"""
_BUSY_S: Final = 5.0
_KEPT_S: Final = KEPT_MS / 1000


class SqliteStore:
    """A `PredictionStore` in one file, in write-ahead mode; several processes may share it.

    Raises `PredictionLogError` for a journal: only the gate opens those. Each call has a connection of its own, so it
    may come from any thread.

    >>> from tempfile import mkdtemp
    >>> store = SqliteStore(Path(mkdtemp()) / "predictions.db")
    >>> store.write([Prediction("forest", "BTC", 60_000, "buy", 0.62, None)])
    >>> [one.prediction for one in store.read("forest", 0, 120_000, limit=10)]
    ['buy']
    """

    def __init__(self, file: str | PathLike[str], *, now_s: Callable[[], float] = time.time) -> None:
        self._file = Path(file)
        self._now_s = now_s
        try:
            refuse_journal(URL.create("sqlite", database=str(self._file)))
        except HistoryError:
            raise PredictionLogError(f"{file} is a journal; predictions need a file of their own") from None
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)

    def write(self, predictions: Sequence[Prediction]) -> None:
        """Keep them in one transaction, and let go of what is too old."""
        models = {one.model for one in predictions}
        with self._connected() as connection, connection:
            connection.executemany(
                "INSERT OR IGNORE INTO predictions VALUES (?, ?, ?)",
                [(one.model, one.at_ms, one.to_text()) for one in predictions],
            )
            connection.executemany(
                "DELETE FROM predictions WHERE model = ?1 AND at_ms < "
                "(SELECT max(at_ms) FROM predictions WHERE model = ?1) - ?2",
                [(model, KEPT_MS) for model in models],
            )
            now_s = self._now_s()
            connection.executemany("INSERT OR REPLACE INTO models VALUES (?, ?)", [(one, now_s) for one in models])
            forgotten = "SELECT model FROM models WHERE written_s <= ?"
            connection.execute(f"DELETE FROM predictions WHERE model IN ({forgotten})", (now_s - _KEPT_S,))  # noqa: S608
            connection.execute("DELETE FROM models WHERE written_s <= ?", (now_s - _KEPT_S,))

    def read(self, model: str, from_ms: int, until_ms: int, limit: int) -> list[Prediction]:
        """The first `limit` of a model from one time up to and without the other."""
        query = "SELECT said FROM predictions WHERE model = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms, said LIMIT ?"
        with self._connected() as connection:
            rows = connection.execute(query, (model, from_ms, until_ms, limit)).fetchall()
        return [Prediction.of_text(model, said) for (said,) in rows]

    def close(self) -> None:
        """Nothing is held open."""

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file, timeout=_BUSY_S)) as connection:
                connection.execute("PRAGMA synchronous=NORMAL")
                yield connection
        except sqlite3.Error as error:
            raise PredictionLogError(f"predictions in {self._file}: {error}") from error
