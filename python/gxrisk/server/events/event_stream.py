"""Server-sent events over HTTP: a reading as a `text/event-stream` (the HTML standard, section 9.2)."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from fastapi import Response
from starlette.types import Message, Receive, Scope, Send

from gxrisk.server.events.reading import Reading
from gxrisk.server.events.told import Told
from gxrisk.server.streams import Stream, Streams

MEDIA_TYPE: Final = "text/event-stream"
RETRY_MS: Final = 1_000
_ABORTED_S: Final = 1.0
_log = logging.getLogger("gxrisk.server")
WriteId = Callable[[Mapping[str, int]], str]


class EventStream(Response):
    """What a reading finds, each record with the id that `write_id` has for the places so far; in silence, comments.

    Nothing waits here for the client: what it does not take stays in the journal. Where it takes nothing for so long,
    its connection is cut off.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self, reading: Reading, stream: Stream, streams: Streams, write_id: WriteId, forget: Callable[[], None]
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.headers["X-Accel-Buffering"] = "no"
        self._reading = reading
        self._stream = stream
        self._streams = streams
        self._write_id = write_id
        self._told_id = write_id(reading.places)
        self._forget = forget
        self._sending: asyncio.Timeout | None = None

    def hurry(self) -> None:
        """The stream has to end: wait neither for records nor for the client."""
        self._reading.end()
        if self._sending is not None and not self._sending.expired():
            self._sending.reschedule(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client goes, the stream has to end, or nothing is taken any more."""
        loop = asyncio.get_running_loop()
        gone = asyncio.ensure_future(_gone(receive))
        gone.add_done_callback(lambda _: self._reading.end())
        over = loop.call_later(self._streams.config.lasts_s, self._stream.end, "lasted")
        try:
            await self._send(send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._tell(send, b"retry: %d\nid: %b\n\n" % (RETRY_MS, self._told_id.encode()))
            await self._tell_all(send, gone)
            if not gone.done():
                said = b": %b\n\n" % (self._stream.ended or "").encode()
                await self._send(send, {"type": "http.response.body", "body": said, "more_body": False})
        except TimeoutError:
            await self._cut_off(scope, gone)
        finally:
            over.cancel()
            gone.cancel()
            self._forget()
            self._reading.leave()
            self._streams.close(self._stream)

    async def _tell_all(self, send: Send, gone: "asyncio.Future[None]") -> None:
        heartbeat_s = self._streams.config.heartbeat_s
        while not (self._reading.is_over or gone.done()):
            found = await self._reading.next(heartbeat_s)
            if self._reading.is_over:
                return
            await self._tell(send, self._silence() if found is None else self._blocks(*found))
            self._streams.told += 0 if found is None else len(found[1])

    def _blocks(self, vault_id: str, records: list[Told]) -> bytes:
        parts = []
        for one in records:
            self._told_id = self._write_id({vault_id: one.sequence})
            parts.append(b"id: %b\n%b" % (self._told_id.encode(), one.block))
        return b"".join(parts)

    def _silence(self) -> bytes:
        """A comment, or the id alone where only records of other kinds came: then the client begins behind them."""
        reached = self._write_id(self._reading.places)
        if reached == self._told_id:
            return b":\n\n"
        self._told_id = reached
        return b"id: %b\n\n" % self._told_id.encode()

    async def _tell(self, send: Send, body: bytes) -> None:
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": True})

    async def _send(self, send: Send, message: Message) -> None:
        """Raises `TimeoutError` where the client takes nothing for too long, or the stream has to end meanwhile."""
        try:
            async with asyncio.timeout(self._streams.config.stall_s) as self._sending:
                await send(message)
        finally:
            self._sending = None

    async def _cut_off(self, scope: Scope, gone: "asyncio.Future[None]") -> None:
        if self._stream.ended is None:
            self._streams.cut["events"] += 1
            _log.warning("a client that reads too slowly was cut off (key %s)", self._stream.key.id)
        if scope.get("client"):
            self._streams.cut_off(tuple(scope["client"]))
        with suppress(TimeoutError):
            async with asyncio.timeout(_ABORTED_S):
                await gone


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
