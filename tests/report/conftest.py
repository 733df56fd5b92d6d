"""Weeks that a test reads: real ones, lived once for all tests, and ones by hand."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .desk import Desk
from .weeks import Week, crash, lived, unsure


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


@pytest.fixture(scope="session")
def crash_week(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Week:
    """The crash of 22 December 2017, lived by a vault that trips its drawdown."""
    return lived(crash(tmp_path_factory.mktemp("crash")))


@pytest.fixture(scope="session")
def unsure_week(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Week:
    """A day of a strategy that is unsure, breaks and writes hostile words."""
    return lived(unsure(tmp_path_factory.mktemp("unsure")))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A vault by hand, from a Monday on."""
    with Desk(tmp_path / "demo.gxr") as opened:
        yield opened
