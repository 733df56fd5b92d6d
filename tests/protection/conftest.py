"""Recorded candles where a folder names them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.redis_server import Server, running


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of recorded candles; where CI has none, the skip is a failure."""
    folder = os.environ.get("GXRISK_DATA_DIR")
    if not folder:
        pytest.skip("GXRISK_DATA_DIR names no folder of recorded candles")
    return Path(folder)


@pytest.fixture
def redis_server() -> Iterator[Server]:
    """An empty Redis server."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed: apt-get install redis-server")
    with running(program) as server:
        yield server
