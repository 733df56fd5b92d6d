"""The schema's versions: alembic's scripts lie in the package, and opening an outbox brings it to the newest."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from gxrisk.alerts.database import shown, writing
from gxrisk.alerts.errors import AlertError
from gxrisk.alerts.tables import VERSION_TABLE

_SCRIPTS: Final = Path(__file__).with_name("migrations")


def migrate(engine: Engine) -> None:
    """Bring the database to the newest revision, in one transaction; a newer one than is known here is refused.

    PostgreSQL too is migrated by whoever opens it: unlike a history, an outbox has one process that opens it.
    """
    with writing(engine) as connection:
        found = current(connection)
        scripts = ScriptDirectory.from_config(_config(connection))
        if found == scripts.get_current_head():
            return
        if found is not None:
            try:
                scripts.get_revision(found)
            except (CommandError, ResolutionError):
                raise AlertError(
                    f"the outbox {shown(engine)} has the schema {found}, which is newer than "
                    f"{scripts.get_current_head()}, the newest that this version of gxrisk knows: upgrade gxrisk"
                ) from None
        command.upgrade(_config(connection), "head")


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _config(connection: Connection) -> Config:
    found = Config()
    found.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    found.attributes["connection"] = connection
    return found
