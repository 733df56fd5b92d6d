"""The schema: no drift from the tables, up from the first revision and down again, newer ones refused."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from gxrisk import Gate, Limits
from gxrisk.history import History, HistoryError, Projector, migration, tables
from gxrisk.history.database import connect, reading, url_of, writing
from sqlalchemy import Engine, inspect

from tests.postgres import Server

from .desk import Desk, all_of

FIRST, SECOND = "0001", "0002"
OPEN = "import sys; from gxrisk.history import History; History.open(sys.argv[1]).close()"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a schema."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    server: Server = request.getfixturevalue("postgres")
    return server.empty()


def drift(engine: Engine) -> list[object]:
    """What autogenerate would still change."""
    with reading(engine) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata))


def test_the_newest_schema_is_what_the_tables_say(empty: str) -> None:
    """And the check can tell: a column too many is seen."""
    engine = connect(url_of(empty))
    migration.migrate(engine)
    assert drift(engine) == []
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE notes ADD COLUMN stray TEXT")
        connection.exec_driver_sql("DROP INDEX ix_trades_vault_asset_sequence")
    assert len(drift(engine)) == 2
    engine.dispose()


def test_revisions_are_one_line(empty: str) -> None:
    """Each has one before it, the first none."""
    scripts = list(ScriptDirectory.from_config(migration.config()).walk_revisions())
    assert [(script.revision, script.down_revision) for script in scripts[-2:]] == [(SECOND, FIRST), (FIRST, None)]


def test_up_from_the_first_revision_and_down_to_nothing(empty: str, tmp_path: Path) -> None:
    """Rows survive an upgrade; going down drops what only newer revisions hold, and a rebuild brings it back."""
    desk = Desk(tmp_path / "desk.gxr", seed=8)
    desk.work(120)
    desk.close()
    engine = connect(url_of(empty))
    migration.migrate(engine, FIRST)
    assert "notes" not in inspect(engine).get_table_names()
    migration.migrate(engine)
    with History.open(empty) as history:
        Projector(history, [desk.file]).catch_up()
        whole = all_of(history, "desk")
    assert whole["notes"]
    migration.downgrade(engine, FIRST)
    assert "notes" not in inspect(engine).get_table_names()
    migration.migrate(engine)
    with History.open(empty) as history:
        assert all_of(history, "desk") == {**whole, "notes": []}
        Projector(history).rebuild(desk.file)
        assert all_of(history, "desk") == whole
    migration.downgrade(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migration.migrate(engine)
    assert drift(engine) == []
    engine.dispose()


def test_a_newer_schema_is_refused(empty: str) -> None:
    """By whoever opens it and by the migration, and it stays as it is."""
    engine = connect(url_of(empty))
    migration.migrate(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for attempt in (lambda: History.open(empty), lambda: migration.migrate(engine)):
        with pytest.raises(HistoryError, match=r"schema 9999, which is newer than 0002.*upgrade gxrisk"):
            attempt()
    with reading(engine) as connection:
        assert migration.current(connection) == "9999"
    engine.dispose()


def test_postgresql_is_migrated_by_the_command_alone(postgres: Server) -> None:
    """Opening an empty or an older database says which command to run, and changes nothing."""
    url = postgres.empty()
    with pytest.raises(HistoryError, match="has no schema yet: run gxrisk history migrate"):
        History.open(url)
    engine = connect(url_of(url))
    migration.migrate(engine, FIRST)
    with pytest.raises(HistoryError, match="has the older schema 0001: run gxrisk history migrate"):
        History.open(url)
    engine.dispose()
    command = [sys.executable, "-m", "gxrisk.cli", "history", "migrate", "--url", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"schema {SECOND}\n"), done.stderr
    History.open(url).close()


def test_a_file_that_several_open_at_once_is_migrated_once(tmp_path: Path) -> None:
    """Four processes on a file that is not there yet."""
    url = str(tmp_path / "history.db")
    processes = [subprocess.Popen([sys.executable, "-c", OPEN, url], stderr=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        _, error = process.communicate()
        assert process.returncode == 0, error.decode()
    engine = connect(url_of(url))
    assert drift(engine) == []
    engine.dispose()


def test_a_journal_is_never_opened_as_a_history(tmp_path: Path) -> None:
    """While its gate lives and after, and not a byte of it changes."""
    file = tmp_path / "vault.gxr"
    with Gate("mine", Limits.for_tier("growth"), journal=file) as gate:
        gate.deposit(10)
        with pytest.raises(HistoryError, match="is a journal"):
            History.open(file)
    before = file.read_bytes()
    with pytest.raises(HistoryError, match="is a journal"):
        History.open(f"sqlite:///{file}")
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:secret@h/x", "sqlite or postgresql, not in mysql"),
        ("sqlite://", "needs a file"),
        ("postgresql://u:secret@127.0.0.1:1/x", "refused"),
        ("://", "a history's URL is"),
    ],
)
def test_a_url_that_names_no_history_is_refused_without_its_password(url: str, said: str) -> None:
    """With what is wrong, in one sentence."""
    with pytest.raises(HistoryError, match=said) as refusal:
        History.open(url)
    assert "secret" not in str(refusal.value)
