"""Keeping a history up with the journals while gates write them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Final

from gxrisk._native import GxriskError
from gxrisk.history.errors import HistoryError
from gxrisk.history.following import Following
from gxrisk.history.queries import History

_POLL_S: Final = 0.25
_log: Final = logging.getLogger(__name__)

Path_ = str | PathLike[str]


class Projector:
    """Tells a history what journals say: each record once, however many projectors run and wherever one is killed.

    A record and the vault's place in its journal are written in one transaction. A journal that cannot be read does not
    hold up the others: `failures` names it until it can.

    >>> import tempfile
    >>> from gxrisk import Gate, Limits
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Gate("demo", Limits.for_tier("growth"), journal=f"{folder.name}/demo.gxr") as gate:
    ...     gate.deposit(10_000)
    >>> with History.open(f"{folder.name}/history.db") as history:
    ...     _ = Projector(history, [f"{folder.name}/demo.gxr"]).catch_up()
    ...     [(flow.kind, flow.amount) for flow in history.flows("demo").rows]
    [('deposit', Decimal('10000'))]
    >>> folder.cleanup()
    """

    def __init__(self, history: History, journals: Iterable[Path_] = (), *, poll_s: float = _POLL_S) -> None:
        self.failures: dict[Path, str] = {}
        self._engine = history.engine
        self._poll_s = poll_s
        self._followed: dict[Path, Following] = {}
        self._stopping = False
        self._wake: Callable[[], object] = lambda: None
        for journal in journals:
            self.follow(journal)

    def follow(self, journal: Path_) -> None:
        """Follow one more journal; it need not be there yet."""
        path = Path(journal)
        self._followed = {**self._followed, path: Following(self._engine, path)}
        self._wake()

    def unfollow(self, journal: Path_) -> None:
        """Follow a journal no more; what the history holds of it stays."""
        path = Path(journal)
        self._followed = {one: following for one, following in self._followed.items() if one != path}
        self.failures.pop(path, None)

    def notify(self) -> None:
        """Say from any thread that there is something new, so that nothing waits for the next poll."""
        self._wake()

    def catch_up(self) -> int:
        """Apply all that the journals hold, a batch of each in turn; gives how many transactions that took."""
        steps = 0
        waiting: Sequence[Following] = tuple(self._followed.values())
        while waiting and not self._stopping:
            waiting = [following for following in waiting if self._step(following)]
            steps += len(waiting)
        return steps

    def rebuild(self, journal: Path_) -> None:
        """Make the history of a journal's vault anew; an interrupted rebuild goes on with the next `catch_up`."""
        path = Path(journal)
        if path not in self._followed:
            self.follow(path)
        self._followed[path].rebuild()
        self.failures.pop(path, None)
        while self._followed[path].step():
            pass

    async def run(self) -> None:
        """Follow the journals until cancelled; a batch that has begun is finished first."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        self._stopping = False
        try:
            while True:
                woken.clear()
                await self._catch_up_elsewhere()
                try:
                    async with asyncio.timeout(self._poll_s):
                        await woken.wait()
                except TimeoutError:
                    pass
        finally:
            self._wake = lambda: None

    async def _catch_up_elsewhere(self) -> None:
        """In a thread, since databases wait; a thread cannot be cancelled, so it is asked to stop and awaited."""
        work = asyncio.create_task(asyncio.to_thread(self.catch_up))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self._stopping = True
            await work
            raise

    def _step(self, following: Following) -> bool:
        try:
            went_on = following.step()
        except Exception as error:  # whatever is wrong with one vault, the others go on
            following.reset()
            reason = str(error) if isinstance(error, GxriskError | OSError) else repr(error)
            if self.failures.get(following.path) != reason:
                _log.exception("%s is not projected", following.path)
            self.failures[following.path] = reason
            return False
        if self.failures.pop(following.path, None) is not None:
            _log.info("%s is projected again", following.path)
        return went_on

    def raise_failures(self) -> None:
        """Raise the first failure, for a caller that wants all journals or an error."""
        for path, reason in self.failures.items():
            raise HistoryError(reason if str(path) in reason else f"{path}: {reason}")
