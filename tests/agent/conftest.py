"""Where the recorded candles are, and a Redis server."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .redis_server import Server, running


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of recorded candles."""
    folder = os.environ.get("GXRISK_DATA_DIR")
    if not folder:
        reason = "GXRISK_DATA_DIR names no folder of recorded candles"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(folder)


@pytest.fixture
def redis_server() -> Iterator[Server]:
    """An empty Redis server."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed: apt-get install redis-server")
    with running(program) as server:
        yield server
