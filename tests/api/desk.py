"""A server in this process: its keys, its vaults, its market, and a client that names every change it asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient
from gxrisk.config import Config, FeedConfig, KeysConfig
from gxrisk.server.app import create_app
from gxrisk.server.desk import Desk
from gxrisk.server.keys import Scope
from httpx2 import Response

STRATEGY = {"name": "breakout", "version": "1", "content_hash": "ab" * 32}
VAULTS_OF: dict[Scope, list[str] | None] = {
    "read": ["ann"],
    "propose": ["ann"],
    "feed": None,
    "operate": None,
    "own": ["ann"],
    "admin": None,
}
ORDER = {
    "asset": "BTC",
    "side": "buy",
    "quantity": "0.1",
    "confidence": "0.8",
    "reasoning": "breakout above the range",
    "stop_loss": "98",
}


@dataclass
class Server:
    """The server, and a key of each scope; those of `read`, `propose` and `own` are for the vault `ann` alone."""

    client: TestClient
    keys: dict[str, str] = field(default_factory=dict)
    _run: str = field(default_factory=lambda: uuid4().hex)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def desk(self) -> Desk:
        """What the server owns."""
        desk: Desk = self.client.app.state.desk  # type: ignore[attr-defined]
        return desk

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = "operate", **headers: str
    ) -> Response:
        """Call an operation with the key of a scope (or a key's text, or none); changes get a name of their own."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["Authorization"] = f"Bearer {self.keys.get(key, key)}"
        if method not in ("GET", "HEAD"):
            sent.setdefault("Idempotency-Key", f"{self._run}-{next(self._numbers)}")
        more = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        if isinstance(body, bytes):
            sent.setdefault("Content-Type", "application/json")
        return self.client.request(method, path, headers=sent, **more)

    def made(self, vault_id: str = "ann", *, amount: str = "10000", **more: Any) -> None:
        """A vault with money in it."""
        body = {"vault_id": vault_id, "tier": "growth", "strategy": STRATEGY, "bar_s": 1, **more}
        answer = self.call("POST", "/v1/vaults", body)
        assert answer.status_code == 201, answer.text
        answer = self.call("POST", f"/v1/vaults/{vault_id}/fund", {"transfer_id": "first", "amount": amount})
        assert answer.status_code == 200, answer.text

    def marks(self, price: str = "100") -> Response:
        """Thirty seconds of a market, up to now."""
        return self.call("POST", "/v1/marks", market(int(time.time()), price=price), key="feed")

    def until(self, is_so: Callable[[], object], within_s: float = 30) -> None:
        """Let the market go on until something is so."""
        end = time.monotonic() + within_s
        while not is_so():
            assert time.monotonic() < end, f"not within {within_s} s"
            assert self.marks().status_code == 200

    def notes(self, vault_id: str, topic: str) -> list[str]:
        """The notes of a topic, as they lie in the journal."""
        events = self.desk.fleet.vaults[vault_id].gate.events()
        return [one["text"] for one in events if one["kind"] == "note" and one["topic"] == topic]


def now() -> str:
    """The time as RFC 3339."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def market(now_s: int, *, asset: str = "BTC", price: str = "100", seconds: int = 30) -> dict[str, Any]:
    """Candles of a second, of which the last ends now: a range of 1 around the price."""
    whole = int(price)
    candles = [
        {
            "asset": asset,
            "start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
            "open": str(whole + at % 2),
            "high": str(whole + 1),
            "low": str(whole),
            "close": str(whole + (at + 1) % 2),
            "volume": "1000",
        }
        for at in range(now_s - seconds, now_s)
    ]
    return {"candles": candles}


def config(folder: Path, **more: Any) -> Config:
    """A server's configuration in a folder, with candles of one second."""
    return Config(folder=folder / "data", feed=FeedConfig(bar_s=1), **more)


@contextmanager
def serving(settings: Config) -> Iterator[Server]:
    """It, until the end."""
    app = create_app(settings)
    with TestClient(app) as client:
        server = Server(client)
        for scope, vaults in VAULTS_OF.items():
            server.keys[scope] = server.desk.keyring.create(f"the {scope}", scope, vaults)[1]
        yield server


MANY = KeysConfig(requests_per_minute=1_000_000, failures_max=1_000, address_failures_max=100_000)
