"""A server for each test."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .desk import MANY, Server, config, serving
from .target import Target, target


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


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One for all attacks: whatever one of them does to it, the next one finds."""
    with target(tmp_path_factory.mktemp("attacked")) as one:
        yield one
        assert httpx.get(f"{one.server.url}/readyz").status_code == 200
        assert sorted(each["status"] for each in one.call("GET", "/v1/vaults", "operate").json()["vaults"]) == [
            "running",
            "running",
        ]
        _, said = one.server.stopped(signal.SIGTERM)
        assert "Traceback" not in said, said
