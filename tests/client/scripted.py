"""A server on loopback that answers as it is told: a real one cannot be made to say 503 or to hang on demand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

DECISION = {
    "outcome": "approved",
    "approved": True,
    "order_id": "gx-1",
    "sequence": 1,
    "quantity": "0.1",
    "stop_loss": "98",
    "violations": [],
    "guards": [],
}


@dataclass
class Reply:
    """An answer: whole, or cut after `cut` bytes of its body, or never; `drip` sends a byte whenever it is called."""

    status: int = 200
    body: Any = field(default_factory=lambda: DECISION)
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    hangs: bool = False
    drips: bool = False

    def content(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Scripted:
    """What it answers next, the last one for good; and what it was asked."""

    replies: list[Reply]
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    over: Event = field(default_factory=Event)
    url: str = ""

    def next(self) -> Reply:
        """What comes next."""
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def sent(self, header: str) -> list[str | None]:
        """A header of every request."""
        return [headers.get(header.lower()) for _, _, headers, _ in self.asked]


@contextmanager
def scripted(*replies: Reply, wrap: Callable[[Any], Any] | None = None) -> Iterator[Scripted]:
    """The server, until the end; `wrap` makes TLS of its socket."""
    script = Scripted(list(replies))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.asked.append((self.command, self.path, headers, self.rfile.read(length)))
            reply = script.next()
            content = reply.content()
            if reply.hangs:
                script.over.wait()
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if reply.drips:
                for byte in content:
                    if script.over.wait(0.02):
                        break
                    self.wfile.write(bytes([byte]))
                self.close_connection = True
                return
            self.wfile.write(content[: reply.cut])
            if reply.cut is not None:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that went away is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    if wrap is not None:
        server.socket = wrap(server.socket)
    script.url = f"{'http' if wrap is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
