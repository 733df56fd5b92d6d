"""Recorded candles where a folder names them."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of recorded candles; where CI has none, the skip is a failure."""
    folder = os.environ.get("GXRISK_DATA_DIR")
    if not folder:
        pytest.skip("GXRISK_DATA_DIR names no folder of recorded candles")
    return Path(folder)
