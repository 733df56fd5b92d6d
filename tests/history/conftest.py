"""Histories in both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gxrisk.history import History

from .postgres import Server, programs, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, for all tests of the run."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running(binaries) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new history in each of the databases."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    server: Server = request.getfixturevalue("postgres")
    return server.migrated()


@pytest.fixture
def history(url: str) -> Iterator[History]:
    """It, open."""
    with History.open(url) as opened:
        yield opened
