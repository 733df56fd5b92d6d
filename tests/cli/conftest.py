"""Journals that real gates wrote, and keys of real owners."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Decision, Gate, Limits, ManualClock, cli, order
from gxrisk.custody import create_owner_key, sign_withdrawal
from typer.testing import CliRunner, Result

START = "2020-03-12T00:00:00Z"
EVIL = "\x1b[2J[bold red]buy it[/]\u202e\x9b\nRecord 9 of demo: approved"
PASSPHRASE_VARIABLES = ("GXRISK_PASSPHRASE", "GXRISK_PASSPHRASE_FILE")

# The process that edits a journal must not be this one: two SQLite libraries in one process break each other's locks.
EDIT = """
import sqlite3, sys
path, statement = sys.argv[1:]
connection = sqlite3.connect(path)
connection.create_function("flipped", 2, lambda data, at: bytes(
    byte ^ (1 if index == at % len(data) else 0) for index, byte in enumerate(data)))
assert connection.execute(statement).rowcount > 0
connection.commit()
connection.close()
"""


@dataclass(frozen=True)
class Written:
    """A journal, and where in it what lies."""

    file: Path
    records: list[dict[str, Any]]

    def first(self, kind: str, outcome: str | None = None) -> int:
        """The sequence of the first record of a kind and an outcome."""
        rows = (row for row in self.records if row["kind"] == kind and outcome in (None, row.get("outcome")))
        return int(next(rows)["sequence"])

    def edit(self, statement: str) -> None:
        """Change the file behind the gate's back; `flipped(column, at)` has one bit of that byte turned."""
        subprocess.run([sys.executable, "-c", EDIT, str(self.file), statement], check=True)


@pytest.fixture(autouse=True)
def _no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PASSPHRASE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run `gxrisk` with arguments, in this process, without a terminal."""
    return lambda *args: CliRunner().invoke(cli.app, [str(arg) for arg in args])


@pytest.fixture(scope="session")
def passphrase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a passphrase, for its owner alone."""
    file = tmp_path_factory.mktemp("passphrase") / "passphrase"
    file.touch(mode=0o600)
    file.write_text("correct horse battery staple\n")
    return file


@pytest.fixture(scope="session")
def owner(tmp_path_factory: pytest.TempPathFactory, passphrase: Path) -> Path:
    """The key file of an owner."""
    file = tmp_path_factory.mktemp("owner") / "owner.key"
    create_owner_key(file, "ann", passphrase_file=passphrase)
    return file


@pytest.fixture(scope="session")
def _sealed(tmp_path_factory: pytest.TempPathFactory, passphrase: Path, owner: Path) -> Written:
    folder = tmp_path_factory.mktemp("journal")
    return write_journal(folder / "demo.gxr", passphrase, create_owner_key_of(owner))


@pytest.fixture
def journal(_sealed: Written, tmp_path: Path) -> Written:
    """A journal of one of everything, in a folder of its own."""
    folder = tmp_path / "journal"
    shutil.copytree(_sealed.file.parent, folder)
    return Written(folder / _sealed.file.name, _sealed.records)


@pytest.fixture
def unsealed(tmp_path: Path) -> Path:
    """A short journal of a vault whose keys nobody sealed."""
    file = tmp_path / "unsealed.gxr"
    with Gate("plain", Limits.for_tier("growth"), clock=ManualClock(START), journal=file) as gate:
        gate.deposit(10_000)
    return file


def create_owner_key_of(owner: Path) -> bytes:
    """The public half of a key file."""
    from gxrisk.custody import owner_public_key

    return owner_public_key(owner)


def write_journal(file: Path, passphrase: Path, owner_key: bytes) -> Written:
    """A day of a vault: approved, redeemed, filled, cancelled, failed, expired, rejected, held, tripped, killed."""
    clock = ManualClock(START)
    limits = Limits.for_tier("growth")
    with Gate("demo", limits, clock=clock, journal=file, owner_key=owner_key, passphrase_file=passphrase) as gate:
        gate.deposit(10_000)
        gate.set_lot_steps({"BTC": "0.001"})
        gate.set_correlation_groups({"majors": ["BTC", "ETH"]})
        gate.mark("BTC", 8_000, atr=50)
        small = order("BTC", "buy", "0.1", confidence=0.8, reasoning="breakout", stop_loss=7_900, leverage=2)
        agent = gate.agent()

        def approved(idea: Any) -> Decision:
            decision = agent.authorize(idea)
            assert decision.approval is not None, decision
            return decision

        bought = approved(small.replace(client_order_id="[red]first", take_profit=9_000))
        gate.redeem(bought.approval)
        gate.order_accepted(bought.order_id)
        gate.apply_fill(bought.order_id, "f-1", "0.1", "8001.5", fee="0.4")
        agent.authorize(small.replace(quantity=2, leverage=9, reasoning=EVIL, client_order_id="greedy"))
        agent.authorize(small.replace(confidence="0.1"))
        agent.hold(0.9, "waits\x07 for the range")
        gate.authorize(order("BTC", "sell", "0.1", price=7_990, confidence=1, reasoning="out", reduce_only=True), origin="owner")
        gate.order_cancelled(gate.events()[-1].get("order_id") or "")
        failing = approved(small)
        gate.redeem(failing.approval)
        gate.order_failed(failing.order_id, "venue says \x1b]0;no\x07 " + "x" * 100)
        approved(small)
        clock.advance(6)
        gate.mark("BTC", 8_001)
        gate.funding("BTC", "-1.5")
        gate.set_volatility("0.31")
        gate.set_volatility("0.1")
        gate.pause()
        gate.resume()
        gate.set_risk_scale("0.5")
        gate.set_limits(limits.replace(max_leverage=4))
        gate.kill("owner says \x1b[31mstop")
        gate.reactivate()
        gate.apply_fill("ours", "f-9", "0.1", "8000", asset="BTC", side="sell")
        gate.resume()
        until = "2020-03-12T01:00:00Z"
        destination = "account-1"
        owner = file.parent.parent / "unused"
        assert not owner.exists()
        del until, destination
        records = gate.events()
    return Written(file, records)
