"""A proxy on loopback that cuts connections at random places: before, within and after requests and answers."""

from __future__ import annotations

import random
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

_RESET = struct.pack("ii", 1, 0)


@dataclass
class Cutting:
    """Each connection carries so many bytes, drawn from a seed, and then is no more: closed, or reset."""

    to: tuple[str, int]
    seed: int
    bytes_max: int = 3_000
    cuts: int = 0
    url: str = ""
    is_over: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def carry(self, near: socket.socket) -> None:
        """One connection, to its end."""
        with self._lock:
            left, is_reset = self._rng.randrange(self.bytes_max), self._rng.random() < 0.5
        with near, suppress(OSError):
            far = socket.create_connection(self.to)
            with far:
                while not self.is_over.is_set():
                    for one in select.select([near, far], [], [], 0.1)[0]:
                        part = one.recv(65_536)
                        other = far if one is near else near
                        other.sendall(part[:left])
                        left -= len(part)
                        if not part:
                            return
                        if left < 0:
                            self.cuts += 1
                            if is_reset:
                                for end in (near, far):
                                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                            return


@contextmanager
def cutting(port: int, seed: int, bytes_max: int = 3_000) -> Iterator[Cutting]:
    """The proxy before a port, until the end."""
    proxy = Cutting(("127.0.0.1", port), seed, bytes_max)
    threads: list[Thread] = []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        proxy.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.settimeout(0.1)

        def accept() -> None:
            while not proxy.is_over.is_set():
                with suppress(TimeoutError):
                    near, _ = listening.accept()
                    near.setblocking(True)
                    threads.append(Thread(target=proxy.carry, args=(near,)))
                    threads[-1].start()

        accepting = Thread(target=accept)
        accepting.start()
        try:
            yield proxy
        finally:
            proxy.is_over.set()
            accepting.join()
            for thread in threads:
                thread.join()
