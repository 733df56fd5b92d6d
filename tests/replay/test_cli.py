"""The commands: what they print, what they write, how they fail."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import RULES, TIERS, JournalReader
from gxrisk import cli as gxrisk_cli
from gxrisk.cli import commands
from gxrisk.cli.sources import CRASH_FILES
from typer.testing import CliRunner, Result

ROWS = [f"{1_583_971_200_000 + n * 60_000},{100 + n % 7},{108},{99},{100 + (n + 1) % 7},1" for n in range(300)]


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GXRISK_DATA_DIR", raising=False)


def run(*args: object) -> Result:
    return CliRunner().invoke(gxrisk_cli.app, [str(arg) for arg in args])


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "GXRISK_DATA_DIR"} | more


def test_the_demo_says_what_it_is_and_who_earned_more() -> None:
    result = run("demo")
    assert result.exit_code == 0, result.output
    words = " ".join(result.stdout.split())
    assert "RECONSTRUCTION, not a record" in words
    assert "5 bp slippage and 4 bp fee" in words
    assert "gxrisk.agent.momentum:Momentum" in words
    assert re.search(r"Without a gate the model (earned|lost) [\d,.]+", words)
    for tier in TIERS:
        assert re.search(rf"In {tier} the gate (saved|cost|changed)", words)
    for label in ("return", "max drawdown", "round trips", "holds", "rejected", "breaker trips", "no gate"):
        assert label in words


def test_the_demo_fits_in_100_columns_and_wraps_no_number() -> None:
    result = run("demo")
    assert max(len(line) for line in result.stdout.splitlines()) <= 100
    assert "\x1b" not in result.stdout
    assert "…" not in result.stdout
    table = [line for line in result.stdout.splitlines() if line.startswith(("earned", "fees paid"))]
    assert len(table) == 2
    for line in table:
        assert len(re.findall(r"-?[\d,]+\.\d\d", line)) == len(TIERS) + 1


def test_the_verdict_says_so_when_the_gate_cost_money(tmp_path: Path) -> None:
    """Some random paths end well without a gate, some do not; the words follow the numbers."""
    for seed in range(3):
        result = run("demo", "--seed", seed, "--json", tmp_path / "out.json")
        data = json.loads((tmp_path / "out.json").read_text())
        words = " ".join(result.stdout.split())
        for vault in data["vaults"]:
            saved = Decimal(vault["saved"])
            verb = "saved" if saved > 0 else "cost" if saved < 0 else "changed nothing"
            assert f"In {vault['name']} the gate {verb}" in words
            assert saved == Decimal(vault["equity"]) - Decimal(data["ungated"]["equity"])


def check_vault(vault: dict[str, Any], gated: bool) -> None:
    money = ("deposit", "equity", "return", "max_drawdown", "fees", *(("saved", "saved_fraction") if gated else ()))
    counts = ("fills", "stops", "round_trips", "winners", "proposals", "approved", "rejected", "resized", "holds")
    others = ("held", "cancelled")
    rest = {"name", "rejections", "trips", "liquidated", "limits"}
    assert set(vault) == {*money, *counts, *others, *rest}
    for name in money:
        assert re.fullmatch(r"-?\d+(\.\d+)?", vault[name]), name
    for name in (*counts, *others):
        assert isinstance(vault[name], int)
        assert vault[name] >= 0
    assert set(vault["rejections"]) <= set(RULES)
    assert all(count > 0 for count in vault["rejections"].values())
    for trip in vault["trips"]:
        assert set(trip) == {"breaker", "since", "ended", "cause"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", trip["since"])
        assert trip["ended"] is None or trip["ended"] >= trip["since"]
        assert trip["cause"]
    assert gated == (vault["limits"] is not None)


def test_the_json_has_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    assert run("demo", "--json", file, "--no-progress").exit_code == 0
    data = json.loads(file.read_text())
    assert data["schema"] == "gxrisk.replay/1"
    assert set(data) == {
        "schema", "model", "sources", "reconstruction", "assets", "candles", "start", "end", "interval_s", "bar_s",
        "slippage_bp", "fee_bp", "correlated", "vaults", "ungated",
    }  # fmt: skip
    assert data["reconstruction"] is True
    assert (data["interval_s"], data["bar_s"], data["slippage_bp"], data["fee_bp"]) == (60, 900, "5", "4")
    assert [vault["name"] for vault in data["vaults"]] == list(TIERS)
    for vault in data["vaults"]:
        check_vault(vault, gated=True)
    check_vault(data["ungated"], gated=False)


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert run("demo", "--seed", 7, "--json", one).stdout == run("demo", "--seed", 7, "--json", two).stdout
    assert one.read_bytes() == two.read_bytes()
    assert run("demo", "--seed", 8, "--json", two).exit_code == 0
    assert one.read_bytes() != two.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.json", "two.json"]


def test_the_demo_keeps_a_vaults_papers_where_it_is_told_to(tmp_path: Path) -> None:
    out = tmp_path / "life"
    done = run("demo", "--out", out)
    assert done.exit_code == 0
    for said in ("paid in: 100000", "oracle_failure tripped", "paid out: ", "it has not graduated", str(out)):
        assert said in done.stdout
    assert (out / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((out / "report.json").read_text())["schema"] == "gxrisk.report/1"
    assert JournalReader(out / "ann" / "journal.gxr").verify()["decisions"] > 0
    again = run("demo", "--out", out)
    assert again.exit_code == 1
    assert "is not an empty folder" in again.stderr


def test_the_demo_uses_the_recorded_crash_where_there_is_one(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "crash.json"
    done = subprocess.run(
        [sys.executable, "-m", "gxrisk.cli", "demo", "--json", str(file)],
        env=environment(GXRISK_DATA_DIR=str(data_dir)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Recorded candles from GXRISK_DATA_DIR: the crash of 22 December 2017." in done.stdout
    assert "RECONSTRUCTION" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 100
    assert "\x1b" not in done.stdout
    data = json.loads(file.read_text())
    assert data["assets"] == ["BTCUSD", "ETHUSD", "LTCUSD", "XRPUSD"]
    assert data["candles"] == 46_075
    assert data["reconstruction"] is False
    for vault in data["vaults"]:
        check_vault(vault, gated=True)
        halts = [trip for trip in vault["trips"] if trip["breaker"] == "price_move"]
        assert any(trip["since"].startswith("2017-12-22T07:") for trip in halts)


def test_replay_takes_files_in_a_row_assets_a_model_and_a_tier(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_shop.py").write_text(
        "from gxrisk.agent import Hold, Open\n"
        "class Buyer:\n"
        "    def decide(self, view):\n"
        "        if view.atr is None or view.portfolio.quantity(view.asset):\n"
        "            return Hold(1.0, 'waits')\n"
        "        price = float(view.candles[-1].close)\n"
        "        return Open('buy', 5, 0.9, 'buys', stop_loss=price - 2 * view.atr)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    one, two = write(*ROWS, name="one.csv"), write(*ROWS, name="two.csv")
    out = tmp_path / "out.json"
    result = run(
        "replay", "--data", one, two, "--asset", "BTC", "ETH", "--tier", "capital_guard", "--model", "my_shop:Buyer",
        "--deposit", "10000", "--slippage-bp", "0", "--fee-bp", "2.5", "--json", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    data = json.loads(out.read_text())
    assert data["assets"] == ["BTC", "ETH"]
    assert (data["slippage_bp"], data["fee_bp"], data["bar_s"]) == ("0", "2.5", 60)
    assert [vault["name"] for vault in data["vaults"]] == ["capital_guard"]
    assert data["ungated"]["deposit"] == "10000"
    assert data["ungated"]["fills"] >= 2
    assert max(len(line) for line in result.stdout.splitlines()) <= 100


def test_replay_takes_limits_from_a_file(write: Callable[..., Path], tmp_path: Path) -> None:
    limits = tmp_path / "careful.toml"
    limits.write_text('tier = "growth"\nmax_daily_trades = 3\n')
    result = run("replay", "--data", write(*ROWS), "--limits", limits, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    vault = json.loads((tmp_path / "out.json").read_text())["vaults"][0]
    assert (vault["name"], vault["limits"]["max_daily_trades"]) == ("careful", "3")
    limits.write_text('tier = "growth"\nmax_dayly_trades = 3\n')
    refused = run("replay", "--data", write(*ROWS), "--limits", limits)
    assert refused.exit_code == 1
    assert "max_dayly_trades" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_coarse_candles_need_the_flag_and_the_screen_says_it_was_set(write: Callable[..., Path]) -> None:
    rows = [f"{1_583_971_200_000 + n * 300_000},100,101,99,100,1" for n in range(50)]
    file = write(*rows, name="btc-5m.csv")
    refused = run("replay", "--data", file)
    assert refused.exit_code == 1
    assert "--mark-age-s-max 300" in refused.stderr
    allowed = run("replay", "--data", file, "--mark-age-s-max", 300)
    assert allowed.exit_code == 0, allowed.output
    words = " ".join(allowed.stdout.split())
    assert "mark_age_s_max is set to 300 s (it was 60 s)" in words
    assert "price_move" not in words
    hours = run("replay", "--data", file, "--interval", "1h", "--mark-age-s-max", 3600)
    assert hours.exit_code == 1  # the rows are nearer than an hour
    rows = [f"{1_583_971_200_000 + n * 3_600_000},100,101,99,100,1" for n in range(50)]
    words = " ".join(run("replay", "--data", write(*rows, name="btc-1h.csv"), "--mark-age-s-max", 3600).stdout.split())
    assert "too coarse for price_move" in words


# (what, the arguments after `replay --data FILE`, exit code, part of the message)
FAILURES = [
    ("tier unknown", ["--tier", "yolo"], 2, "yolo"),
    ("tier and limits", ["--tier", "growth", "--limits", "x.toml"], 2, "not both"),
    ("no number", ["--fee-bp", "much"], 2, "much"),
    ("not finite", ["--deposit", "nan"], 2, "nan"),
    ("unknown option", ["--leverage", "9"], 2, "leverage"),
    ("age out of range", ["--mark-age-s-max", "0"], 2, "mark-age-s-max"),
    ("fee absurd", ["--fee-bp", "5000"], 1, "0 to 1000 basis points"),
    ("no deposit", ["--deposit", "0"], 1, "deposit"),
    ("assets do not match", ["--asset", "A", "B"], 1, "2 times for 1 files"),
    ("interval unclear", ["--interval", "soon"], 1, "'soon'"),
    ("bars too odd", ["--interval", "7m", "--bar-minutes", "15", "--mark-age-s-max", "420"], 1, "multiple"),
    ("model without a name", ["--model", "nonsense"], 1, "no MODULE:NAME"),
    ("model not there", ["--model", "no_such_shop:Buyer"], 1, "no module"),
    ("no folder", ["--json", "/no/such/folder/out.json"], 1, "no folder"),
    ("a folder", ["--json", "/"], 1, "is a folder"),
]


@pytest.mark.parametrize(("args", "code", "part"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_a_failure_has_its_exit_code_and_no_traceback(
    write: Callable[..., Path], args: list[str], code: int, part: str
) -> None:
    rows = [f"{1_583_971_200_000 + n * 420_000},100,101,99,100,1" for n in range(50)] if "7m" in args else ROWS
    result = run("replay", "--data", write(*rows), *args)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.stderr
    assert part in " ".join(result.stderr.replace("│", " ").split())
    if code == 1:
        assert len(result.stderr.splitlines()) == 1
        assert result.stdout == ""


def test_a_bad_file_is_one_line_with_line_and_column(write: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    file = write(*ROWS[:5], "1583971500000,100,101,0,100,1")
    result = run("replay", "--data", file, "--json", out)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"gxrisk: {file}: line 7, column low: '0' was seen")
    assert len(result.stderr.splitlines()) == 1
    assert not out.exists()


def test_a_data_folder_without_the_crash_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GXRISK_DATA_DIR", str(tmp_path))
    result = run("demo")
    assert result.exit_code == 1
    for name in CRASH_FILES:
        assert name in result.stderr
    monkeypatch.setenv("GXRISK_DATA_DIR", str(tmp_path / "nowhere"))
    assert "no folder" in run("demo").stderr


def test_a_seed_without_a_reconstruction_is_an_error(write: Callable[..., Path]) -> None:
    result = run("demo", "--data", write(*ROWS), "--seed", 1)
    assert result.exit_code == 1
    assert "--seed belongs to the reconstruction" in result.stderr


def test_a_model_that_breaks_is_one_line(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def decide(self, view: object) -> None:
            raise RuntimeError("one\ntwo")

    monkeypatch.setattr(commands, "load_model", lambda name: Broken)
    result = run("replay", "--data", write(*ROWS))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "gxrisk: the model raised RuntimeError: one two (growth, BTC, 2020-03-12 00:01 UTC)"
    ]


def test_an_interrupt_leaves_130_and_no_file(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        def decide(self, view: object) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(commands, "load_model", lambda name: Interrupted)
    result = run("replay", "--data", write(*ROWS), "--json", tmp_path / "out.json")
    assert result.exit_code == 130
    assert result.stderr == "gxrisk: interrupted\n"
    assert not (tmp_path / "out.json").exists()


def test_ctrl_c_in_a_real_run(write: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "waiting_shop.py").write_text(
        "import signal, sys\n"
        "from gxrisk.agent import Hold\n"
        "class Waiting:\n"
        "    def decide(self, view):\n"
        "        print('ready', flush=True)\n"
        "        signal.pause()\n"
        "        return Hold(1.0, 'woken')\n"
    )
    args = ["replay", "--data", str(write(*ROWS)), "--model", "waiting_shop:Waiting", "--json", "out.json"]
    with subprocess.Popen(
        [sys.executable, "-m", "gxrisk.cli", *args],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        guard = threading.Timer(60, process.kill)
        guard.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        guard.cancel()
    assert process.returncode == 130
    assert errors == "gxrisk: interrupted\n"
    assert not (tmp_path / "out.json").exists()


def test_help_and_version() -> None:
    for args in (["--help"], ["demo", "--help"], ["replay", "--help"]):
        result = run(*args)
        assert result.exit_code == 0
        assert "Usage" in result.stdout
    assert run("version").stdout == run("--version").stdout
    assert re.fullmatch(r"gxrisk \d+\.\d+\.\d+\S*\n", run("version").stdout)
    assert run().exit_code == 2
