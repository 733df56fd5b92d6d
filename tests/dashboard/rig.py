"""A server and a dashboard as they run: processes of their own on free ports, a market, an agent, and their keys."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from gxrisk.config import load
from gxrisk.server.database import open_database
from gxrisk.server.desk import keyring

from tests.api.desk import STRATEGY, market

WITHIN_S = 60


@dataclass
class Rig:
    """Where both listen, and how to talk to the server as each of its people."""

    folder: Path
    keys: dict[str, str]
    url: str = ""
    port: int = 0
    pages: str = ""
    server: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The server's configuration."""
        return self.folder / "gxrisk.toml"

    def call(self, method: str, path: str, body: Any = None, *, key: str = "operate") -> Any:
        """Call an operation; what it answered."""
        headers = {"Authorization": f"Bearer {self.keys[key]}", "Idempotency-Key": uuid4().hex}
        answer = httpx.request(method, self.url + path, json=body, headers=headers, timeout=WITHIN_S)
        assert answer.is_success, answer.text
        return answer.json()

    def vault(self, vault_id: str, *, tier: str = "growth", amount: str = "100000", **more: Any) -> None:
        """A vault with money in it."""
        body = {"vault_id": vault_id, "tier": tier, "strategy": STRATEGY, "bar_s": 1, **more}
        self.call("POST", "/v1/vaults", body)
        self.call("POST", f"/v1/vaults/{vault_id}/fund", {"transfer_id": "first", "amount": amount})

    def market(self, price: str = "100", asset: str = "BTC") -> None:
        """Thirty seconds of a market, up to now."""
        self.call("POST", "/v1/marks", market(int(time.time()), price=price, asset=asset), key="feed")

    def trade(self, price: str, asset: str = "BTC") -> None:
        """One trade at the market now."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        trade = {"asset": asset, "at": at, "price": price, "quantity": "5000"}
        self.call("POST", "/v1/marks", {"trades": [trade]}, key="feed")

    def order(self, vault_id: str = "ann", **more: Any) -> Any:
        """An order of the agent; the decision."""
        order = {"asset": "BTC", "side": "buy", "quantity": "10", "confidence": "0.8"}
        order |= {"reasoning": "breakout above the range", "stop_loss": "98", **more}
        return self.call("POST", f"/v1/vaults/{vault_id}/orders", order, key=f"propose {vault_id}")

    def held(self, vault_id: str, asset: str = "BTC") -> None:
        """Let the market go on, each second told once, until the vault holds the asset."""
        told_s = int(time.time())
        end = time.monotonic() + WITHIN_S
        while asset not in [one["asset"] for one in self.call("GET", f"/v1/vaults/{vault_id}/positions")["positions"]]:
            assert time.monotonic() < end, f"{vault_id} holds no {asset}"
            if (now_s := int(time.time())) > told_s:
                self.call(
                    "POST", "/v1/marks", market(now_s, asset=asset, price="100", seconds=now_s - told_s), key="feed"
                )
                told_s = now_s

    def start(self) -> None:
        """Start the server: on a free port, and later on the same one again."""
        sections = ("[http]", f"port = {self.port}", "[feed]", "bar_s = 1", "[keys]", "requests_per_minute = 1000000")
        self.file.write_text("\n".join((f'folder = "{self.folder / "data"}"', *sections)))
        self.server, self.url = started("serve", self.file)
        self.port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """Kill the server."""
        assert self.server is not None
        self.server.kill()
        self.server.communicate()


def started(*arguments: str | Path) -> tuple[subprocess.Popen[str], str]:
    """A command of gxrisk that says where it listens."""
    command = [sys.executable, "-m", "gxrisk.cli", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GXRISK_")}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if ": listening on " in line:
            return process, line.rpartition(" ")[2].strip()
    process.kill()
    pytest.fail(f"it never listened: {''.join(said)}")


def keys_of(file: Path, vaults: list[str]) -> dict[str, str]:
    """A key of each scope, and one for the agent of each vault; an owner's is for all of them."""
    settings = load(file, environ={})
    settings.folder.mkdir(exist_ok=True)
    engine = open_database(settings.database)
    ring = keyring(settings, engine)
    try:
        keys = {scope: ring.create(f"the {scope} desk", scope)[1] for scope in ("read", "feed", "operate", "admin")}
        keys["own"] = ring.create("the owner", "own", vaults)[1]
        return keys | {f"propose {one}": ring.create(f"agent of {one}", "propose", [one])[1] for one in vaults}
    finally:
        engine.dispose()


@contextmanager
def rigged(folder: Path, vaults: list[str]) -> Iterator[Rig]:
    """Both, until the end."""
    rig = Rig(folder, {})
    rig.file.write_text(f'folder = "{folder / "data"}"\n')
    rig.keys = keys_of(rig.file, vaults)
    rig.start()
    dashboard = None
    try:
        dashboard, rig.pages = started("dashboard", "--url", rig.url, "--port", "0")
        yield rig
    finally:
        if dashboard is not None:
            dashboard.kill()
            _, said = dashboard.communicate()
            sys.stderr.write(said)
        rig.stop()
