"""Recorded data as a feed: as fast as it can be taken, or in step with a clock."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from gxrisk.feeds.recording import FeedError, Recording, recorded
from gxrisk.feeds.timeline import Moment

_MOMENTS_WITHOUT_AIR: Final = 64  # some µs of the event loop are then under a tenth of a µs a moment


class Replay:
    """A `Feed` of recorded candles and trades.

    `speed` None gives the moments as fast as they are taken; 1 at the pace of the recording, 60 an hour a minute.
    A consumer that falls behind is caught up with, so that the pace does not drift. Outages, late and out-of-order
    data come as they were recorded; `bar_ms` makes bars of the trades (see `recorded`). Raises `FeedError` for what
    cannot be replayed.

    `clock` (seconds) and `sleep` are for tests and for replays inside other event loops.

    >>> from gxrisk.feeds import reconstruct
    >>> async def count(feed):
    ...     return len([moment async for moment in feed.moments()])
    >>> asyncio.run(count(Replay([reconstruct()])))
    2858
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        speed: float | None = None,
        *,
        bar_ms: int | None = None,
        name: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if speed is not None and not 0 < speed < float("inf"):
            raise FeedError(f"speed: {speed} was given, a number above 0 is allowed, or None for as fast as it goes")
        self._recordings = tuple(recordings)
        recorded(self._recordings, bar_ms=bar_ms)  # refused here and not at the first moment
        self._speed = speed
        self._bar_ms = bar_ms
        self._name = name or "replay of " + ", ".join(one.source for one in self._recordings)
        self._clock = clock
        self._sleep = sleep
        self._stopped = asyncio.Event()

    @property
    def name(self) -> str:
        """For records and screens."""
        return self._name

    @property
    def assets(self) -> tuple[str, ...]:
        """What it tells of, by name."""
        return tuple(sorted({one.asset for one in self._recordings}))

    def stop(self) -> None:
        """End after the moment in hand, also while it waits for the next one; for good. To be called in its loop."""
        self._stopped.set()

    async def moments(self) -> AsyncIterator[Moment]:
        """The moments of the recording from its start."""
        began = first_ms = None
        for count, moment in enumerate(recorded(self._recordings, bar_ms=self._bar_ms), start=1):
            if self._speed is not None:
                if began is None or first_ms is None:
                    began, first_ms = self._clock(), moment.at_ms
                await self._wait_until(began + (moment.at_ms - first_ms) / 1000 / self._speed)
            if count % _MOMENTS_WITHOUT_AIR == 0:
                await asyncio.sleep(0)
            if self._stopped.is_set():
                return
            yield moment

    async def _wait_until(self, due: float) -> None:
        left = due - self._clock()
        if left <= 0 or self._stopped.is_set():
            return
        waits = (asyncio.ensure_future(self._sleep(left)), asyncio.ensure_future(self._stopped.wait()))
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in waits:
                one.cancel()
