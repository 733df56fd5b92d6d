"""The examples run as they are."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_hello_gate_approves_one_and_refuses_one_with_reasons() -> None:
    done = subprocess.run(
        [sys.executable, "examples/hello_gate.py"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "buy 0.3 BTC: approved" in done.stdout
    assert "buy 3 BTC: rejected" in done.stdout
    assert "  leverage: " in done.stdout
    assert "  position_size: " in done.stdout


def test_the_custom_model_replays(write: Callable[..., Path], tmp_path: Path) -> None:
    prices = [100 + (n % 40) + n / 20 for n in range(400)]
    rows = [f"{1_583_971_200_000 + n * 60_000},{p:.2f},{p + 1:.2f},{p - 1:.2f},{p:.2f},1" for n, p in enumerate(prices)]
    out = tmp_path / "out.json"
    args = ["replay", "--data", str(write(*rows)), "--model", "examples.custom_model:Breakout", "--json", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "gxrisk.cli", *args],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "GXRISK_DATA_DIR"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(out.read_text())
    assert data["model"] == "examples.custom_model:Breakout"
    assert data["ungated"]["fills"] > 0


RECORDED = "btcusd-1m-2017-12-18_2017-12-26-bitfinex.csv.gz"
RECONSTRUCTED = "reconstruction of BTC, 12 and 13 March 2020"
PAPER = [
    # example, whether on recorded candles, what it says of itself, whether it loses five times in a row
    ("momentum", True, f"{RECORDED}, gxrisk.agent.momentum:Momentum, on paper", True),
    ("ensemble", True, f"{RECORDED}, examples.ensemble:make, on paper", False),
    ("momentum", False, f"{RECONSTRUCTED}, gxrisk.agent.momentum:Momentum, on paper", True),
    ("ensemble", False, f"{RECONSTRUCTED}, examples.ensemble:make, on paper", True),
]


@pytest.mark.parametrize(("example", "is_recorded", "said", "loses"), PAPER)
def test_models_trade_on_paper_through_vault_and_gate(
    example: str, is_recorded: bool, said: str, loses: bool, request: pytest.FixtureRequest
) -> None:
    env = {name: value for name, value in os.environ.items() if name != "GXRISK_DATA_DIR"}
    if is_recorded:
        env["GXRISK_DATA_DIR"] = str(request.getfixturevalue("data_dir"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", f"examples.{example}"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *_, first, orders, _, breakers, round_trips, equity = done.stdout.splitlines()
    assert first == said
    approved = re.search(r"'approved': (\d+)", orders)
    assert approved is not None
    assert int(approved[1]) > 10, orders
    assert ("consecutive_losses" in breakers) == loses
    assert re.fullmatch(r"round trips: \d{2,}, won: \d+", round_trips)
    assert re.fullmatch(r"equity: \d+\.\d\d of 100000, drawdown [\d.]+%, state \w+", equity)
