"""Fetching candles from a real server on the loopback that speaks binance's endpoints, through the real ccxt."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gxrisk.feeds import DataError, read_candles
from gxrisk.feeds.exchange import TRIES, FetchError, Market, Patience, open_market
from gxrisk.feeds.fetch import Fetched, fetch_candles
from gxrisk.feeds.part import PartFile

from .exchange import LISTED_MS, Fault, LoopbackExchange, kline

ROOT = Path(__file__).parents[2]
MINUTE_MS = 60_000
SINCE_MS = 1_583_971_200_000  # 2020-03-12 00:00
DAY_MS = 86_400_000
NAME = "btcusdt-1m-2020-03-12_2020-03-14-binance.csv.gz"
PART = f".{NAME.removesuffix('.gz')}.part"
TWO_DAYS = ("--since", "2020-03-12", "--until", "2020-03-14")
COMMAND = ("data", "fetch", "--exchange", "binance", "--symbol", "BTC/USDT", "--interval", "1m")
BUSY = Fault(429, b'{"code":-1003,"msg":"Too much request weight used."}', {"Retry-After": "7"})
BROKEN = Fault(503, b"<html>Service Unavailable</html>")
GARBAGE = Fault(200, b"\x00 no json at all")
SURPRISES = [Fault(200, body) for body in (b'[["x"]]', b"[]]", b"", b'"[]"', b"null")]
SILENT = [Fault(200, body) for body in (b'{"surprise": true}', b"{}", b"[]")]  # what ccxt makes an empty page of


class Waits(list[float]):
    """What a fetch would have slept."""

    def patience(self) -> Patience:
        return Patience(sleep=self.append)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def market(venue: LoopbackExchange, waits: Waits) -> Market:
    return open_market("binance", "BTC/USDT", "1m", waits.patience())


@pytest.fixture
def fetched(market: Market, waits: Waits, tmp_path: Path) -> Callable[..., Fetched]:
    def fetch(until_ms: int = SINCE_MS + 2 * DAY_MS, **more: object) -> Fetched:
        return fetch_candles(market, SINCE_MS, until_ms, tmp_path, patience=waits.patience(), **more)

    return fetch


def rows_of(file: Path) -> list[str]:
    return gzip.decompress(file.read_bytes()).decode().splitlines()


def row(start_ms: int) -> str:
    """The row that a candle of the server must become: exact, without the zeros."""
    _, *prices = kline(start_ms, MINUTE_MS)[:5]
    return ",".join((str(start_ms), *(str(price).rstrip("0") for price in prices), "12.5"))


def test_a_fetched_file_is_a_candle_file(
    venue: LoopbackExchange, fetched: Callable[..., Fetched], tmp_path: Path
) -> None:
    done: list[int] = []
    result = fetched(on_progress=done.append)
    assert (result.file, result.rows, result.resumed) == (tmp_path / NAME, 2880, 0)
    starts = range(SINCE_MS, SINCE_MS + 2 * DAY_MS, MINUTE_MS)
    assert rows_of(result.file) == ["timestamp_ms,open,high,low,close,volume", *map(row, starts)]
    series = read_candles(result.file)
    assert (series.asset, series.interval_ms, len(series.candles)) == ("BTCUSDT", MINUTE_MS, 2880)
    assert done == [0, 1000, 2000, 2880]
    assert [query["limit"] for query in venue.asked] == ["1000"] * 3
    assert list(tmp_path.iterdir()) == [result.file]


def test_requests_keep_the_distance_that_ccxt_knows(
    venue: LoopbackExchange, market: Market, fetched: Callable[..., Fetched]
) -> None:
    fetched()
    gaps = [after - before for before, after in zip(venue.asked_at, venue.asked_at[1:], strict=False)]
    assert market.exchange.enableRateLimit
    assert len(gaps) == 2
    # Of two distances at least one in all: how the server meets the requests bends each of them.
    assert sum(gaps) >= market.exchange.rateLimit / 1000


def test_a_whole_file_is_not_fetched_again_unless_forced(
    venue: LoopbackExchange, fetched: Callable[..., Fetched]
) -> None:
    first = fetched()
    content = first.file.read_bytes()
    venue.asked.clear()
    assert fetched() == Fetched(first.file, 0, 0)
    assert venue.asked == []
    first.file.write_bytes(b"old")
    assert fetched(force=True).rows == 2880
    assert first.file.read_bytes() == content


def test_a_bar_in_progress_is_left_out(venue: LoopbackExchange, market: Market, tmp_path: Path, waits: Waits) -> None:
    """The exchange's time counts, and the file is named after where it really ends."""
    venue.now_ms = int(market.exchange.milliseconds()) // MINUTE_MS * MINUTE_MS - 30_000
    complete_ms = venue.now_ms // MINUTE_MS * MINUTE_MS
    since_ms = complete_ms - 10 * MINUTE_MS
    until_ms = complete_ms + DAY_MS
    result = fetch_candles(market, since_ms, until_ms, tmp_path, patience=waits.patience())
    series = read_candles(result.file)
    assert [bar.start_ms for bar in series.candles] == list(range(since_ms, complete_ms, MINUTE_MS))
    venue.now_ms += 2 * MINUTE_MS
    later = fetch_candles(market, since_ms, until_ms, tmp_path, patience=waits.patience())
    assert later.rows == 12
    assert later.file != result.file


# (what, faults, the waits that follow)
TRANSIENT = [
    ("busy", [BUSY], [7.0]),
    ("busy twice", [BUSY, BUSY], [7.0, 7.0]),
    ("busy without a time", [Fault(429, b"{}")], [1.0]),
    ("busy with a date", [Fault(429, b"{}", {"Retry-After": "Sat, 21 Nov 2026 07:28:00 GMT"})], [1.0]),
    ("server error", [BROKEN, BROKEN, BROKEN], [1.0, 2.0, 4.0]),
    ("garbage", [GARBAGE], [1.0]),
    ("no candles", SURPRISES, [1.0, 2.0, 4.0, 8.0, 16.0]),
    ("an object", SILENT[:1], []),
    ("an empty object", SILENT[1:2], []),
    ("an empty page", SILENT[2:], []),
    ("one short of too many", [BROKEN] * (TRIES - 1), [1.0, 2.0, 4.0, 8.0, 16.0]),
]


@pytest.mark.parametrize(("faults", "expected"), [one[1:] for one in TRANSIENT], ids=[one[0] for one in TRANSIENT])
def test_what_passes_is_waited_for(
    venue: LoopbackExchange, fetched: Callable[..., Fetched], waits: Waits, faults: list[Fault], expected: list[float]
) -> None:
    venue.faults.extend(faults)
    assert fetched().rows == 2880
    assert waits == expected
    assert len(venue.asked) == 3 + len(faults)


# (what, faults, part of the message, how many waits)
FINAL = [
    ("down", [BROKEN] * TRIES, f"given up after {TRIES} tries", TRIES - 1),
    ("garbage for good", [GARBAGE] * TRIES, f"given up after {TRIES} tries", TRIES - 1),
    ("banned", [Fault(418, b"{}", {"Retry-After": "7200"})], "left alone for 7200 s", 0),
    ("refused", [Fault(400, b'{"code":-1120,"msg":"Invalid interval."}')], "Invalid interval", 0),
]


@pytest.mark.parametrize(("faults", "part", "count"), [one[1:] for one in FINAL], ids=[one[0] for one in FINAL])
def test_what_does_not_pass_ends_and_keeps_what_came(
    venue: LoopbackExchange,
    fetched: Callable[..., Fetched],
    waits: Waits,
    tmp_path: Path,
    faults: list[Fault],
    part: str,
    count: int,
) -> None:
    first_page = fetched(SINCE_MS + 1000 * MINUTE_MS)
    (tmp_path / PART).write_bytes(gzip.decompress(first_page.file.read_bytes()))
    venue.faults.extend(faults)
    with pytest.raises(FetchError, match=part) as caught:
        fetched()
    assert len(str(caught.value)) < 400
    assert len(waits) == count
    assert not (tmp_path / NAME).exists()
    assert fetched() == Fetched(tmp_path / NAME, 2880, 1000)


def candles_answer(*rows: list[object]) -> Fault:
    return Fault(200, json.dumps(rows).encode())


def altered(column: int, value: object, number: int = 1) -> list[list[object]]:
    rows = [kline(SINCE_MS + one * MINUTE_MS, MINUTE_MS) for one in range(3)]
    rows[number][column] = value
    return rows


# (what, the page, column, part of the message)
BAD_PAGES = [
    ("doubled", altered(0, SINCE_MS), "timestamp_ms", "at least 60000 ms after"),
    ("overlapping", altered(0, SINCE_MS + 30_000), "timestamp_ms", "at least 60000 ms after"),
    ("high under low", altered(2, "1.0"), "high", "at least the low"),
    ("not a number", altered(4, "NaN"), "close", "'NaN'"),
    ("nothing", altered(4, None), "close", "an empty field"),
    ("ten digits", altered(3, "0.0000000001"), "low", "nine digits"),
    ("negative volume", altered(5, "-1"), "volume", "0 or more"),
]


@pytest.mark.parametrize(("page", "column", "part"), [one[1:] for one in BAD_PAGES], ids=[one[0] for one in BAD_PAGES])
def test_a_wrong_page_is_refused_and_not_written(
    venue: LoopbackExchange,
    fetched: Callable[..., Fetched],
    tmp_path: Path,
    page: list[list[object]],
    column: str,
    part: str,
) -> None:
    venue.faults.append(candles_answer(*page))
    with pytest.raises(DataError, match=part) as caught:
        fetched()
    assert caught.value.column == column
    assert caught.value.file == "binance BTC/USDT 1m"
    assert caught.value.counted == "row"
    assert (tmp_path / PART).read_text() == "timestamp_ms,open,high,low,close,volume\n"


def test_an_outage_is_not_filled(venue: LoopbackExchange, fetched: Callable[..., Fetched]) -> None:
    venue.outage = range(SINCE_MS + 100 * MINUTE_MS, SINCE_MS + 300 * MINUTE_MS)
    series = read_candles(fetched().file)
    assert len(series.candles) == 2880 - 200
    assert series.candles[100].start_ms - series.candles[99].start_ms == 201 * MINUTE_MS


def test_an_outage_longer_than_a_page_is_gone_past(venue: LoopbackExchange, fetched: Callable[..., Fetched]) -> None:
    """An exchange that answers for one page's time only gives an empty page in the middle."""
    venue.faults.extend((candles_answer(), candles_answer()))
    series = read_candles(fetched().file)
    assert series.candles[0].start_ms == SINCE_MS + 1000 * MINUTE_MS
    assert len(series.candles) == 1880


def test_an_empty_range_is_an_error_and_leaves_nothing(
    venue: LoopbackExchange, market: Market, waits: Waits, tmp_path: Path
) -> None:
    before_ms = LISTED_MS - 30 * DAY_MS
    with pytest.raises(FetchError, match="no complete candle from 2020-01-31 to 2020-02-01"):
        fetch_candles(market, before_ms, before_ms + DAY_MS, tmp_path, patience=waits.patience())
    assert list(tmp_path.iterdir()) == []
    assert len(venue.asked) == 1


def test_a_range_without_an_answer_is_empty_too(
    venue: LoopbackExchange, market: Market, waits: Waits, tmp_path: Path
) -> None:
    """Asked past its newest candle the exchange gives an empty page; each is asked for twice."""
    since_ms = venue.now_ms + DAY_MS
    with pytest.raises(FetchError, match="no complete candle"):
        fetch_candles(market, since_ms, since_ms + DAY_MS, tmp_path, patience=waits.patience())
    assert list(tmp_path.iterdir()) == []
    assert len(venue.asked) == 4


# (exchange, symbol, interval, what is said)
UNKNOWN = [
    ("binanc", "BTC/USDT", "1m", "knows no 'binanc'; did you mean binance"),
    ("Exchange", "BTC/USDT", "1m", "knows no 'Exchange'"),
    ("binance", "BTC/USDX", "1m", "has no 'BTC/USDX'; did you mean BTC/USDT"),
    ("binance", "NOPE", "1m", "has no 'NOPE'"),
    ("binance", "BTC/USDT", "7m", "has no '7m'; allowed are 1s, 1m"),
    ("binance", "BTC/USDT", "1M", "has no '1M'"),
]


@pytest.mark.parametrize(("exchange", "symbol", "interval", "said"), UNKNOWN)
@pytest.mark.usefixtures("venue")
def test_what_there_is_not_is_said(exchange: str, symbol: str, interval: str, said: str, waits: Waits) -> None:
    with pytest.raises(FetchError) as caught:
        open_market(exchange, symbol, interval, waits.patience())
    assert said in str(caught.value)
    assert waits == []


def test_a_missing_ccxt_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, waits: Waits) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(FetchError, match=r'pip install "gxrisk\[venues\]"'):
        open_market("binance", "BTC/USDT", "1m", waits.patience())


@pytest.mark.usefixtures("venue")
def test_a_perpetual_is_named_so(waits: Waits, tmp_path: Path) -> None:
    market = open_market("binance", "BTC/USDT:USDT", "1h", waits.patience())
    result = fetch_candles(market, SINCE_MS, SINCE_MS + DAY_MS, tmp_path, patience=waits.patience())
    assert result.file.name == "btcusdt-1h-2020-03-12_2020-03-13-binance-perp.csv.gz"
    assert read_candles(result.file).interval_ms == 3_600_000


def spawn(venue: LoopbackExchange, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.feeds.exchange", str(venue.port), *COMMAND, *TWO_DAYS, "--out", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_ended_fetch_goes_on_where_it_was(
    venue: LoopbackExchange, fetched: Callable[..., Fetched], tmp_path: Path, end: signal.Signals
) -> None:
    """The process ends while it waits for the third page: two are there, and only the third is asked again."""
    whole = fetched().file.read_bytes()
    folder = tmp_path / "out"
    folder.mkdir()
    venue.asked.clear()
    venue.hold_from = 3
    process = spawn(venue, folder)
    assert venue.held.wait(60)
    with pytest.raises(FetchError, match="another fetch is writing"):
        PartFile(folder / PART, MINUTE_MS, range(SINCE_MS, SINCE_MS + 2 * DAY_MS))
    process.send_signal(end)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (130 if end == signal.SIGINT else -end)
    if end == signal.SIGINT:
        assert said.splitlines() == [
            "gxrisk: what was fetched is kept; the same command goes on after it",
            "gxrisk: interrupted",
        ]
    assert [file.name for file in folder.iterdir()] == [PART]
    assert len((folder / PART).read_text().splitlines()) == 2001
    venue.hold_from = None
    venue.let_go.set()
    again = spawn(venue, folder)
    out, said = again.communicate(timeout=60)
    assert (again.returncode, said) == (0, "")
    assert "2,880 rows" in out
    assert "2,000 of the rows are from an earlier run" in out
    starts = [int(query["startTime"]) for query in venue.asked]
    assert starts == [SINCE_MS + pages * 1000 * MINUTE_MS for pages in (0, 1, 2, 2)]
    assert (folder / NAME).read_bytes() == whole
    assert [file.name for file in folder.iterdir()] == [NAME]


# (what, what is done to the part file of 2,000 whole rows, how many rows count)
TORN = [
    ("a torn row", lambda text: text + f"{SINCE_MS + 2000 * MINUTE_MS},7123.1", 2000),
    ("a row without its end", lambda text: text + row(SINCE_MS + 2000 * MINUTE_MS), 2000),
    ("zeros", lambda text: text + "\0" * 512, 2000),
    ("zeros and lines", lambda text: text + "\0" * 512 + "\n" + row(SINCE_MS + 2000 * MINUTE_MS) + "\n", 2000),
    ("a damaged row", lambda text: text.replace(row(SINCE_MS + 500 * MINUTE_MS), "?"), 500),
    ("a row twice", lambda text: text + row(SINCE_MS) + "\n", 2000),
    ("a row of another range", lambda text: text + row(SINCE_MS + 9 * DAY_MS) + "\n", 2000),
    ("another header", lambda text: text.replace("open", "opens"), 0),
    ("half a header", lambda text: text[:20], 0),
    ("nothing", lambda text: "", 0),
]


@pytest.mark.parametrize(("damage", "kept"), [one[1:] for one in TORN], ids=[one[0] for one in TORN])
def test_only_whole_and_right_rows_of_a_part_file_count(
    venue: LoopbackExchange,
    fetched: Callable[..., Fetched],
    tmp_path: Path,
    damage: Callable[[str], str],
    kept: int,
) -> None:
    first = fetched()
    whole = first.file.read_bytes()
    text = "".join(f"{line}\n" for line in rows_of(first.file)[:2001])
    first.file.unlink()
    (tmp_path / PART).write_text(damage(text))
    venue.asked.clear()
    assert fetched() == Fetched(first.file, 2880, kept)
    assert int(venue.asked[0]["startTime"]) == SINCE_MS + kept * MINUTE_MS
    assert first.file.read_bytes() == whole


def test_a_forced_fetch_forgets_the_part(
    venue: LoopbackExchange, fetched: Callable[..., Fetched], tmp_path: Path
) -> None:
    (tmp_path / PART).write_text("timestamp_ms,open,high,low,close,volume\n" + row(SINCE_MS) + "\n")
    assert fetched(force=True).resumed == 0
    assert int(venue.asked[0]["startTime"]) == SINCE_MS


def test_a_full_disk_leaves_the_part_and_no_file(
    fetched: Callable[..., Fetched], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fsync` is replaced since a disk cannot be filled here; it fails for the gzipped file, the last one.

    The run after it writes that one anew.
    """
    real = os.fsync

    def full(number: int) -> None:
        if os.fstat(number).st_ino == (tmp_path / PART).stat().st_ino:
            real(number)
        else:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fetched()
    assert sorted(file.name for file in tmp_path.iterdir()) == [PART.replace(".part", ".gz"), PART]
    monkeypatch.undo()
    assert fetched().resumed == 2880
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
