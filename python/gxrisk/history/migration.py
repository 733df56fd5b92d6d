"""The schema's versions: alembic's scripts lie in the package, and SQLite follows them by itself."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from gxrisk.history.database import reading, shown, writing
from gxrisk.history.errors import HistoryError

_SCRIPTS: Final = Path(__file__).with_name("migrations")
_LOCK: Final = 0x67787268  # "gxrh": whoever migrates a PostgreSQL database holds this advisory lock


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration; the scripts run on `connection`."""
    found = Config()
    found.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    found.attributes["connection"] = connection
    return found


def newest() -> str:
    """The revision that this version of gxrisk works with."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None
    return head


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the database to a revision, in one transaction; a newer one than is known here is refused."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        _refuse_newer(connection)
        command.upgrade(config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to an older revision; what only newer ones hold is dropped, and a rebuild brings it back."""
    with writing(engine) as connection:
        _refuse_newer(connection)
        command.downgrade(config(connection), revision)


def ensure(engine: Engine) -> None:
    """Make sure that the schema is the newest: SQLite is migrated, PostgreSQL must have been."""
    with reading(engine) as connection:
        found = current(connection)
        if found == newest():
            return
        _refuse_newer(connection)
    if engine.dialect.name == "sqlite":
        migrate(engine)
        return
    seen = "has no schema yet" if found is None else f"has the older schema {found}"
    raise HistoryError(f"the history {shown(engine.url)} {seen}: run gxrisk history migrate --url URL")


def _refuse_newer(connection: Connection) -> None:
    found = current(connection)
    if found is None:
        return
    try:
        ScriptDirectory.from_config(config()).get_revision(found)
    except (CommandError, ResolutionError):
        raise HistoryError(
            f"the history {shown(connection.engine.url)} has the schema {found}, which is newer than "
            f"{newest()}, the newest that this version of gxrisk knows: upgrade gxrisk"
        ) from None
