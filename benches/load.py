"""Load from this process over several connections: each sends its next request as soon as it has room for one."""

import asyncio
import os
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

MakeBody = Callable[[], bytes]
_END: Final = b"\r\n\r\n"


@dataclass(frozen=True)
class Measured:
    """Answers a second, and seconds from a request to its answer."""

    rate: float
    p50: float
    p99: float


class Asking(asyncio.Protocol):
    """One connection with so many requests in flight."""

    def __init__(self, in_flight: int) -> None:
        self.took: list[float] = []
        self.over = asyncio.get_running_loop().create_future()
        self._in_flight = in_flight
        self._sent: deque[float] = deque()
        self._is_last = False
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say how it begins."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.open()

    def open(self) -> None:
        """Begin; here at once."""
        self.begin()

    def begin(self) -> None:
        """Send as many as there is room for."""
        for _ in range(self._in_flight):
            self.ask()

    def ask(self) -> None:
        """One request."""
        self._sent.append(time.perf_counter())
        self.transport.write(self.request())

    def request(self) -> bytes:
        """Its bytes."""
        raise NotImplementedError

    def answered(self, buffer: bytes) -> int:
        """How many bytes the first answer in there takes, 0 where it is not whole."""
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        """Count answers, and ask anew."""
        self._buffer += data
        while size := self.answered(self._buffer):
            self._buffer = self._buffer[size:]
            self.took.append(time.perf_counter() - self._sent.popleft())
            if not self._is_last:
                self.ask()
        if self._is_last and not self._sent and not self.over.done():
            self.over.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """That is an error, unless it was the end."""
        if not self.over.done():
            self.over.set_exception(exc or ConnectionError(f"the server closed the connection: {self._buffer!r}"))

    def finish(self) -> None:
        """Wait for what is in flight."""
        self._is_last = True


class HttpAsking(Asking):
    """Over HTTP/1.1, one after the other."""

    def __init__(self, url: str, headers: Callable[[], dict[str, str]], body: MakeBody) -> None:
        super().__init__(1)
        self._head = f"POST {urlsplit(url).path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
        self._headers, self._body = headers, body

    def request(self) -> bytes:
        """Headers and body."""
        body = self._body()
        more = "".join(f"{name}: {value}\r\n" for name, value in self._headers().items())
        return self._head + f"{more}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def answered(self, buffer: bytes) -> int:
        """By its Content-Length."""
        end = buffer.find(_END)
        if end < 0:
            return 0
        head = buffer[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"the server said {buffer!r}")
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        size = end + len(_END) + length
        return size if len(buffer) >= size else 0


class SocketAsking(Asking):
    """Over a WebSocket (RFC 6455), many in flight; the masks are zeros."""

    def __init__(self, url: str, key: str, body: MakeBody, in_flight: int) -> None:
        super().__init__(in_flight)
        self._url, self._key, self._body = url, key, body
        self._is_open = False

    def open(self) -> None:
        """The handshake."""
        nonce = b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET {urlsplit(self._url).path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._key}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {nonce}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """The answer to the handshake first."""
        if not self._is_open:
            self._buffer += data
            head, found, rest = self._buffer.partition(_END)
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(f"the server said {self._buffer!r}")
            self._is_open, self._buffer, data = True, b"", rest
            self.begin()
        super().data_received(data)

    def request(self) -> bytes:
        """A text frame."""
        body = self._body()
        return b"\x81\xfe" + len(body).to_bytes(2, "big") + bytes(4) + body

    def answered(self, buffer: bytes) -> int:
        """A text frame that has no mask."""
        if len(buffer) < 4:
            return 0
        if buffer[0] != 0x81:
            raise RuntimeError(f"the server said {buffer!r}")
        size, begin = buffer[1], 2
        if size == 126:
            size, begin = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < begin + size:
            return 0
        if b'"problem"' in buffer[begin : begin + size]:
            raise RuntimeError(f"the server said {buffer!r}")
        return begin + size


async def measure(url: str, make: Callable[[], Asking], connections: int, seconds: float) -> Measured:
    """So long, over so many connections; the first tenth is not counted."""
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(make, place.hostname, place.port) for _ in range(connections)]
    asking = [protocol for _, protocol in opened]
    await _pass(seconds / 10, asking)
    for one in asking:
        one.took.clear()
    begin = time.perf_counter()
    await _pass(seconds, asking)
    took = sorted(second for one in asking for second in one.took)
    rate = len(took) / (time.perf_counter() - begin)
    for one in asking:
        one.finish()
    await asyncio.gather(*(one.over for one in asking))
    for transport, _ in opened:
        transport.close()
    return Measured(rate, took[len(took) // 2], took[len(took) * 99 // 100])


async def _pass(seconds: float, asking: list[Asking]) -> None:
    """Time, unless one of them fails."""
    done, _ = await asyncio.wait([one.over for one in asking], timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for one in done:
        one.result()
