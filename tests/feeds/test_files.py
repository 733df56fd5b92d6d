"""Parquet, trade and funding files: what is read, and the place that an error names."""

import gzip
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from gxrisk.feeds import DataError, read_candles, read_funding, read_trades
from polars.datatypes import DataTypeClass

START_MS = 1_583_971_200_000
MINUTE_MS = 60_000
COLUMNS = ("timestamp_ms", "open", "high", "low", "close", "volume")


def candles(**columns: list[object]) -> pl.DataFrame:
    """Three good bars, with columns replaced."""
    good: dict[str, list[object]] = {
        "timestamp_ms": [START_MS + number * MINUTE_MS for number in range(3)],
        "open": [7900.5, 7901.0, 7902.0],
        "high": [7910.0, 7911.0, 7912.0],
        "low": [7890.0, 7891.0, 7892.0],
        "close": [7905.0, 7901.25, 7900.0],
        "volume": [1.5, 0.0, 12.0],
    }
    return pl.DataFrame(good | columns, strict=False)


def written(frame: pl.DataFrame, folder: Path, name: str = "btcusd-1m-test.parquet") -> Path:
    file = folder / name
    frame.write_parquet(file)
    return file


def test_parquet_and_csv_are_the_same_candles(data_dir: Path, tmp_path: Path) -> None:
    """A recorded file, written as Parquet with floats and with text, reads as it does from CSV."""
    source = data_dir / "btcusdt-5m-2020-03-01_2020-03-13-binance.csv.gz"
    expected = read_candles(source)
    for name, types in (("floats", None), ("text", dict.fromkeys(COLUMNS[1:], pl.String))):
        frame = pl.read_csv(gzip.decompress(source.read_bytes()), schema_overrides=types)
        assert frame.schema["open"] == (pl.String if types else pl.Float64)
        read = read_candles(written(frame, tmp_path, f"btcusdt-5m-{name}.parquet"))
        assert (read.asset, read.interval_ms) == ("BTCUSDT", 300_000)
        assert read.candles == expected.candles
        assert len(read.candles) == 3397


PRICES: list[tuple[str, object, list[object], Decimal]] = [
    ("float", pl.Float64, [0.1 + 0.2], Decimal("0.3")),
    ("small float", pl.Float64, [4.1e-8], Decimal("0.000000041")),
    ("large float", pl.Float64, [1e18], Decimal(10**18)),
    ("float32", pl.Float32, [0.5], Decimal("0.5")),
    ("integer", pl.Int64, [7900], Decimal(7900)),
    ("unsigned", pl.UInt64, [7900], Decimal(7900)),
    ("decimal", pl.Decimal(38, 9), [Decimal("7900.000000001")], Decimal("7900.000000001")),
    ("fine zeros", pl.Decimal(38, 18), [Decimal("7900.000000001")], Decimal("7900.000000001")),
    ("text", pl.String, [" 7900.10 "], Decimal("7900.1")),
]


@pytest.mark.parametrize(("kind", "values", "price"), [one[1:] for one in PRICES], ids=[one[0] for one in PRICES])
def test_a_parquet_price_is_exact(tmp_path: Path, kind: DataTypeClass, values: list[object], price: Decimal) -> None:
    column = pl.Series(values, dtype=kind)
    frame = pl.DataFrame({"timestamp_ms": [START_MS], "volume": [1.0]}).with_columns(
        column.alias(name) for name in COLUMNS[1:5]
    )
    assert read_candles(written(frame, tmp_path)).candles[0].close == price


# (what, columns replaced, row, column, part of the message)
BAD_PARQUET = [
    ("nan", {"close": [7905.0, float("nan"), 7900.0]}, 2, "close", "'nan'"),
    ("infinity", {"high": [7910.0, float("inf"), 7912.0]}, 2, "high", "'inf'"),
    ("null price", {"low": [7890.0, 7891.0, None]}, 3, "low", "an empty field"),
    ("null time", {"timestamp_ms": [START_MS, None, START_MS + 2 * MINUTE_MS]}, 2, "timestamp_ms", "an empty field"),
    ("below the ninth digit", {"low": [7890.0, 1e-10, 7892.0]}, 2, "low", "above 0"),
    ("negative", {"low": [-1.0, 7891.0, 7892.0]}, 1, "low", "above 0"),
    ("huge", {"high": [7910.0, 1e300, 7912.0]}, 2, "high", "at most 1e18"),
    ("high under low", {"high": [7910.0, 7880.0, 7912.0]}, 2, "high", "at least the low"),
    ("unsorted", {"timestamp_ms": [START_MS, START_MS + MINUTE_MS, START_MS]}, 3, "timestamp_ms", "at least 60000 ms"),
    ("seconds", {"timestamp_ms": [START_MS // 1000] * 3}, 1, "timestamp_ms", "seconds?"),
    ("half a millisecond", {"timestamp_ms": [START_MS + 0.5] * 3}, 1, "timestamp_ms", "whole number"),
    ("a date as time", {"timestamp_ms": [datetime(2020, 3, 12, tzinfo=UTC)] * 3}, 1, "timestamp_ms", "Datetime"),
    ("booleans", {"volume": [True, False, True]}, 1, "volume", "a column of Boolean"),
    ("lists", {"open": [[1.0], [2.0], [3.0]]}, 1, "open", "a column of List"),
    ("words", {"open": ["high", "x", "y"]}, 1, "open", "'high'"),
]


@pytest.mark.parametrize(
    ("columns", "row", "column", "part"), [one[1:] for one in BAD_PARQUET], ids=[one[0] for one in BAD_PARQUET]
)
def test_a_bad_parquet_row_is_named(
    tmp_path: Path, columns: dict[str, list[object]], row: int, column: str, part: str
) -> None:
    file = written(candles(**columns), tmp_path)
    with pytest.raises(DataError) as caught:
        read_candles(file)
    error = caught.value
    assert (error.file, error.line, error.column, error.counted) == (str(file), row, column, "row")
    assert f"row {row}, column {column}" in str(error)
    assert part in str(error)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_parquet_column_is_named(tmp_path: Path, column: str) -> None:
    with pytest.raises(DataError, match="no such column") as caught:
        read_candles(written(candles().drop(column), tmp_path))
    assert (caught.value.line, caught.value.column) == (1, column)


def test_a_parquet_file_past_one_read_counts_its_rows(tmp_path: Path) -> None:
    count = 70_000
    prices = [1.0] * (count - 1) + [float("nan")]
    frame = pl.DataFrame(
        {"timestamp_ms": range(START_MS, START_MS + count), "price": prices, "quantity": [1.0] * count}
    )
    with pytest.raises(DataError) as caught:
        read_trades(written(frame, tmp_path))
    assert (caught.value.line, caught.value.column) == (count, "price")
    assert len(read_trades(written(frame.head(count - 1), tmp_path)).trades) == count - 1


def test_damaged_empty_and_odd_parquet_files_are_errors(tmp_path: Path) -> None:
    file = written(candles(), tmp_path)
    whole = file.read_bytes()
    for damaged in (
        whole[: len(whole) // 2],
        whole[:4],
        whole[:-8] + bytes(8),
        whole[:8] + os.urandom(64) + whole[72:],
    ):
        file.write_bytes(damaged)
        with pytest.raises(DataError) as caught:
            read_candles(file)
        assert len(str(caught.value)) < 400 + len(str(file))
    with pytest.raises(DataError, match="no row"):
        read_candles(written(candles().clear(), tmp_path))


def test_a_parquet_file_may_have_any_name_and_further_columns(tmp_path: Path) -> None:
    frame = candles().with_columns(pl.lit("x").alias("note")).select("note", *reversed(COLUMNS))
    file = written(frame, tmp_path, "[btc]*.bin")
    series = read_candles(file)
    assert (series.asset, series.interval_ms, len(series.candles)) == ("[btc]*.bin", MINUTE_MS, 3)
    assert read_candles(file, asset="BTC").asset == "BTC"


TRADES = (
    f"timestamp_ms,price,quantity\n{START_MS + 250},7900.5,0.02\n{START_MS + 120},7901,1\n{START_MS + 250},7900,3\n"
)


def test_trades_read_alike_from_every_format(tmp_path: Path) -> None:
    """In the order in which they came, also where it is not the order of their times."""
    (tmp_path / "btc-trades.csv").write_text(TRADES)
    (tmp_path / "btc-trades-1.csv.gz").write_bytes(gzip.compress(TRADES.encode()))
    pl.read_csv(TRADES.encode()).write_parquet(tmp_path / "btc-trades-2.parquet")
    read = [read_trades(file) for file in sorted(tmp_path.iterdir())]
    assert len(read) == 3
    for series in read:
        assert series.asset == "BTC"
        assert series.trades == read[0].trades
        assert [trade.at_ms - START_MS for trade in series.trades] == [250, 120, 250]
        assert [str(trade.price) for trade in series.trades] == ["7900.5", "7901", "7900"] or "parquet" in series.source
    assert read_trades(tmp_path / "btc-trades.csv", asset="X").trades[0].asset == "X"


# (what, row, column, part)
BAD_TRADES = [
    ("no quantity", f"{START_MS},7900,0", "quantity", "above 0"),
    ("negative quantity", f"{START_MS},7900,-1", "quantity", "above 0"),
    ("nan price", f"{START_MS},nan,1", "price", "'nan'"),
    ("ten digits", f"{START_MS},7900,0.0000000001", "quantity", "nine digits"),
    ("microseconds", f"{START_MS}000,7900,1", "timestamp_ms", "microseconds?"),
    ("short", f"{START_MS},7900", "quantity", "2 fields"),
]


@pytest.mark.parametrize(("row", "column", "part"), [one[1:] for one in BAD_TRADES], ids=[one[0] for one in BAD_TRADES])
def test_a_bad_trade_is_named(tmp_path: Path, row: str, column: str, part: str) -> None:
    file = tmp_path / "btc-trades.csv"
    file.write_text(f"timestamp_ms,price,quantity\n{START_MS},7900,1\n{row}\n")
    with pytest.raises(DataError, match=part) as caught:
        read_trades(file)
    assert (caught.value.line, caught.value.column) == (3, column)


def test_the_recorded_funding_reads(data_dir: Path) -> None:
    """The numbers are those that the data's own description gives."""
    series = read_funding(data_dir / "btcusdt-funding8h-2021-06_2026-02-binance-perp.csv.gz")
    assert (series.asset, series.interval_ms, len(series.rates)) == ("BTCUSDT", 8 * 3_600_000, 2920)
    lowest, highest = (pick(series.rates, key=lambda one: one.rate) for pick in (min, max))
    assert round(lowest.rate * 100, 4) == Decimal("-0.1192")
    assert round(highest.rate * 100, 4) == Decimal("0.0821")
    assert lowest.at_ms // 1000 == datetime(2022, 11, 10, tzinfo=UTC).timestamp()


# (what, row, column, part)
BAD_FUNDING = [
    ("a percentage of 100 and more", f"{START_MS + 1},1.01", "funding_rate", "between -1 and 1"),
    ("nan", f"{START_MS + 1},nan", "funding_rate", "'nan'"),
    ("words", f"{START_MS + 1},0.01%", "funding_rate", "'0.01%'"),
    ("empty", f"{START_MS + 1},", "funding_rate", "an empty field"),
    ("the same time twice", f"{START_MS},0.0001", "timestamp_ms", "at least 1 ms after"),
]


@pytest.mark.parametrize(
    ("row", "column", "part"), [one[1:] for one in BAD_FUNDING], ids=[one[0] for one in BAD_FUNDING]
)
def test_a_bad_funding_rate_is_named(tmp_path: Path, row: str, column: str, part: str) -> None:
    file = tmp_path / "btc-funding8h.csv"
    file.write_text(f"timestamp_ms,funding_rate\n{START_MS},-0.0001\n{row}\n")
    with pytest.raises(DataError, match=part) as caught:
        read_funding(file)
    assert (caught.value.line, caught.value.column) == (3, column)


def test_a_funding_rate_at_its_bounds_reads(tmp_path: Path) -> None:
    file = tmp_path / "btc-funding1h.csv"
    file.write_text(f"timestamp_ms,funding_rate\n{START_MS},-1\n{START_MS + 1},1\n{START_MS + 2},0.0000125000000001\n")
    assert [str(one.rate) for one in read_funding(file).rates] == ["-1", "1", "0.0000125000000001"]
