"""The end of one vault's journal, read once for all who follow it."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from gxrisk.server.events.told import Told

WINDOW_RECORDS: Final = 512
WINDOW_BYTES: Final = 1 << 20


class Follower(Protocol):
    """Who wants to know that there is more of a vault."""

    def wake(self, vault_id: str) -> None:
        """There is."""


class Tail:
    """The newest records of a journal up to `position`, as many as fit; older ones are read from the file again.

    Nobody's records wait here: each reader has a place of its own, and a slow one falls behind into the file.

    >>> tail = Tail("ann", Path("unused"), 4)
    >>> tail.take([Told(5, "paused", b"{}"), Told(6, "resumed", b"{}")])
    >>> [one.sequence for one in tail.after(5, 100)], tail.after(6, 100), tail.after(3, 100)
    ([6], [], None)
    """

    def __init__(self, vault_id: str, journal: Path, position: int) -> None:
        self.vault_id = vault_id
        self.journal = journal
        self.position = position
        self.followers: set[Follower] = set()
        self._window: deque[Told] = deque()
        self._bytes = 0

    def take(self, records: Sequence[Told]) -> None:
        """Records that follow on `position`."""
        if not records:
            return
        for one in records:
            self._window.append(one)
            self._bytes += len(one.data)
        while len(self._window) > WINDOW_RECORDS or self._bytes > WINDOW_BYTES:
            self._bytes -= len(self._window.popleft().data)
        self.position = records[-1].sequence
        for follower in self.followers:
            follower.wake(self.vault_id)

    def after(self, position: int, limit: int) -> list[Told] | None:
        """At most `limit` records after a position, none at the end; None where the file has to be asked."""
        if position >= self.position:
            return []
        if not self._window or position + 1 < self._window[0].sequence:
            return None
        begin = position + 1 - self._window[0].sequence
        return list(islice(self._window, begin, begin + limit))
