"""Who waits for whom: nobody for another vault's disk, nobody for a slow client."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from gxrisk import JournalReader
from gxrisk.history import History

from .desk import MANY, ORDER, Server, config, serving
from .processes import WITHIN_S, keys_of, running


class HangingDisk:
    """A gate whose authorize hangs as it would on a disk that does: no disk here hangs on demand."""

    def __init__(self, gate: Any) -> None:
        self._gate = gate
        self.asked, self.goes_on = Event(), Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gate, name)

    def authorize(self, order: Any) -> Any:
        """Wait, then ask the gate."""
        self.asked.set()
        assert self.goes_on.wait(WITHIN_S)
        return self._gate.authorize(order)


def test_a_disk_that_hangs_holds_up_its_own_vault_alone(ann: Server) -> None:
    """Other vaults decide, health answers, the feed goes on."""
    ann.made("bob")
    ann.until(lambda: "BTC" in ann.desk.fleet.vaults["bob"].gate.snapshot().marks)
    ann.keys["bob"] = ann.desk.keyring.create("bob's agent", "propose", ["bob"])[1]
    vault = ann.desk.fleet.vaults["ann"]
    vault._clients.orders._gate = disk = HangingDisk(vault.gate)  # type: ignore[assignment]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ann.call, "POST", "/v1/vaults/ann/orders", ORDER, key="propose")
        try:
            assert disk.asked.wait(WITHIN_S)
            assert ann.client.get("/livez").status_code == 200
            assert ann.marks().status_code == 200
            other = ann.call("POST", "/v1/vaults/bob/orders", ORDER, key="bob")
            assert (other.status_code, other.json()["outcome"]) == (200, "approved")
            assert not waiting.done()
        finally:
            disk.goes_on.set()
        assert waiting.result(WITHIN_S).json()["outcome"] == "approved"


def test_what_is_in_flight_is_finished(tmp_path: Path) -> None:
    """A server that is being stopped answers what it took, and its journal has it; then it takes no more."""
    with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
        server = stack.enter_context(serving(config(tmp_path, keys=MANY)))
        server.made("ann")
        assert server.marks().status_code == 200
        desk = server.desk
        vault = desk.fleet.vaults["ann"]
        vault._clients.orders._gate = disk = HangingDisk(vault.gate)  # type: ignore[assignment]
        order = pool.submit(server.call, "POST", "/v1/vaults/ann/orders", ORDER, key="propose")
        assert disk.asked.wait(WITHIN_S)
        stopped = pool.submit(stack.pop_all().close)
        while desk.is_ready:
            assert server.client.get("/livez").status_code == 200
        assert not stopped.done()
        disk.goes_on.set()
        assert order.result(WITHIN_S).json()["outcome"] == "approved"
        stopped.result(WITHIN_S)
    journal = JournalReader(tmp_path / "data" / "vaults" / "ann" / "journal.gxr")
    assert journal.verify()["approvals"] == 1
    with History.open(tmp_path / "data" / "history.db") as history:
        assert [one.outcome for one in history.decisions("ann").rows] == ["approved"]


def test_a_body_that_does_not_come(tmp_path: Path) -> None:
    """Is not waited for longer than configured: 408, and the connection is closed."""
    file = tmp_path / "gxrisk.toml"
    file.write_text(f'folder = "{tmp_path / "data"}"\n[http]\nport = 0\nbody_s = 0.2\n')
    key = keys_of(file)["operate"]
    with running(file) as one:
        place = urlsplit(one.url)
        with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=WITHIN_S) as client:
            head = f"POST /v1/kill HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nIdempotency-Key: a\r\n"
            client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{{".encode())
            answer = b"".join(iter(lambda: client.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert b'"code":"too_slow"' in answer
