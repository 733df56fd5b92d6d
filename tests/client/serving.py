"""`gxrisk serve` in a process of its own, on one port for all its lives: it is killed and started again under load."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from gxrisk import Client, JournalReader
from gxrisk.client import Operator
from gxrisk.config import load
from gxrisk.server.database import open_database
from gxrisk.server.desk import keyring

from tests.api.desk import STRATEGY, market
from tests.api.processes import WITHIN_S, environment, gxrisk

LISTENING = re.compile(r"gxrisk: listening on (http://\S+)")
SCOPES: dict[str, tuple[str, list[str] | None]] = {
    "operate": ("operate", None),
    "feed": ("feed", None),
    "read": ("read", None),
    "own": ("own", ["ann", "rich"]),
    "propose": ("propose", ["ann"]),
}
# What a test of the wire must not run into: they are limits of the vault, not of the client.
WIDE = {
    "orders_per_minute": 100_000,
    "order_burst": 100_000,
    "max_open_orders": 100_000,
    "max_daily_trades": 100_000,
    "failures_in_row_max": 1_000,
}


@dataclass
class Serving:
    """A server in a folder; `start` and `kill` as often as wanted."""

    folder: Path
    port: int = 0
    keys: dict[str, str] = field(default_factory=dict)
    scopes: dict[str, tuple[str, list[str] | None]] = field(default_factory=lambda: SCOPES)
    process: subprocess.Popen[str] | None = None
    _listening_to: Thread | None = None

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.file.write_text(
            f'folder = "{self.folder / "data"}"\n[http]\nport = {self.port}\n[feed]\nbar_s = 1\n'
            "[keys]\nrequests_per_minute = 10000000\n"
        )

    @property
    def file(self) -> Path:
        """Its configuration."""
        return self.folder / "gxrisk.toml"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        if not self.keys:
            self.keys = self._made_keys()
        process = subprocess.Popen(gxrisk("serve", self.file), env=environment(), stderr=subprocess.PIPE, text=True)
        self.process = process
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if LISTENING.match(line):
                self._listening_to = Thread(target=process.stderr.read)  # a pipe that nobody reads would stop it
                self._listening_to.start()
                return
        pytest.fail(f"it never listened: {''.join(said)}")

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self._listening_to is not None:
                self._listening_to.join()
            if self.process.stderr is not None:
                self.process.stderr.close()
            self.process = None

    def operator(self, scope: str = "operate") -> Operator:
        """The operator's client, or another scope's."""
        return Operator(self.url, self.keys[scope])

    def agent(self, **more: Any) -> Client:
        """The agent of `ann`."""
        return Client("ann", self.url, self.keys["propose"], **more)

    def made(self, vault_id: str = "ann", amount: int = 10_000) -> None:
        """A vault with money, a market, and wide limits."""
        with self.operator() as operator, self.operator("own") as owner:
            operator.create(vault_id, "growth", STRATEGY, bar_s=1)
            operator.fund(vault_id, "first", amount)
            _, etag = owner.limits(vault_id)
            owner.change_limits(vault_id, WIDE, etag)
        self.marks()

    def marks(self, price: str = "100") -> None:
        """Thirty seconds of a market, up to now."""
        with self.operator("feed") as feed:
            feed.push_marks(market(int(time.time()), price=price)["candles"])

    def decisions(self, vault_id: str = "ann") -> list[dict[str, Any]]:
        """Every decision on record, read from the journal itself."""
        journal = JournalReader(self.folder / "data" / "vaults" / vault_id / "journal.gxr")
        journal.verify()
        return [one for one in journal.events() if one["kind"] == "decision"]

    def _made_keys(self) -> dict[str, str]:
        settings = load(self.file, environ={})
        settings.folder.mkdir(exist_ok=True)
        engine = open_database(settings.database)
        keys = keyring(settings, engine)
        try:
            made: Any = keys.create
            return {name: made(f"the {name}", scope, vaults)[1] for name, (scope, vaults) in self.scopes.items()}
        finally:
            engine.dispose()


def until(is_so: Callable[[], object], what: str, within_s: float = WITHIN_S) -> None:
    """Wait for a state."""
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, f"{what}: not within {within_s} s"
