"""`gxrisk data` as a user has it: what it prints, how it fails, what it leaves."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from gxrisk.feeds import read_candles
from typer.testing import Result

from .exchange import LoopbackExchange

ROOT = Path(__file__).parents[2]
Run = Callable[..., Result]
FETCH = {
    "--exchange": "binance",
    "--symbol": "BTC/USDT",
    "--interval": "1h",
    "--since": "2020-03-12",
    "--until": "2020-03-13T06:00:00Z",
}
NAME = "btcusdt-1h-2020-03-12_2020-03-13T060000Z-binance.csv.gz"


def fetch(run: Run, out: Path, *flags: str, **changed: str) -> Result:
    options = FETCH | {f"--{name}": value for name, value in changed.items()} | {"--out": str(out)}
    return run("data", "fetch", *(word for option in options.items() for word in option), *flags)


def one_line(result: Result, *parts: str) -> None:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("gxrisk: ")
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in result.stderr


def test_fetch_says_what_it_wrote(run: Run, venue: LoopbackExchange, tmp_path: Path) -> None:
    result = fetch(run, tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        str(tmp_path / NAME),
        "  candles of BTCUSDT, every 1h: 30 rows",
        "  2020-03-12 00:00:00 to 2020-03-13 06:00:00 UTC",
        "  gaps: none",
    ]
    assert lines[4].startswith("  largest moves: ")
    assert len(lines) == 5
    assert len(read_candles(tmp_path / NAME).candles) == 30
    venue.asked.clear()
    again = fetch(run, tmp_path)
    assert (again.exit_code, again.stdout) == (0, f"{tmp_path / NAME} is there already (--force fetches it anew)\n")
    assert venue.asked == []
    assert fetch(run, tmp_path, "--force").stdout == result.stdout
    assert len(venue.asked) == 1


# (what is changed, what is said)
REFUSED = [
    ({"exchange": "binanse"}, "did you mean binance"),
    ({"symbol": "BTC/USDX"}, "did you mean BTC/USDT"),
    ({"interval": "7m"}, "allowed are"),
    ({"until": "2020-03-12"}, "a time after --since is allowed"),
    ({"since": "2020-01-01", "until": "2020-01-02"}, "no complete candle from 2020-01-01 to 2020-01-02"),
]


@pytest.mark.parametrize(("changed", "said"), REFUSED, ids=[one[1] for one in REFUSED])
@pytest.mark.usefixtures("venue")
def test_fetch_refuses_in_one_line(run: Run, tmp_path: Path, changed: dict[str, str], said: str) -> None:
    one_line(fetch(run, tmp_path, **changed), said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("time", ["yesterday", "2020-13-01", "2020-03-12T10:00:00", ""])
def test_a_time_that_is_none_is_a_usage_error(run: Run, tmp_path: Path, time: str) -> None:
    result = fetch(run, tmp_path, since=time)
    assert result.exit_code == 2
    assert "a time with its zone" in " ".join(result.stderr.replace("│", " ").split())


def test_a_folder_that_is_not_there_is_said(run: Run, tmp_path: Path) -> None:
    one_line(fetch(run, tmp_path / "none"), "there is no folder")


def test_without_ccxt_the_extra_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    one_line(fetch(run, tmp_path), 'pip install "gxrisk[venues]"')


def test_check_says_what_the_recorded_files_hold(run: Run, data_dir: Path) -> None:
    """Rows, gaps and moves as the description beside the data has them, which was reckoned without this code."""
    names = [
        "btcusd-1m-2019-06-22_2019-07-01-bitfinex.csv.gz",
        "btcusdt-1h-2020-02-15_2020-04-15-binance.csv.gz",
        "btcusdt-funding8h-2021-06_2026-02-binance-perp.csv.gz",
    ]
    result = run("data", "check", *(data_dir / name for name in names))
    assert (result.exit_code, result.stderr) == (0, "")
    blocks = [block.splitlines() for block in result.stdout.split(f"{data_dir}/")[1:]]
    assert [block[0] for block in blocks] == names
    minutes, hours, funding = blocks
    assert minutes[1] == "  candles of BTCUSD, every 1m: 12,587 rows"
    assert minutes[2] == "  2019-06-22 00:00:00 to 2019-07-01 00:00:00 UTC"
    assert minutes[3] == (
        "  gaps: 17 (373 rows missing), the longest 188m from 2019-06-26 08:46:00 to 2019-06-26 11:54:00"
    )
    assert hours[1] == "  candles of BTCUSDT, every 1h: 1,434 rows"
    assert hours[3].startswith("  gaps: 2 (6 rows missing), the longest 5h from 2020-02-19 12:00:00")
    assert hours[4].split(", ") == [
        "  largest moves: -18.21 % at 2020-03-12 11:00:00",
        "+17.38 % at 2020-03-13 03:00:00",
    ]
    assert funding[1] == "  funding of BTCUSDT, every 8h: 2,920 rows"
    assert funding[3].startswith("  gaps: 1 (2,168 rows missing), the longest 723d")
    assert "-0.1192 % at 2022-11-10" in funding[4]
    assert "+0.0821 % at 2021-11-03" in funding[4]


def test_check_reads_parquet_and_trades(run: Run, tmp_path: Path) -> None:
    start_ms = 1_583_971_200_000
    times = [start_ms, start_ms + 5_000, start_ms + 2_000, start_ms + 125_000]
    frame = pl.DataFrame({"timestamp_ms": times, "price": [100.0, 110.0, 99.0, 99.0], "quantity": [1.0] * 4})
    file = tmp_path / "btcusd-trades-test.parquet"
    frame.write_parquet(file)
    result = run("data", "check", file)
    assert result.stdout.splitlines() == [
        str(file),
        "  trades of BTCUSD: 4 rows",
        "  2020-03-12 00:00:00 to 2020-03-12 00:02:05 UTC",
        "  late: 1; the longest silence 2m from 2020-03-12 00:00:05 to 2020-03-12 00:02:05",
        "  largest moves: -10.00 % at 2020-03-12 00:00:02, +10.00 % at 2020-03-12 00:00:05",
    ]
    (found,) = json.loads(run("data", "check", file, "--json").stdout)
    assert found == {
        "file": str(file),
        "kind": "trades",
        "asset": "BTCUSD",
        "interval_ms": None,
        "rows": 4,
        "from_ms": start_ms,
        "until_ms": start_ms + 125_000,
        "gaps": 0,
        "missing": 0,
        "longest": {"from_ms": start_ms + 5_000, "until_ms": start_ms + 125_000},
        "late": 1,
        "down": {"fraction": "-0.1", "at_ms": start_ms + 2_000},
        "up": {"fraction": "0.1", "at_ms": start_ms + 5_000},
    }


def test_check_looks_at_every_file_and_fails_for_one(run: Run, tmp_path: Path) -> None:
    good, bad, gone = (tmp_path / name for name in ("btc-1m-good.csv", "btc-1m-bad.csv", "gone.csv"))
    header = "timestamp_ms,open,high,low,close,volume\n"
    good.write_text(header + "1583971200000,1,1,1,1,0\n")
    bad.write_text(header + "1583971200000,1,1,1,\x1b[2J,0\n")
    result = run("data", "check", bad, good, gone)
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert f"{bad}: line 2, column close" in first
    assert f"{gone}: line 1" in second
    assert "\x1b" not in result.stderr
    assert result.stdout.splitlines()[0] == str(good)
    assert "largest moves: none" in result.stdout


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", "timestamp_ms"),
        ("a,b\n1,2\n", "timestamp_ms"),
        ("timestamp_ms,price\n1583971200000,1\n", "quantity"),
        ("timestamp_ms,funding_rate\n1583971200000,x\n", "funding_rate"),
        ("timestamp_ms,open,price,close\n1,1,1,1\n", "high"),
        ('"', "timestamp_ms"),
    ],
)
def test_what_no_table_is_is_said(run: Run, tmp_path: Path, text: str, column: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(text)
    one_line(run("data", "check", file), str(file), f"column {column}")


def test_one_row_alone_is_no_reason_to_fail(run: Run, tmp_path: Path) -> None:
    for name, text in (
        ("btc-trades.csv", "timestamp_ms,price,quantity\n1583971200000,5,1\n"),
        ("funding.csv", "timestamp_ms,funding_rate\n1583971200000,0.0001\n"),
    ):
        (tmp_path / name).write_text(text)
        result = run("data", "check", tmp_path / name)
        assert (result.exit_code, result.stderr) == (0, "")
        assert "1 rows" in result.stdout


def test_the_documented_fetch_works(venue: LoopbackExchange, tmp_path: Path) -> None:
    """The commands of docs/feeds.md that need an exchange, one after the other, against the one on the loopback."""
    page = (ROOT / "docs/feeds.md").read_text(encoding="utf-8")
    commands = [
        line.split() for block in re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S) for line in block.splitlines()
    ]
    assert [command[:3] for command in commands] == [["gxrisk", "data", "fetch"], ["gxrisk", "data", "check"]]
    for _, *words in commands:
        command = [sys.executable, "-m", "tests.feeds.exchange", str(venue.port), *words]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "every 1h: 48 rows" in done.stdout
