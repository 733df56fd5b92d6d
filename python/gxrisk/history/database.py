"""The database of a history: which one a URL means, and how connections to it behave."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from gxrisk.history.amounts import ExactTotal
from gxrisk.history.errors import HistoryError

# A reader waits so long for another process's transaction, which is one batch of records.
_BUSY_MS: Final = 30_000
_WRITES: Final = "gxrisk_writes"
_POSTGRESQL: Final = ("postgresql", "postgres", "postgresql+psycopg")


def url_of(text: str) -> URL:
    """What a user names: a file for SQLite, `sqlite:///FILE`, or `postgresql://...`.

    >>> url_of("history.db").drivername, url_of("postgresql://risk@db/history").drivername
    ('sqlite', 'postgresql+psycopg')
    """
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except ArgumentError:
        raise HistoryError("a history's URL is a file, sqlite:///FILE or postgresql://USER@HOST/NAME") from None
    if url.drivername in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite":
        raise HistoryError(f"a history is kept in sqlite or postgresql, not in {url.drivername}")
    return url


def shown(url: URL) -> str:
    """The URL without its password."""
    return url.render_as_string(hide_password=True)


def connect(url: URL) -> Engine:
    """An engine on the database of a URL; nothing is opened yet."""
    if url.drivername == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise HistoryError("a history in SQLite needs a file")
        engine = create_engine(url, connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(url, pool_pre_ping=True)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise HistoryError("PostgreSQL needs the extra: pip install 'gxrisk[postgres]'") from None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: all its queries see one state of the database."""
    with _failures(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: whole, or not at all. In SQLite there is one at a time, from its very start."""
    with _failures(engine), engine.connect() as connection:
        writer = connection.execution_options(**{_WRITES: True})
        with writer.begin():
            yield writer


@contextmanager
def _failures(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig is not None else type(error).__name__
        raise HistoryError(f"the history {shown(engine.url)}: {reason}") from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, not by the driver's guesses
    cursor = connection.cursor()
    # A power cut may cost the last transactions, never a part of one; the journal then tells them again.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    connection.create_aggregate("exact_total", 1, ExactTotal)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def refuse_journal(url: URL) -> None:
    """Refuse a journal as the file of a history: two SQLite libraries in one process break each other's locks.

    It is known by its header, read as bytes, since opening it would already be the harm; or, while its first page is
    still in its write-ahead log, by the lock file that every gate leaves beside it.
    """
    if url.drivername != "sqlite" or url.database is None or not Path(url.database).is_file():
        return
    with Path(url.database).open("rb") as stream:
        header = stream.read(_HEADER_BYTES)
    if header[_APPLICATION_ID] == _JOURNAL or Path(f"{url.database}.lock").exists():
        raise HistoryError(f"{url.database} is a journal; a history needs a file of its own")


_HEADER_BYTES: Final = 100
_APPLICATION_ID: Final = slice(68, 72)  # https://www.sqlite.org/fileformat2.html#application_id
_JOURNAL: Final = b"gxr1"
