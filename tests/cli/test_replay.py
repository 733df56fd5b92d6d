"""`JournalReader.replay` and `gxrisk audit replay`: the vault as it was after any record."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Gate, JournalError, JournalReader, Limits, ManualClock, order
from gxrisk.cli import app
from typer.testing import CliRunner

START = "2020-03-12T00:00:00Z"


@pytest.fixture
def journal(tmp_path: Path) -> tuple[Path, dict[int, Any]]:
    """A journal, and what its gate showed after each step, by the record then reached."""
    path = tmp_path / "alpha.gxr"
    seen: dict[int, Any] = {}
    clock = ManualClock(START)
    with Gate("alpha", Limits.for_tier("growth"), clock=clock, journal=path) as gate:

        def look() -> None:
            seen[gate.sequence] = gate.snapshot()

        gate.deposit(10_000)
        look()
        gate.mark("BTC", 100, atr=1)
        decision = gate.authorize(order("BTC", "buy", 3, confidence=1, reasoning="a test", stop_loss=98))
        look()
        assert decision.approval is not None
        gate.redeem(decision.approval)
        gate.order_accepted(decision.order_id or "")
        look()
        gate.apply_fill(decision.order_id or "", "f1", 2, 101, "0.5")
        look()
        gate.pause()
        look()
    return path, seen


def test_each_state_is_the_one_that_was(journal: tuple[Path, dict[int, Any]]) -> None:
    path, seen = journal
    reader = JournalReader(path)
    states = set()
    for sequence, snapshot in seen.items():
        found = reader.replay(sequence)
        assert (found["sequence"], found["snapshot"]) == (sequence, snapshot)
        states.add(found["state"])
    assert len(states) == len(seen)
    assert reader.replay()["state"] == reader.verify()["state"]
    assert reader.replay(3)["state"] == JournalReader(path).replay(3)["state"]


def test_what_is_not_there_is_said(journal: tuple[Path, dict[int, Any]]) -> None:
    path, _ = journal
    last = JournalReader(path).replay()["sequence"]
    with pytest.raises(JournalError, match=f"no record {last + 1}; the last one is {last}"):
        JournalReader(path).replay(last + 1)
    done = CliRunner().invoke(app, ["audit", "replay", str(path), str(last + 1)])
    assert done.exit_code == 1
    assert f"the last one is {last}" in done.stderr


def test_the_command_shows_it(journal: tuple[Path, dict[int, Any]]) -> None:
    path, seen = journal
    sequence = list(seen)[3]
    done = CliRunner().invoke(app, ["audit", "replay", str(path), str(sequence)])
    assert done.exit_code == 0, done.output
    assert f"alpha after record {sequence}" in done.stdout
    assert "positions         BTC 2" in done.stdout
    assert JournalReader(path).replay(sequence)["state"] in done.stdout
    done = CliRunner().invoke(app, ["audit", "replay", str(path), str(sequence), "--json"])
    told = json.loads(done.stdout)
    assert Decimal(told["snapshot"]["positions"]["BTC"]) == 2
    assert told["snapshot"]["working"][0]["order"]["asset"] == "BTC"
    assert told["snapshot"]["time"] == START
