"""A real `gxrisk serve` to be attacked, and how bytes are put before it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from gxrisk import JournalReader

from .desk import STRATEGY, market
from .processes import Running, keys_of, running

SETTINGS = """folder = "{folder}"
[http]
port = 0
headers_s = 1
body_s = 1
request_s = 5
body_bytes_max = 100000
headers_bytes_max = 8192
connections_max = {connections}
[feed]
bar_s = 1
[keys]
{keys}
"""
HOLD = {"confidence": "0.5", "reasoning": "nothing is sure"}


@dataclass
class Target:
    """A server with the vaults `ann` and `bob`, its keys, and how it stands."""

    server: Running
    keys: dict[str, str]
    folder: Path

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        parts = urlsplit(self.server.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def call(self, method: str, path: str, scope: str = "propose", body: Any = None, name: str = "") -> httpx.Response:
        """Call an operation as a client would."""
        return self.server.call(method, path, self.keys[scope], body, name)

    def records(self, vault_id: str = "ann") -> int:
        """The newest record's number; looking makes none unless time does."""
        return int(self.call("GET", f"/v1/vaults/{vault_id}", "operate").json()["sequence"])

    def told(self, vault_id: str = "ann") -> list[str]:
        """What a client made happen there."""
        journal = JournalReader(self.folder / "vaults" / vault_id / "journal.gxr")
        return [one["kind"] for one in journal.events() if one["kind"] in ("decision", "hold", "killed", "paused")]

    def raw(self, *parts: bytes, ends: bool = False) -> bytes:
        """What it answers to bytes, until it hangs up or has answered once."""
        with socket.create_connection(self.address, timeout=20) as connection:
            with suppress(ConnectionError):  # it hung up in between
                for part in parts:
                    connection.sendall(part)
                if ends:
                    connection.shutdown(socket.SHUT_WR)
            return everything(connection)

    def request(
        self, *headers: str, body: bytes = b"", method: str = "POST", path: str = "/v1/vaults/ann/holds"
    ) -> bytes:
        """A request by hand, as the agent."""
        name = "" if any("Idempotency-Key" in one for one in headers) else f"Idempotency-Key: {uuid4()}"
        key = f"Authorization: Bearer {self.keys['propose']}"
        lines = [f"{method} {path} HTTP/1.1", "Host: x", key, *filter(None, [name]), *headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def everything(connection: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    came = b""
    try:
        while part := connection.recv(65_536):
            came += part
    except ConnectionResetError:
        pass
    return came


def status(answer: bytes) -> int:
    """Of an answer's first line."""
    return int(answer.split(b" ", 2)[1])


def problem(answer: bytes) -> str:
    """Its code."""
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["code"])


@contextmanager
def target(
    folder: Path, keys: str = "failures_max = 1000\naddress_failures_max = 100000", connections: int = 1_000
) -> Iterator[Target]:
    """One, ready."""
    file = folder / "gxrisk.toml"
    file.write_text(SETTINGS.format(folder=folder / "data", keys=keys, connections=connections))
    made = keys_of(file)
    with running(file) as server:
        one = Target(server, made, folder / "data")
        for vault_id in ("ann", "bob"):
            vault = {"vault_id": vault_id, "tier": "growth", "strategy": STRATEGY, "bar_s": 1}
            assert one.call("POST", "/v1/vaults", "operate", vault).status_code == 201
            fund = {"transfer_id": "first", "amount": "10000"}
            assert one.call("POST", f"/v1/vaults/{vault_id}/fund", "operate", fund).status_code == 200
        assert one.call("POST", "/v1/marks", "feed", market(int(time.time()))).status_code == 200
        yield one
