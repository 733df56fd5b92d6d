"""Outboxes in both databases."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Server

from .desk import Desk


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database of each kind; the one in PostgreSQL holds a history already."""
    if request.param == "sqlite":
        return str(tmp_path / "alerts.db")
    server: Server = request.getfixturevalue("postgres")
    return server.migrated()


@pytest.fixture
def opened() -> Iterator[Callable[..., Desk]]:
    """Makes desks and closes them."""
    desks: list[Desk] = []

    def make(url: str | Path, **settings: Any) -> Desk:
        desks.append(Desk(str(url), **settings))
        return desks[-1]

    yield make
    for desk in desks:
        desk.sink.close()
