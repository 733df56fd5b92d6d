"""The ends of all journals that anybody follows: one look at each for all of its readers."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar, TypeVarTuple

from gxrisk._native import GxriskError
from gxrisk.server.events.tail import Follower, Tail
from gxrisk.server.events.told import CHUNK, Told, founded, last, read

LOOK_S: Final = 0.05
AT_REST_LOOKS: Final = 20  # a journal that no gate writes on here is looked at so much less often
_THREADS: Final = 4  # for files alone: a disk that hangs takes no thread from who decides
_Given = TypeVarTuple("_Given")
_Result = TypeVar("_Result")
_log = logging.getLogger("gxrisk.server")


class Tails:
    """A `Tail` for each vault that has followers. Without any it costs nothing.

    `journal_of` names a vault's file; `sequence_of` tells without waiting what its gate wrote last, None where none
    runs. New records are found within 50 ms, or at once after `notify`.
    """

    def __init__(self, journal_of: Callable[[str], Path], sequence_of: Callable[[str], int | None]) -> None:
        self._journal_of = journal_of
        self._sequence_of = sequence_of
        self._tails: dict[str, Tail] = {}
        self._readings: dict[str, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, "events")
        self._woken = asyncio.Event()
        self._followed = asyncio.Event()
        self._newcomers: set[Callable[[str], None]] = set()
        self._unreadable: dict[str, str] = {}
        self._founded: dict[str, int] = {}

    async def follow(self, vault_id: str, follower: Follower) -> Tail:
        """Wake the follower whenever there is more, from the end that the journal has now. Raises `JournalError`."""
        tail = self._tails.get(vault_id)
        if tail is None:
            journal = self._journal_of(vault_id)
            position = await self._off_loop(last, journal)
            tail = self._tails.setdefault(vault_id, Tail(vault_id, journal, position))
        tail.followers.add(follower)
        self._followed.set()
        return tail

    def leave(self, vault_id: str, follower: Follower) -> None:
        """Wake it no more; a tail that nobody follows ends."""
        tail = self._tails.get(vault_id)
        if tail is None:
            return
        tail.followers.discard(follower)
        if not tail.followers:
            del self._tails[vault_id]
            self._unreadable.pop(vault_id, None)
            if not self._tails:
                self._followed.clear()

    async def read(self, tail: Tail, position: int) -> list[Told]:
        """Some records after a position, none at the end. Raises `JournalError`."""
        found = tail.after(position, CHUNK)
        return await self._off_loop(read, tail.journal, position) if found is None else found

    async def is_there(self, tail: Tail, position: int) -> bool:
        """Whether the journal has come as far as a position. Raises `JournalError`."""
        if position <= tail.position:
            return True
        return position <= await self._off_loop(last, tail.journal)

    async def end(self, vault_id: str) -> int:
        """The last record that a vault's journal has now. Raises `JournalError`."""
        return await self._off_loop(last, self._journal_of(vault_id))

    async def in_order(self, vault_ids: Iterable[str]) -> list[str]:
        """Vaults in the order in which they were made, which only grows; what cannot be read is left out."""
        asked = list(vault_ids)
        await self._off_loop(self._look_up, [one for one in asked if one not in self._founded])
        return sorted(filter(self._founded.__contains__, asked), key=lambda one: (self._founded[one], one))

    def on_new_vault(self, told: Callable[[str], None]) -> Callable[[], None]:
        """Tell of each vault that is made from now on; gives how to end that."""
        self._newcomers.add(told)
        return lambda: self._newcomers.discard(told)

    def announce(self, vault_id: str) -> None:
        """A vault was made."""
        for told in tuple(self._newcomers):
            told(vault_id)

    def notify(self) -> None:
        """Say on the event loop that something was written."""
        self._woken.set()

    async def run(self) -> None:
        """Look after the journals until cancelled."""
        looks = 0
        try:
            while True:
                await self._followed.wait()
                self._woken.clear()
                self._look(at_rest=looks % AT_REST_LOOKS == 0)
                looks += 1
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._woken.wait()
                except TimeoutError:
                    pass
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _look_up(self, vault_ids: Iterable[str]) -> None:
        for vault_id in vault_ids:
            try:
                self._founded[vault_id] = founded(self._journal_of(vault_id))
            except (GxriskError, LookupError) as error:
                _log.error("%s has no first record that can be read: %s", vault_id, error)

    def _look(self, *, at_rest: bool) -> None:
        for vault_id, tail in self._tails.items():
            written = self._sequence_of(vault_id)
            is_due = at_rest if written is None else written > tail.position
            if is_due and vault_id not in self._readings:
                reading = asyncio.create_task(self._catch_up(tail))
                self._readings[vault_id] = reading
                reading.add_done_callback(partial(self._was_read, vault_id))

    def _was_read(self, vault_id: str, _reading: "asyncio.Task[None]") -> None:
        del self._readings[vault_id]

    async def _catch_up(self, tail: Tail) -> None:
        """Read on; a journal that cannot be read is logged once, and tried again."""
        try:
            while records := await self._off_loop(read, tail.journal, tail.position):
                tail.take(records)
                if len(records) < CHUNK:
                    break
        except Exception as error:  # whatever it is, the others go on
            if self._unreadable.get(tail.vault_id) != str(error):
                self._unreadable[tail.vault_id] = str(error)
                _log.exception("events of %s cannot be read", tail.vault_id)
        else:
            self._unreadable.pop(tail.vault_id, None)

    async def _off_loop(self, call: Callable[[*_Given], _Result], *args: *_Given) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)
