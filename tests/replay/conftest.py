"""Candles for the tests: made by hand, written to files, or recorded ones where a folder names them."""

import os
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk.feeds import Candle, CandleSeries

HEADER = "timestamp_ms,open,high,low,close,volume"
START_MS = 1_583_971_200_000  # 2020-03-12 00:00 UTC
MINUTE_MS = 60_000


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
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write rows under the usual header (or `text` as it is) to a candle file."""

    def written(*rows: str, name: str = "btc-1m-test.csv", text: str | None = None) -> Path:
        file = tmp_path / name
        file.write_text("\n".join((HEADER, *rows)) + "\n" if text is None else text, encoding="utf-8")
        return file

    return written


@pytest.fixture(scope="session")
def series() -> Callable[..., CandleSeries]:
    """Candles from (open, high, low, close) rows or single prices, one after the other; None leaves a minute out."""

    def made(
        rows: Iterable[object], asset: str = "BTC", interval_ms: int = MINUTE_MS, start_ms: int = START_MS
    ) -> CandleSeries:
        candles = []
        for number, row in enumerate(rows):
            if row is None:
                continue
            prices = row if isinstance(row, tuple) else (row, row, row, row)
            opened, high, low, close = (Decimal(str(price)) for price in prices)
            candles.append(Candle(asset, start_ms + number * interval_ms, interval_ms, opened, high, low, close, 0.0))
        return CandleSeries(asset, interval_ms, tuple(candles), f"{asset} by hand")

    return made
