"""Metrics as Prometheus scrapes them: as text, as an ASGI application, or from a small server of their own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from threading import Thread
from typing import Any, Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from gxrisk.metrics.fleet import GIVE_WAY_S, FleetMetrics
from gxrisk.metrics.sheet import Rows
from gxrisk.vaults.fleet import Fleet

FRESH_S: Final = 1.0
LINES: Final = 500  # between two times of giving way: about a millisecond
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def registry_of(fleet: Fleet, *, vaults_max: int = 1_000, assets_max: int = 100) -> CollectorRegistry:
    """A registry with a fleet's metrics and those of this process (memory, CPU time, open files)."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(FleetMetrics(fleet, vaults_max=vaults_max, assets_max=assets_max))
    return registry


def metrics_text(registry: CollectorRegistry) -> bytes:
    """All metrics now, in Prometheus' text format 0.0.4 (UTF-8); gives way to other threads as it goes."""
    parts = []
    for family in registry.collect():
        if isinstance(family.samples, Rows):
            lines = family.samples.lines()
            while some := list(islice(lines, LINES)):
                parts.append("\n".join((*some, "")))
                time.sleep(GIVE_WAY_S)
        else:
            parts.append(generate_latest(_Only(family)).decode())
    return "".join(parts).encode()


class _Only(Collector):
    """One metric for the library's own writer."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> tuple[Family, ...]:
        """It."""
        return (self._family,)


class MetricsApp:
    """An ASGI application that answers GET and HEAD with the metrics, for a server to mount at `/metrics`.

    The text is made in a thread, by one at a time, and answers all who ask within `fresh_s` seconds, so that neither a
    slow scrape nor many of them hold up the event loop. It asks nobody who they are: that is the server's to do.
    """

    def __init__(self, registry: CollectorRegistry, *, fresh_s: float = FRESH_S) -> None:
        self._registry = registry
        self._fresh_s = fresh_s
        self._making: asyncio.Task[bytes] | None = None
        self._made_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises `ValueError` for what is none (`websocket`, `lifespan`)."""
        if scope["type"] != "http":
            raise ValueError(f"a request of type {scope['type']!r} was seen; metrics are asked for by 'http'")
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(
                send, 405, b"GET and HEAD are allowed\n", "text/plain; charset=utf-8", (b"allow", b"GET, HEAD")
            )
            return
        body = await self.text()
        await _answer(send, 200, body, CONTENT_TYPE_PLAIN_0_0_4, is_head=scope["method"] == "HEAD")

    async def text(self) -> bytes:
        """The metrics, at most `fresh_s` seconds old."""
        is_old = time.monotonic() - self._made_at >= self._fresh_s
        if self._making is None or (self._making.done() and (is_old or self._making.exception() is not None)):
            self._making = asyncio.create_task(self._make())
        return await asyncio.shield(self._making)

    async def _make(self) -> bytes:
        text = await asyncio.to_thread(metrics_text, self._registry)
        self._made_at = time.monotonic()
        return text


async def _answer(
    send: Send, status: int, body: bytes, content_type: str, *more: tuple[bytes, bytes], is_head: bool = False
) -> None:
    length = str(len(body)).encode()
    headers = [(b"content-type", content_type.encode()), (b"content-length", length), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else body})


@contextmanager
def serve_metrics(registry: CollectorRegistry, port: int = 0, *, address: str = "127.0.0.1") -> Iterator[int]:
    """Serve metrics at every path while the block runs; the port, which is a free one unless given.

    For a process without a server of its own, on an address that only Prometheus reaches: each scrape has its thread.
    """

    class Answer(BaseHTTPRequestHandler):
        timeout = 10  # of a client that says nothing

        def do_GET(self) -> None:
            body = metrics_text(registry)
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A scrape is no news."""

    server = ThreadingHTTPServer((address, port), Answer)
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
