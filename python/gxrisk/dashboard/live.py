"""When to look again: the server's event stream and a slow beat, told to every open page of one person."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from gxrisk.dashboard.api import Api, ApiError

EVERY_S: Final = 2.0  # equity moves with marks, which are no events
_AGAIN_S: Final = 1.0  # the fleet's summary is of up to a second ago: after news it is looked at once more
_SETTLE_S: Final = 0.1  # what comes together is looked at once
_RETRY_S: Final = 0.5
_RETRY_S_MAX: Final = 5.0
_NO_STREAM: Final = (403, 404, 422)  # no such stream, or too many vaults for one
Listener = Callable[[], Awaitable[None]]
_log = logging.getLogger("gxrisk.dashboard")


class Live:
    """Tells listeners when the server has news; runs only while somebody listens.

    `lost_since` is when the server stopped answering, None while it does: who finds out says so by `lost` and `found`.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._listeners: list[Listener] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self.lost_since: datetime | None = None
        self.seen_at: datetime | None = None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` from now on, until what is returned is called."""
        self._listeners.append(listener)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._stream()), asyncio.create_task(self._beat())]

        def leave() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)
            if not self._listeners:
                self.stop()

        return leave

    def stop(self) -> None:
        """Tell nobody any more."""
        self._listeners.clear()
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def hurry(self) -> None:
        """Look at once: something was just done."""
        self._news.set()

    async def _beat(self) -> None:
        wait_s = EVERY_S
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait_s)
                await asyncio.sleep(_SETTLE_S)
            is_news = self._news.is_set()
            self._news.clear()
            await asyncio.gather(*(self._tell(one) for one in tuple(self._listeners)))
            wait_s = _RETRY_S if self.lost_since is not None else _AGAIN_S if is_news else EVERY_S

    async def _tell(self, listener: Listener) -> None:
        try:
            await listener()
        except Exception:  # one page that fails keeps no other from its news
            _log.exception("a page could not be brought up to date")

    def lost(self) -> None:
        """The server did not answer."""
        if self.lost_since is None:
            self.lost_since = datetime.now(UTC)

    def found(self) -> None:
        """The server answered."""
        self.lost_since = None
        self.seen_at = datetime.now(UTC)

    async def _stream(self) -> None:
        wait_s = _RETRY_S
        while True:
            try:
                async with self._api.events() as lines:
                    self._news.set()  # what was missed meanwhile
                    async for line in lines:
                        wait_s = _RETRY_S
                        if line.startswith("data:"):
                            self._news.set()
            except ApiError as error:
                if error.status in _NO_STREAM:
                    return  # the beat alone will do
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _RETRY_S_MAX)
