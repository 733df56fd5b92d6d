"""Everything that stays open: how many each key may have, and what ends them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Literal, get_args

from gxrisk.config import StreamsConfig
from gxrisk.server.keys import ApiKey, Keyring
from gxrisk.server.problems import Problem

StreamKind = Literal["events", "orders"]
STREAM_KINDS: Final[tuple[StreamKind, ...]] = get_args(StreamKind)
_LOOK_S: Final = 0.4  # with the look itself, a key that was revoked is noticed well within a second
_log = logging.getLogger("gxrisk.server")


class Stream:
    """One of them. `ended` says why it is to end."""

    def __init__(self, key: ApiKey, kind: StreamKind, end: Callable[[], None]) -> None:
        self.key = key
        self.kind = kind
        self.ended: str | None = None
        self._end = end

    def end(self, why: str) -> None:
        """End it: a word for the client. Once more changes nothing."""
        if self.ended is None:
            self.ended = why
            self._end()


class Streams:
    """The open streams of a server. A key that is revoked or expires takes its own along within a second.

    `cut_off` ends a client's connection that does not read what was sent; the process that listens puts it here.
    `kinds` counts those that are open, `cut` those that were cut off since they took nothing, `told` records sent.
    """

    def __init__(self, config: StreamsConfig) -> None:
        self.config = config
        self.cut_off: Callable[[tuple[str, int]], None] = lambda _: None
        self.kinds: Counter[StreamKind] = Counter()
        self.cut: Counter[StreamKind] = Counter()
        self.told = 0
        self._open: set[Stream] = set()
        self._by_key: Counter[str] = Counter()
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._open)

    def open(self, key: ApiKey, kind: StreamKind, end: Callable[[], None]) -> Stream:
        """Take one in; `end` is called once when it has to end. Raises `Problem` 429 or 503 for one too many."""
        config = self.config
        if self._is_closed:
            raise Problem(503, "not_ready", "the server is shutting down", headers={"Retry-After": "1"})
        if self._by_key[key.id] >= config.of_key_max:
            text = f"this key has {config.of_key_max} open streams, which is all it may have"
            raise Problem(429, "too_many_streams", text, headers={"Retry-After": "1"})
        if len(self._open) >= config.streams_max:
            text = f"{config.streams_max} streams are open, which is all this server may have"
            raise Problem(503, "too_many_streams", text, headers={"Retry-After": "1"})
        stream = Stream(key, kind, end)
        self._open.add(stream)
        self._by_key[key.id] += 1
        self.kinds[kind] += 1
        self._some.set()
        self._none.clear()
        return stream

    def close(self, stream: Stream) -> None:
        """It ended."""
        self._open.discard(stream)
        self.kinds[stream.kind] -= 1
        self._by_key[stream.key.id] -= 1
        self._by_key += Counter()  # forgets those that have none
        if not self._open:
            self._some.clear()
            self._none.set()

    async def drain(self, within_s: float) -> None:
        """End all, and wait so long for what they still have to say."""
        self.end_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.wait_closed()

    def end_all(self) -> None:
        """Take no more, and end those that are open."""
        self._is_closed = True
        for stream in tuple(self._open):
            stream.end("shutting_down")

    async def wait_closed(self) -> None:
        """Wait until all have ended."""
        await self._none.wait()

    async def run(self, keyring: Keyring) -> None:
        """Look after the keys of open streams until cancelled."""
        with ThreadPoolExecutor(1, "streams") as thread:  # of its own: disks that hang hold up no revocation
            while True:
                await self._some.wait()
                await self._look(keyring, thread)
                await asyncio.sleep(_LOOK_S)

    async def _look(self, keyring: Keyring, thread: ThreadPoolExecutor) -> None:
        asked, why = set(self._by_key), "key_ended"
        try:
            good = await asyncio.get_running_loop().run_in_executor(thread, keyring.still_good, asked)
        except Exception:  # whatever it is: nobody vouches for them
            _log.exception("streams end, since their keys cannot be looked at")
            good, why = set(), "storage"
        for stream in tuple(self._open):
            if stream.key.id in asked - good:
                stream.end(why)
