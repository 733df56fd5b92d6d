"""A server that really listens, in a thread of this process, and readers of its event streams."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import httpx
import uvicorn
from gxrisk.config import Config
from gxrisk.server.app import create_app
from gxrisk.server.desk import Desk
from gxrisk.server.listening import ToldServer

from .desk import VAULTS_OF, Server

WITHIN_S = 60


@dataclass
class Live(Server):
    """It, and where it listens."""

    server: ToldServer = field(kw_only=True)
    loop: asyncio.AbstractEventLoop = field(kw_only=True)
    url: str = field(kw_only=True)
    app: Any = field(kw_only=True)

    @property
    def desk(self) -> Desk:
        """What the server owns."""
        desk: Desk = self.app.state.desk
        return desk

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        url = httpx.URL(self.url)
        return url.host, url.port or 0

    def stop(self) -> None:
        """As SIGTERM does."""
        self.server.should_exit = True


@contextmanager
def listening(settings: Config) -> Iterator[Live]:
    """A server on a free port, with a key of each scope, until the end."""
    app = create_app(settings)
    server = ToldServer(
        uvicorn.Config(
            app,
            log_config=None,
            lifespan="on",
            ws="websockets-sansio",
            ws_max_size=settings.http.body_bytes_max,
            timeout_graceful_shutdown=WITHIN_S,
        ),
        app.state.desk.streams.drain,
    )
    app.state.desk.streams.cut_off = server.cut_off
    found: list[asyncio.AbstractEventLoop] = []

    async def serve(sockets: list[socket.socket]) -> None:
        found.append(asyncio.get_running_loop())
        await server.serve(sockets)

    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{place.getsockname()[1]}"
        thread = Thread(target=lambda: asyncio.run(serve([place])))
        thread.start()
        try:
            with httpx.Client(base_url=url, timeout=WITHIN_S) as client:
                place.listen()
                assert client.get("/livez").status_code == 200
                live = Live(client, server=server, loop=found[0], url=url, app=app)  # type: ignore[arg-type]
                for scope, vaults in VAULTS_OF.items():
                    live.keys[scope] = live.desk.keyring.create(f"the {scope}", scope, vaults)[1]
                yield live
        finally:
            server.should_exit = True
            thread.join(WITHIN_S)
            assert not thread.is_alive()


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: str
    kind: str
    data: dict[str, Any]

    @property
    def at(self) -> tuple[str, int]:
        """Vault and sequence."""
        return self.data["vault_id"], self.data["sequence"]


class Events:
    """An event stream as a browser's EventSource reads it; `last_id` is what it would come back with."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self.comments: list[str] = []
        self._lines = response.iter_lines()

    def __iter__(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                self.last_id = fields.get("id", self.last_id)
                if "data" in fields:
                    yield Event(self.last_id, fields["event"], json.loads(fields["data"]))
                fields = {}
            elif line.startswith(":"):
                self.comments.append(line[1:].strip())
            else:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")

    def take(self, count: int) -> list[Event]:
        """So many."""
        source = iter(self)
        return [next(source) for _ in range(count)]


@contextmanager
def events(live: Live, path: str, *, key: str = "read", last_id: str | None = None) -> Iterator[Events]:
    """An open event stream."""
    headers = {"Authorization": f"Bearer {live.keys.get(key, key)}"}
    if last_id is not None:
        headers["Last-Event-ID"] = last_id
    with httpx.stream("GET", live.url + path, headers=headers, timeout=WITHIN_S) as response:
        if response.status_code == 200:
            assert response.headers["content-type"].startswith("text/event-stream")
        yield Events(response)
