"""The server's database, SQLite in a file or PostgreSQL by URL, brought to this version's schema when it is opened."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from gxrisk._native import GxriskError
from gxrisk.history import database
from gxrisk.history.errors import HistoryError
from gxrisk.server.tables import VERSION_TABLE

_SCRIPTS: Final = Path(__file__).with_name("migrations")
_LOCK: Final = 0x67787273  # "gxrs": whoever migrates a PostgreSQL database holds this advisory lock


class DatabaseError(GxriskError):
    """The server's database cannot be opened or written."""


def open_database(url: str) -> Engine:
    """Open it, made and migrated as needed. Raises `DatabaseError`, for a newer schema too.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     engine = open_database(f"{folder}/server.db")
    ...     with reading(engine) as connection:
    ...         revision(connection)
    ...     engine.dispose()
    '0002'
    """
    try:
        found = database.url_of(url)
        database.refuse_journal(found)
        engine = database.connect(found)
    except HistoryError as error:
        raise DatabaseError(str(error)) from None
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    if found.drivername == "sqlite" and found.database is not None:
        Path(found.database).chmod(0o600)
    return engine


def reading(engine: Engine) -> AbstractContextManager[Connection]:
    """A transaction that only reads."""
    return _named(engine, database.reading(engine))


def writing(engine: Engine) -> AbstractContextManager[Connection]:
    """A transaction that writes: whole, or not at all."""
    return _named(engine, database.writing(engine))


def scripts(connection: Connection | None = None) -> Config:
    """Alembic's configuration; the scripts run on `connection`."""
    found = Config()
    found.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    found.attributes["connection"] = connection
    return found


def revision(connection: Connection) -> str | None:
    """The schema's revision; None for an empty database."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _migrate(engine: Engine) -> None:
    known = [one.revision for one in ScriptDirectory.from_config(scripts()).walk_revisions()]
    with reading(engine) as connection:
        found = revision(connection)
    if found == known[0]:
        return
    if found is not None and found not in known:
        raise DatabaseError(
            f"the server's database {database.shown(engine.url)} has the schema {found}, which is newer than "
            f"{known[0]}, the newest that this version of gxrisk knows: upgrade gxrisk"
        )
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        command.upgrade(scripts(connection), "head")


@contextmanager
def _named(engine: Engine, opened: AbstractContextManager[Connection]) -> Iterator[Connection]:
    try:
        with opened as connection:
            yield connection
    except HistoryError as error:
        reason = str(error).partition(": ")[2] or str(error)
        raise DatabaseError(f"the server's database {database.shown(engine.url)}: {reason}") from error
