"""One reader's places in the vaults that it follows, and what comes next."""

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Mapping
from types import MappingProxyType

from gxrisk._native import GxriskError
from gxrisk.server.events.tail import Tail
from gxrisk.server.events.tails import Tails
from gxrisk.server.events.told import CHUNK, Told

_log = logging.getLogger("gxrisk.server")


class Reading:
    """Each record after the reader's places, once and in the order of its vault; vaults take turns.

    With `kinds` others are passed over. A journal that cannot be read holds up no other vault's: it is tried again
    after each silence. `end` ends it, from any task of the event loop.
    """

    def __init__(self, tails: Tails, kinds: Collection[str] = ()) -> None:
        self.is_over = False
        self._tails = tails
        self._kinds = frozenset(kinds)
        self._followed: dict[str, Tail] = {}
        self._places: dict[str, int] = {}
        self._newcomers: deque[str] = deque()
        self._unreadable: set[str] = set()
        self._due: dict[str, None] = {}  # a set that keeps its order
        self._woken = asyncio.Event()

    @property
    def places(self) -> Mapping[str, int]:
        """The last record of each vault that was passed, in the order in which they were followed."""
        return MappingProxyType(self._places)

    async def follow(self, vault_id: str, since: int | None) -> bool:
        """Follow a vault from the record after `since`, or from now on; False where its journal is not so long."""
        self._places[vault_id] = since or 0
        self.wake(vault_id)
        try:
            tail = await self._tail(vault_id)
            if since is None:
                self._places[vault_id] = tail.position
            return since is None or await self._tails.is_there(tail, since)
        except GxriskError as error:
            self._set_aside(vault_id, error)
            return True

    def welcome(self, vault_id: str) -> None:
        """Follow a vault that was just made, from its beginning."""
        self._newcomers.append(vault_id)
        self._woken.set()

    def leave(self) -> None:
        """Follow nothing any more."""
        for vault_id in self._followed:
            self._tails.leave(vault_id, self)

    def wake(self, vault_id: str) -> None:
        """There is more of a vault."""
        self._due[vault_id] = None
        self._woken.set()

    def end(self) -> None:
        """Let the reader wait no more."""
        self.is_over = True
        self._woken.set()

    async def next(self, within_s: float) -> tuple[str, list[Told]] | None:
        """Some records of one vault; None where there was nothing for so long, or it is over.

        The vault's place is behind them already: whoever does not get them sent begins anew.
        """
        while not self.is_over:
            self._woken.clear()
            while self._newcomers:
                vault_id = self._newcomers.popleft()
                if vault_id not in self._places:
                    await self.follow(vault_id, 0)
            while self._due and not self.is_over:
                vault_id = next(iter(self._due))
                del self._due[vault_id]
                if found := await self._read_on(vault_id):
                    return vault_id, found
            if self._newcomers or self.is_over:
                continue
            try:
                async with asyncio.timeout(within_s):
                    await self._woken.wait()
            except TimeoutError:
                self._due.update(dict.fromkeys(self._unreadable))
                self._unreadable.clear()
                return None
        return None

    async def _read_on(self, vault_id: str) -> list[Told]:
        try:
            records = await self._tails.read(await self._tail(vault_id), self._places[vault_id])
        except GxriskError as error:
            self._set_aside(vault_id, error)
            return []
        if len(records) == CHUNK:
            self.wake(vault_id)  # behind the others: there may be more
        if records:
            self._places[vault_id] = records[-1].sequence
        return [one for one in records if not self._kinds or one.kind in self._kinds]

    async def _tail(self, vault_id: str) -> Tail:
        if vault_id not in self._followed:
            self._followed[vault_id] = await self._tails.follow(vault_id, self)
        return self._followed[vault_id]

    def _set_aside(self, vault_id: str, error: GxriskError) -> None:
        self._unreadable.add(vault_id)
        _log.warning("an event stream waits for %s, which cannot be read: %s", vault_id, error)
