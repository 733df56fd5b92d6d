"""How alembic runs the scripts: on the connection that it is given, in that connection's transaction."""

from alembic import context
from gxrisk.server.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite alters a table by writing it anew
    transactional_ddl=True,
)
context.run_migrations()
