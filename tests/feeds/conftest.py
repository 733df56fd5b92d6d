"""Recorded data where a folder names it, and an exchange on the loopback."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import ccxt
import pytest
from gxrisk import cli
from typer.testing import CliRunner, Result

from .exchange import LoopbackExchange, pointed_at


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of recorded data."""
    folder = os.environ.get("GXRISK_DATA_DIR")
    if not folder:
        reason = "GXRISK_DATA_DIR names no folder of recorded candles"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(folder)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run `gxrisk` with arguments, in this process, without a terminal."""
    return lambda *args: CliRunner().invoke(cli.app, [str(arg) for arg in args])


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackExchange]:
    """A server that speaks binance's candle endpoints, and ccxt pointed at it."""
    with LoopbackExchange() as server:
        monkeypatch.setattr(ccxt, "binance", pointed_at(server.port))
        yield server
