"""A server for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .desk import MANY, Server, config, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server without any vault."""
    with serving(config(tmp_path, keys=MANY)) as one:
        yield one


@pytest.fixture
def ann(server: Server) -> Server:
    """A server with the vault `ann`, its money, and a market."""
    server.made("ann")
    assert server.marks().status_code == 200
    return server
