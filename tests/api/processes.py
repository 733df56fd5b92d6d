"""`gxrisk serve` as a process of its own, on a free port, with keys."""

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
from threading import Thread
from typing import Any

import httpx
import pytest
from gxrisk.config import load
from gxrisk.server.database import open_database
from gxrisk.server.desk import keyring

from .desk import VAULTS_OF

LISTENING = re.compile(r"gxrisk: listening on (http://\S+)")
WITHIN_S = 60


@dataclass
class Running:
    """A server, where it listens, and what it has said so far."""

    process: subprocess.Popen[str]
    url: str
    client: httpx.Client
    said: list[str]
    _listening: Thread

    def call(self, method: str, path: str, key: str, body: Any = None, name: str = "") -> httpx.Response:
        """Call an operation; `name` is the request's idempotency key."""
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": name or f"{method} {path} {time.time_ns()}"}
        return self.client.request(method, self.url + path, json=body, headers=headers)

    def get(self, path: str) -> Any:
        """What anybody may read."""
        return httpx.get(self.url + path, timeout=WITHIN_S).raise_for_status().json()

    def stopped(self, signal_: signal.Signals) -> tuple[int, str]:
        """Stop it; its exit code, and what it said since it listened."""
        self.process.send_signal(signal_)
        self.process.wait(WITHIN_S)
        self._listening.join(WITHIN_S)
        return self.process.returncode, "".join(self.said)


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
    assert process.stderr is not None
    said: list[str] = []
    listening = Thread(target=said.extend, args=(process.stderr,))
    try:
        for line in process.stderr:
            said.append(line)
            if found := LISTENING.match(line):
                listening.start()
                with httpx.Client(timeout=WITHIN_S) as client:
                    yield Running(process, found[1], client, said, listening)
                break
        else:
            pytest.fail(f"it never listened: {''.join(said)}")
    finally:
        process.kill()
        process.wait()
        if listening.ident is not None:
            listening.join()
        process.stderr.close()


def keys_of(file: Path) -> dict[str, str]:
    """A key of each scope, made beside the server as the command does."""
    settings = load(file, environ={})
    settings.folder.mkdir(exist_ok=True)
    engine = open_database(settings.database)
    keys = keyring(settings, engine)
    try:
        return {scope: keys.create(f"the {scope}", scope, vaults)[1] for scope, vaults in VAULTS_OF.items()}
    finally:
        engine.dispose()
