"""The outbox's database: a SQLite file of its own, or PostgreSQL by URL.

In SQLite the outbox does not share the history's file: a history may be thrown away, loses its last transactions in a
power cut (`synchronous=NORMAL`), and one writer at a time would let a long projection hold up an alert. In PostgreSQL
both may share a database: tables and the schema's version have names of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from gxrisk.alerts.errors import AlertError
from gxrisk.history.database import refuse_journal
from gxrisk.history.errors import HistoryError

_BUSY_S: Final = 8  # less than a notice's ten seconds
_LOCK: Final = (
    0x67787261  # "gxra": whoever writes in PostgreSQL holds this advisory lock, so that writers follow each other
)
_POSTGRESQL: Final = ("postgresql", "postgres", "postgresql+psycopg")


def connect(text: str) -> Engine:
    """An engine on a file, `sqlite:///FILE` or `postgresql://...`; nothing is opened yet. Raises `AlertError`."""
    url = _url(text)
    if url.drivername != "sqlite":
        options = {"connect_timeout": _BUSY_S, "options": f"-c lock_timeout={_BUSY_S}s"}
        try:
            return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=options)
        except (ModuleNotFoundError, NoSuchModuleError):
            raise AlertError("PostgreSQL needs the extra: pip install 'gxrisk[postgres]'") from None
    try:
        refuse_journal(url)
    except HistoryError:
        raise AlertError(f"{url.database} is a journal; an outbox needs a file of its own") from None
    arguments = {"timeout": _BUSY_S, "check_same_thread": False}
    engine = create_engine(url, hide_parameters=True, connect_args=arguments)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction, whole and durable or not at all; one at a time, from its very start. Raises `AlertError`."""
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None)
        reason = str(cause).strip().splitlines()[:1] if cause is not None else []
        raise AlertError(f"the outbox {shown(engine)}: {(reason or [type(error).__name__])[0]}") from None


def shown(engine: Engine) -> str:
    """The database's URL without its password."""
    return engine.url.set(query={}).render_as_string(hide_password=True)


def _url(text: str) -> URL:
    if "://" not in text:
        text = f"sqlite:///{text}"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise AlertError("an outbox's URL is a file, sqlite:///FILE or postgresql://USER@HOST/NAME") from None
    if url.drivername in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite" or url.database in (None, "", ":memory:"):
        raise AlertError("an outbox is kept in a SQLite file or in PostgreSQL")
    return url


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`
    cursor = connection.cursor()
    # A notice is gone from the vault's journal once it is here, so it must outlast a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
