"""The examples run as they are."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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
