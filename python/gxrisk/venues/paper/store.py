"""Where an account is kept: one SQLite file, or memory; every change is one transaction."""

import resource
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote
from weakref import finalize

from gxrisk.venues.paper.codec import decode_report, encode_report
from gxrisk.venues.protocol import Cancelled, Report, VenueError

_FORMAT: Final = 1
_FILES_EACH: Final = 3  # the file, its log and the log's index
_PARTS: Final = 4  # accounts get one part in so many of the process's files; the vaults' journals need the most of them
_OPEN_MIN: Final = 8
_SCHEMA: Final = """
CREATE TABLE account (format INTEGER NOT NULL, vault_id TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL);
CREATE TABLE orders (order_id TEXT PRIMARY KEY, is_cancelled INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE reports (sequence INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE transfers (transfer_id TEXT PRIMARY KEY, amount TEXT NOT NULL, destination TEXT) WITHOUT ROWID;
"""


class Transfer(NamedTuple):
    """Money in (without destination) or out."""

    transfer_id: str
    amount: Decimal
    destination: str | None


class Connections:
    """Open connections by account, the longest unused closed first; without a folder each account has its own memory.

    As many stay open as fit into a quarter of the process's limit of open files (`ulimit -n`).

    WAL with `synchronous = NORMAL`: what was committed outlives a killed process at any time. After a power cut the
    last commits may be missing, whole ones: paper money is not worth a sync for every fill of every account.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._open: OrderedDict[str, sqlite3.Connection] = OrderedDict()
        finalize(self, _close_all, self._open)

    def of(self, vault_id: str) -> sqlite3.Connection:
        """The connection of an account."""
        connection = self._open.get(vault_id)
        if connection is None:
            connection = self._opened(vault_id)
            self._open[vault_id] = connection
            while self._folder is not None and len(self._open) > _open_max():
                with suppress(sqlite3.Error):  # nothing of it is uncommitted, and it is not this account's affair
                    self._open.popitem(last=False)[1].close()
        self._open.move_to_end(vault_id)
        return connection

    def close(self, vault_id: str) -> None:
        """Let go of an account's file; memory stays, for it is all there is."""
        if self._folder is not None and vault_id in self._open:
            self._open.pop(vault_id).close()

    def _opened(self, vault_id: str) -> sqlite3.Connection:
        # One thread uses it, but the garbage collector, which closes what was forgotten, runs in any.
        if self._folder is None:
            return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        file = self._folder / f"{quote(vault_id, safe='')}.paper.sqlite"
        connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _close_all(connections: OrderedDict[str, sqlite3.Connection]) -> None:
    for connection in connections.values():
        connection.close()


def _open_max() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)  # the limit of now: a fleet raises it
    if files == resource.RLIM_INFINITY:
        files = 2**20
    return max(_OPEN_MIN, files // _PARTS // _FILES_EACH)


class Store:
    """One account's file. Raises `sqlite3.Error` or `OSError` where the disk fails, `VenueError` for a wrong file.

    INVARIANT: `version` counts the commits, and a commit names the one before: a second process with the same file
    finds another number, and neither loses what the other wrote.
    """

    def __init__(self, vault_id: str, connections: Connections) -> None:
        self._vault_id = vault_id
        self._connections = connections
        self._version = 0

    def load(self) -> str | None:
        """The state last committed, None for a new account."""
        connection = self._connections.of(self._vault_id)
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise VenueError(f"{self._vault_id}: the paper account's file is damaged")
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            with _Transaction(connection):
                for statement in _SCHEMA.strip().split(";\n"):
                    connection.execute(statement)
                connection.execute("INSERT INTO account VALUES (?, ?, 0, '')", (_FORMAT, self._vault_id))
        found = connection.execute("SELECT format, vault_id, version, state FROM account").fetchone()
        if found is None or found[:2] != (_FORMAT, self._vault_id):
            raise VenueError(f"{self._vault_id}: the file is not this account's, or of another version")
        self._version = found[2]
        return found[3] or None

    def commit(
        self, state: str, reports: Sequence[Report], *, order_id: str | None = None, transfer: Transfer | None = None
    ) -> None:
        """Write a new state, its reports, and the order or the transfer that brought it: all or nothing."""
        connection = self._connections.of(self._vault_id)
        with _Transaction(connection):
            if order_id is not None:
                connection.execute("INSERT INTO orders VALUES (?, 0)", (order_id,))
            if transfer is not None:
                amount = str(transfer.amount)
                connection.execute(
                    "INSERT INTO transfers VALUES (?, ?, ?)", (transfer.transfer_id, amount, transfer.destination)
                )
            for report in reports:
                connection.execute("INSERT INTO reports VALUES (?, ?)", (report.sequence, encode_report(report)))
                if isinstance(report, Cancelled):
                    connection.execute("INSERT OR REPLACE INTO orders VALUES (?, 1)", (report.order_id,))
            done = connection.execute(
                "UPDATE account SET state = ?, version = ? WHERE version = ?",
                (state, self._version + 1, self._version),
            )
            if done.rowcount != 1:
                raise VenueError(f"{self._vault_id}: another process has written to the paper account")
        self._version += 1

    def reports(self, after: int) -> list[Report]:
        """The reports above a sequence."""
        rows = self._connections.of(self._vault_id).execute(
            "SELECT body FROM reports WHERE sequence > ? ORDER BY sequence", (after,)
        )
        return [decode_report(body) for (body,) in rows]

    def order_known(self, order_id: str) -> bool:
        """Whether the venue ever had the order, or reported its end."""
        return self._is_cancelled(order_id) is not None

    def order_cancelled(self, order_id: str) -> bool:
        """Whether the order's end was reported as `Cancelled`."""
        return bool(self._is_cancelled(order_id))

    def transfer(self, transfer_id: str) -> Transfer | None:
        """The transfer of that id, None where there was none."""
        connection = self._connections.of(self._vault_id)
        found = connection.execute(
            "SELECT amount, destination FROM transfers WHERE transfer_id = ?", (transfer_id,)
        ).fetchone()
        return Transfer(transfer_id, Decimal(found[0]), found[1]) if found else None

    def close(self) -> None:
        """Let go of the file until it is needed again."""
        self._connections.close(self._vault_id)

    def _is_cancelled(self, order_id: str) -> int | None:
        connection = self._connections.of(self._vault_id)
        found = connection.execute("SELECT is_cancelled FROM orders WHERE order_id = ?", (order_id,)).fetchone()
        return found[0] if found else None


class _Transaction:
    """`BEGIN IMMEDIATE` to `COMMIT`; rolled back on any error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            try:
                self._connection.execute("COMMIT")
                return
            except sqlite3.Error:
                self._rollback()
                raise
        self._rollback()

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
