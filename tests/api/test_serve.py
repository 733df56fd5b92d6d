"""`gxrisk serve` as it runs: a process of its own on a free port, stopped in order, killed, started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gxrisk import JournalReader
from gxrisk.config import load
from gxrisk.server.database import open_database
from gxrisk.server.desk import keyring

from .desk import ORDER, STRATEGY, market

LISTENING = re.compile(r"gxrisk: listening on (http://\S+)")
WITHIN_S = 60


@dataclass
class Running:
    """A server, where it listens, and what it has said so far."""

    process: subprocess.Popen[str]
    url: str

    def call(self, method: str, path: str, key: str, body: Any = None, name: str = "") -> httpx.Response:
        """Call an operation; `name` is the request's idempotency key."""
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": name or f"{method} {path} {time.time_ns()}"}
        return httpx.request(method, self.url + path, json=body, headers=headers, timeout=WITHIN_S)

    def stopped(self, signal_: signal.Signals) -> tuple[int, str]:
        """Stop it; its exit code, and what it said since it listened."""
        self.process.send_signal(signal_)
        _, said = self.process.communicate(timeout=WITHIN_S)
        return self.process.returncode, said


def environment() -> dict[str, str]:
    """Without any setting."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GXRISK_")}


def gxrisk(*arguments: str | Path) -> list[str]:
    """The command, as this Python has it."""
    return [sys.executable, "-m", "gxrisk.cli", *map(str, arguments)]


@contextmanager
def running(file: Path) -> Iterator[Running]:
    """A server on a free port; it is ended in any case."""
    process = subprocess.Popen(gxrisk("serve", file), env=environment(), stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if found := LISTENING.match(line):
                yield Running(process, found[1])
                break
        else:
            pytest.fail(f"it never listened: {''.join(said)}")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration on any free port, with candles of one second."""
    written = tmp_path / "gxrisk.toml"
    written.write_text(f'folder = "{tmp_path / "data"}"\n[http]\nport = 0\n[feed]\nbar_s = 1\n')
    return written


def keys_of(file: Path) -> dict[str, str]:
    """Keys, made beside the server as the command does."""
    settings = load(file, environ={})
    settings.folder.mkdir(exist_ok=True)
    engine = open_database(settings.database)
    keys = keyring(settings, engine)
    try:
        return {
            "operate": keys.create("the operator", "operate")[1],
            "feed": keys.create("the feed", "feed")[1],
            "propose": keys.create("the agent", "propose", ["ann"])[1],
        }
    finally:
        engine.dispose()


def test_from_nothing_to_orders_and_through_a_kill(file: Path) -> None:
    """What was acknowledged before kill -9 is there after it, and the same request is the same order."""
    keys = keys_of(file)
    vault = {"vault_id": "ann", "tier": "growth", "strategy": STRATEGY, "bar_s": 1}
    with running(file) as one:
        assert httpx.get(f"{one.url}/readyz").json() == {"status": "ready"}
        assert one.call("POST", "/v1/vaults", keys["operate"], vault).status_code == 201
        fund = {"transfer_id": "first", "amount": "10000"}
        assert one.call("POST", "/v1/vaults/ann/fund", keys["operate"], fund, "fund-1").status_code == 200
        assert one.call("POST", "/v1/marks", keys["feed"], market(int(time.time()))).status_code == 200
        before = one.call("POST", "/v1/vaults/ann/orders", keys["propose"], ORDER, "order-1")
        assert before.json()["outcome"] == "approved", before.text
        one.process.kill()
        one.process.wait()
    with running(file) as one:
        again = one.call("POST", "/v1/vaults/ann/orders", keys["propose"], ORDER, "order-1")
        assert (again.json(), again.headers["Idempotency-Replayed"]) == (before.json(), "true")
        funded = one.call("POST", "/v1/vaults/ann/fund", keys["operate"], fund, "another name")
        assert funded.json()["collateral"] == "10000"
        working = one.call("GET", "/v1/vaults/ann/positions", keys["propose"]).json()["working"]
        assert [order["order_id"] for order in working] == [before.json()["order_id"]]
        code, said = one.stopped(signal.SIGTERM)
    assert (code, said.splitlines()[-1]) == (0, "gxrisk: stopped"), said
    journal = JournalReader(file.parent / "data" / "vaults" / "ann" / "journal.gxr")
    decisions = [one for one in journal.events() if one["kind"] == "decision"]
    assert [one["sequence"] for one in decisions] == [before.json()["sequence"]]
    assert journal.verify()["approvals"] == 1


def test_two_servers_do_not_share_a_folder(file: Path) -> None:
    """The second one says so in one line, and the first goes on."""
    with running(file) as one:
        second = subprocess.run(gxrisk("serve", file), env=environment(), capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert "another server works here" in second.stderr
        assert "Traceback" not in second.stderr
        assert httpx.get(f"{one.url}/livez").status_code == 200
        assert one.stopped(signal.SIGINT)[0] == 0


def test_real_money_needs_two_words(file: Path) -> None:
    """The configuration's and the command's; either alone is refused."""
    for settings, flags, said in (
        ("", ["--live"], "mode is paper"),
        ('mode = "live"\nlive_venue = "tests.no:Venue"\n', [], "gxrisk serve --live"),
    ):
        file.write_text(settings)
        refused = subprocess.run(
            gxrisk("serve", file, *flags), env=environment(), capture_output=True, text=True, check=False
        )
        assert refused.returncode == 1
        assert said in refused.stderr
