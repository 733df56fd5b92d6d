"""Histories in both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gxrisk.history import History

from tests.postgres import Server


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
