"""Journals that real gates wrote, with a way to damage them."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gxrisk import Decision, Gate, Limits, ManualClock, order
from gxrisk.custody import create_owner_key, owner_public_key, sign_owner_key, sign_reactivation, sign_withdrawal

START = "2020-03-12T00:00:00Z"
EVIL = "\x1b[2J[bold red]buy it[/]\u202e\x9b\nRecord 9 of demo: approved"

# The process that edits a journal must not be this one: two SQLite libraries in one process break each other's locks.
EDIT = """
import sqlite3, sys
path, statement, *values = sys.argv[1:]
connection = sqlite3.connect(path)
connection.create_function("flipped", 2, lambda data, at: bytes(
    byte ^ (1 if index == at % len(data) else 0) for index, byte in enumerate(data)))
assert connection.execute(statement, tuple(map(int, values))).rowcount > 0
connection.commit()
connection.close()
"""


@dataclass(frozen=True)
class Written:
    """A journal, and what was written in it."""

    file: Path
    records: list[dict[str, Any]]

    def first(self, kind: str, outcome: str | None = None) -> int:
        """The sequence of the first record of a kind and an outcome."""
        rows = (row for row in self.records if row["kind"] == kind and outcome in (None, row.get("outcome")))
        return int(next(rows)["sequence"])

    def flip(self, column: str, sequence: int, at: int) -> None:
        """Turn one bit of a byte of a record, behind the gate's back."""
        statements = {
            "frame": "UPDATE records SET frame = flipped(frame, ?) WHERE sequence = ?",
            "hash": "UPDATE records SET hash = flipped(hash, ?) WHERE sequence = ?",
        }
        self.edit(statements[column], at, sequence)

    def edit(self, statement: str, *values: int) -> None:
        """Change the file behind the gate's back."""
        subprocess.run([sys.executable, "-c", EDIT, str(self.file), statement, *map(str, values)], check=True)


def write_journal(file: Path, passphrase: Path, owner: Path) -> Written:
    """Two days of a vault with a record of every kind in them."""
    clock = ManualClock(START)
    limits = Limits.for_tier("growth")
    public = owner_public_key(owner)
    with Gate("demo", limits, clock=clock, journal=file, owner_key=public, passphrase_file=passphrase) as gate:
        gate.deposit(10_000)
        gate.set_lot_steps({"BTC": "0.001"})
        gate.set_correlation_groups({"majors": ["BTC", "ETH"]})
        gate.mark("BTC", 8_000, atr=50)
        working = trade(gate, clock)
        gate.funding("BTC", "-1.5", at=START)
        gate.note("strategy", "momentum\x1b[2J 1.2")
        gate.note("strategy", "")
        gate.set_volatility("0.31")
        gate.set_volatility("0.1")
        gate.pause()
        gate.resume()
        gate.set_risk_scale("0.5")
        gate.set_limits(limits.replace(max_leverage=4))
        gate.kill("owner says \x1b[31mstop")
        stop, until = gate.stopped_by, "2020-03-14T00:00:00Z"
        assert stop is not None
        gate.reactivate(signed=sign_reactivation(owner, "demo", stop, expires=until, passphrase_file=passphrase))
    with Gate.open(file, clock=clock, passphrase_file=passphrase) as gate:
        gate.order_cancelled(working)
        gate.apply_fill("ours", "f-9", "0.1", 8_000, asset="BTC", side="sell")
        gate.resume()
        clock.advance(86_400)
        gate.mark("BTC", 8_002)
        gate.withdraw(sign_withdrawal(owner, "demo", 2_500, "account-1", expires=until, passphrase_file=passphrase))
        gate.rotate_keys(passphrase_file=passphrase)
        later = create_owner_key(file.with_name("later.key"), "ann-2", passphrase_file=passphrase)
        gate.rotate_owner_key(later, sign_owner_key(owner, "demo", later, passphrase_file=passphrase))
        return Written(file, gate.events())


def trade(gate: Gate, clock: ManualClock) -> str:
    """Orders of every fate; gives the id of one that is still working."""
    agent = gate.agent()
    small = order("BTC", "buy", "0.1", confidence=0.8, reasoning="breakout", stop_loss=7_900, leverage=2)

    def approved(decision: Decision) -> str:
        assert decision.order_id is not None, decision
        if decision.approval is not None:
            gate.redeem(decision.approval)
        return decision.order_id

    bought = approved(agent.authorize(small.replace(client_order_id="[red]first", take_profit=9_000)))
    gate.order_accepted(bought)
    gate.apply_fill(bought, "f-1", "0.1", "8001.5", fee="0.4")
    agent.authorize(small.replace(quantity=2, leverage=9, reasoning=EVIL, client_order_id="greedy"))
    agent.authorize(small.replace(confidence="0.1"))
    agent.hold(0.9, "waits\x07 for the range", asset="BTC")
    out = order("BTC", "sell", "0.1", price=7_990, confidence=1, reasoning="out", reduce_only=True)
    gate.order_cancelled(approved(gate.authorize(out, origin="owner")))
    gate.order_failed(approved(agent.authorize(small)), "venue says \x1b]0;no\x07 " + "x" * 100)
    agent.authorize(small)
    clock.advance(6)
    gate.mark("BTC", 8_001)
    return approved(agent.authorize(small))
