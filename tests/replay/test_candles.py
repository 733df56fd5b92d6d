"""Candle files: what is read, and for each thing that can be wrong the line and the column that the error names."""

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import GxriskError
from gxrisk.feeds import DataError, read_candles

GOOD = "1583971200000,7900,7910,7890,7905,1.5"
NEXT = "1583971260000,7905,7911,7900,7901,0"
HEADER = "timestamp_ms,open,high,low,close,volume"

# (what, the rows after the header, line, column, a part of the message)
BAD_ROWS = [
    ("nan price", [GOOD, "1583971260000,7905,7911,nan,7901,0"], 3, "low", "'nan'"),
    ("NaN volume", [GOOD, "1583971260000,7905,7911,7900,7901,NaN"], 3, "volume", "'NaN'"),
    ("infinite price", [GOOD, "1583971260000,7905,inf,7900,7901,0"], 3, "high", "'inf'"),
    ("minus infinity", [GOOD, "1583971260000,-Infinity,7911,7900,7901,0"], 3, "open", "'-Infinity'"),
    ("overflow to infinity", [GOOD, "1583971260000,7905,1e400,7900,7901,0"], 3, "high", "at most 1e18"),
    ("zero price", [GOOD, "1583971260000,7905,7911,0,7901,0"], 3, "low", "above 0"),
    ("minus zero", [GOOD, "1583971260000,7905,7911,-0.0,7901,0"], 3, "low", "above 0"),
    ("negative price", [GOOD, "1583971260000,7905,7911,-1,7901,0"], 3, "low", "above 0"),
    ("ten digits", [GOOD, "1583971260000,7905,7911,7900.0000000001,7901,0"], 3, "low", "nine digits"),
    ("high below low", ["1583971200000,7900,7880,7890,7885,1"], 2, "high", "at least the low"),
    ("open outside", ["1583971200000,7911,7910,7890,7905,1"], 2, "open", "between low (7890) and high (7910)"),
    ("close above high", ["1583971200000,7900,7910,7890,7910.01,1"], 2, "close", "between low"),
    ("close below low", ["1583971200000,7900,7910,7890,7889.99,1"], 2, "close", "between low"),
    ("words", [GOOD, "1583971260000,7905,high,7900,7901,0"], 3, "high", "'high'"),
    ("empty field", [GOOD, "1583971260000,7905,,7900,7901,0"], 3, "high", "an empty field"),
    ("thousands", [GOOD, '1583971260000,"7,905",7911,7900,7901,0'], 3, "open", "'7,905'"),
    ("underscores", [GOOD, "1583971260000,7_905,7911,7900,7901,0"], 3, "open", "'7_905'"),
    ("hexadecimal", [GOOD, "1583971260000,0x10,7911,7900,7901,0"], 3, "open", "'0x10'"),
    ("full-width digits", [GOOD, "1583971260000,７９０５,7911,7900,7901,0"], 3, "open", "a number"),  # noqa: RUF001
    ("an essay", [GOOD, f"1583971260000,{'9' * 5000},7911,7900,7901,0"], 3, "open", "..."),
    ("negative volume", [GOOD, "1583971260000,7905,7911,7900,7901,-1"], 3, "volume", "0 or more"),
    ("seconds", ["1583971200,7900,7910,7890,7905,1"], 2, "timestamp_ms", "seconds?"),
    ("microseconds", ["1583971200000000,7900,7910,7890,7905,1"], 2, "timestamp_ms", "microseconds?"),
    ("a date", ["2020-03-12,7900,7910,7890,7905,1"], 2, "timestamp_ms", "'2020-03-12'"),
    ("a fraction of a ms", ["1583971200000.5,7900,7910,7890,7905,1"], 2, "timestamp_ms", "whole number"),
    ("negative time", ["-1583971200000,7900,7910,7890,7905,1"], 2, "timestamp_ms", "whole number"),
    ("unsorted", [NEXT, GOOD], 3, "timestamp_ms", "1583971200000"),
    ("the same time twice", [GOOD, NEXT, NEXT], 4, "timestamp_ms", "at least 60000 ms after"),
    ("overlapping bars", [GOOD, "1583971230000,7905,7911,7900,7901,0"], 3, "timestamp_ms", "at least 60000 ms after"),
    ("short row", [GOOD, "1583971260000,7905,7911"], 3, "low", "3 fields"),
    ("long row", [GOOD, NEXT + ",7"], 3, "volume", "7 fields"),
    ("open quote", [GOOD, '1583971260000,"7905,7911'], 3, "timestamp_ms", "comma-separated"),
    ("no row", [], 2, "timestamp_ms", "at least one row"),
]


@pytest.mark.parametrize(
    ("rows", "line", "column", "part"), [row[1:] for row in BAD_ROWS], ids=[r[0] for r in BAD_ROWS]
)
def test_a_bad_row_is_named(write: Callable[..., Path], rows: list[str], line: int, column: str, part: str) -> None:
    file = write(*rows)
    with pytest.raises(DataError) as caught:
        read_candles(file)
    error = caught.value
    assert (error.line, error.column, error.file) == (line, column, str(file))
    assert f"line {line}, column {column}" in str(error)
    assert part in str(error)
    assert "is allowed" in str(error)
    assert len(str(error)) < 400 + len(str(file))


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_or_doubled_column_is_named(write: Callable[..., Path], column: str) -> None:
    names = HEADER.split(",")
    for header in ([name for name in names if name != column], [*names, column]):
        with pytest.raises(DataError) as caught:
            read_candles(write(text=",".join(header) + "\n" + ",".join("1" for _ in header) + "\n"))
        assert (caught.value.line, caught.value.column) == (1, column)


def test_an_error_is_a_gxrisk_error_and_a_value_error(write: Callable[..., Path]) -> None:
    with pytest.raises(DataError) as caught:
        read_candles(write(text=""))
    assert isinstance(caught.value, GxriskError)
    assert isinstance(caught.value, ValueError)
    assert (caught.value.line, caught.value.column) == (1, "timestamp_ms")
    assert "an empty file" in str(caught.value)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    file = tmp_path / "btc-1m.csv"
    file.write_bytes(f"{HEADER}\n{GOOD}\n".encode() + b"1583971260000,7905,\xff7911,7900,7901,0\n")
    with pytest.raises(DataError) as caught:
        read_candles(file)
    assert (caught.value.line, caught.value.column) == (3, "number 3")
    assert "byte 0xff" in str(caught.value)


def test_a_truncated_gzip_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "btc-1m.csv.gz"
    rows = "\n".join(f"{1_583_971_200_000 + n * 60_000},{7000 + n % 97},8000,6000,7000,{n}" for n in range(3000))
    whole = gzip.compress(f"{HEADER}\n{rows}\n".encode())
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="truncated gzip") as caught:
        read_candles(file)
    assert caught.value.line > 1
    file.write_bytes(whole[:200] + bytes(50) + whole[250:])
    with pytest.raises(DataError):
        read_candles(file)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_candles(tmp_path / "btc-1m.csv")
    with pytest.raises(DataError, match="directory"):
        read_candles(tmp_path)


def test_a_line_without_an_end_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "btc-1m.csv"
    file.write_bytes(b"0" * 1_000_000)
    with pytest.raises(DataError, match="65536 bytes or more"):
        read_candles(file)


def test_prices_are_exact_and_columns_may_stand_in_any_order(write: Callable[..., Path]) -> None:
    text = "close,x,timestamp_ms,low,open,volume,high\n0.000000042,?,1583971200000,4e-8,0.00000004100,1e12,4.3e-8\n"
    candle = read_candles(write(text=text)).candles[0]
    assert (candle.open, candle.high) == (Decimal("0.000000041"), Decimal("0.000000043"))
    assert (candle.low, candle.close) == (Decimal("0.00000004"), Decimal("0.000000042"))
    assert candle.volume == 1e12


def test_plain_zipped_marked_and_windows_files_are_the_same(tmp_path: Path) -> None:
    text = f"{HEADER}\n{GOOD}\n{NEXT}\n"
    (tmp_path / "a-1m.csv").write_text(text)
    (tmp_path / "b-1m.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "c-1m.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n")
    (tmp_path / "d-1m.csv").write_bytes(gzip.compress(text.encode()))
    read = [read_candles(file, asset="BTC").candles for file in sorted(tmp_path.iterdir())]
    assert len(read) == 4
    assert all(candles == read[0] for candles in read)


# (file name, asset, interval in seconds)
NAMES = [
    ("btcusd-1m-2017-12-18_2017-12-26-bitfinex.csv.gz", "BTCUSD", 60),
    ("btcusdt-5m-2020-03-01_2020-03-13-binance.csv", "BTCUSDT", 300),
    ("solusdt-1h-x-perp.csv", "SOLUSDT", 3_600),
    ("eth-1d.csv", "ETH", 86_400),
    ("bitcoin.csv", "bitcoin", 120),
    ("btc-usd.csv", "btc-usd", 120),
]


@pytest.mark.parametrize(("name", "asset", "interval_s"), NAMES)
def test_asset_and_interval_from_the_name_or_the_steps(tmp_path: Path, name: str, asset: str, interval_s: int) -> None:
    step_ms = interval_s * 1000
    rows = "\n".join(f"{1_583_971_200_000 + n * step_ms},1,1,1,1,0" for n in (0, 3, 4, 6))
    text = f"{HEADER}\n{rows}\n".encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    series = read_candles(tmp_path / name)
    assert (series.asset, series.interval_ms) == (asset, step_ms)
    assert series.candles[0].end_ms == 1_583_971_200_000 + step_ms
    assert read_candles(tmp_path / name, asset="X").asset == "X"


def test_an_interval_that_the_rows_do_not_have_is_refused(write: Callable[..., Path]) -> None:
    """Five-minute bars under a one-minute name would be known four minutes too early."""
    rows = [f"{1_583_971_200_000 + n * 300_000},1,1,1,1,0" for n in range(10)]
    with pytest.raises(DataError, match="300 s apart"):
        read_candles(write(*rows))
    assert read_candles(write(*rows), interval_ms=300_000).interval_ms == 300_000


def test_one_row_alone_has_no_interval(write: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="a single row"):
        read_candles(write(GOOD, name="bitcoin.csv"))
    assert len(read_candles(write(GOOD, name="btc-1m.csv")).candles) == 1


@pytest.mark.parametrize("asset", ["", "B T C", "ÄTH", "A" * 65, "B\nC"])
def test_an_asset_that_the_gate_would_refuse_is_refused(write: Callable[..., Path], asset: str) -> None:
    with pytest.raises(DataError, match="printable ASCII"):
        read_candles(write(GOOD), asset=asset)


def test_every_recorded_candle_file_reads(data_dir: Path) -> None:
    files = [file for file in sorted(data_dir.glob("*.csv.gz")) if "funding" not in file.name]
    assert len(files) >= 15
    for file in files:
        assert len(read_candles(file).candles) > 1000, file.name
