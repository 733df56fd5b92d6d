"""One client's connection, bounded before there is a request: how long and how large a head is, how many there are."""

import asyncio
import json
from http import HTTPStatus
from typing import Any, ClassVar, Final
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gxrisk.config import HttpConfig
from gxrisk.server.problems import MEDIA_TYPE

_BUSY: Final = 2  # so many times `connections_max` are heard, to be told that it is too many; beyond, nobody is


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's own, which waits for ever for the rest of a request and keeps whatever length a head has.

    From the first byte on (the opening, for a first request) a head has `headers_s` seconds and `headers_bytes_max`
    bytes. A body has as long as the guard waits for it and its answer may take: one that nobody reads ends then.
    What cannot be read as HTTP is a problem like any other, and ends the connection.
    """

    bounds: ClassVar[HttpConfig] = HttpConfig()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_in_head = False
        self._is_upgraded = False
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, unless there are too many already."""
        super().connection_made(transport)
        if len(self.connections) > _BUSY * self.bounds.connections_max:
            transport.abort()
        else:
            self._wait(self.bounds.headers_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; bytes that begin no request have no more time than a head."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._is_upgraded:
            return
        is_idle = self.cycle is None or self.cycle.response_complete
        if self._is_in_head and self._head_bytes > self.bounds.headers_bytes_max:
            self._refuse_head()
        elif self._deadline is None and is_idle and not self.transport.is_closing():
            self._wait(self.bounds.headers_s)

    def handle_websocket_upgrade(self) -> None:
        """The other protocol has bounds of its own."""
        self._wait(None)
        self._is_upgraded = True
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        if self._deadline is None:
            self._wait(self.bounds.headers_s)

    def on_headers_complete(self) -> None:
        """A body begins, if there is any."""
        self._is_in_head = False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.bounds.headers_bytes_max:
            self._refuse_head()
            return
        self._wait(self.bounds.body_s + self.bounds.request_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of it; nothing more of a request that was refused."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """All of a request is here."""
        self._wait(None)
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or could be read in two ways."""
        self._refuse(
            400,
            "invalid_request",
            "this is no HTTP, or could be read in two ways; send one Content-Length or chunks, not both",
        )

    def _refuse_head(self) -> None:
        most = self.bounds.headers_bytes_max
        self._refuse(431, "head_too_large", f"the request's line and headers have more than {most} bytes; send less")

    def _wait(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._deadline = None
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()
        else:
            seconds = self.bounds.headers_s
            self._refuse(408, "too_slow", f"a request's line and headers did not come within {seconds:g} s; ask again")

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Say why and hang up; only hang up where that would be taken for the answer to another request."""
        if self.transport.is_closing():
            return
        is_in_body = not (self._is_in_head or self.pipeline or self.cycle is None or self.cycle.response_started)
        if self.cycle is None or self.cycle.response_complete or (is_in_body and self.cycle.more_body):
            self.transport.write(_problem(status, code, detail))
        self.transport.close()


def bounded(http: HttpConfig) -> type[BoundedConnection]:
    """The protocol for uvicorn, with these bounds."""
    return type("BoundedConnection", (BoundedConnection,), {"bounds": http})


def _problem(status: int, code: str, detail: str) -> bytes:
    title, request_id = HTTPStatus(status).phrase, uuid4().hex
    told = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    body = json.dumps(told | {"request_id": request_id}).encode()
    headers = f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\nX-Request-Id: {request_id}"
    return f"HTTP/1.1 {status} {title}\r\n{headers}\r\nConnection: close\r\n\r\n".encode() + body
