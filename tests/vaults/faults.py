"""Faults that a test lets loose: venues that lie or are away, and disks that are full."""

import asyncio
import resource
import subprocess
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from gxrisk import Approval
from gxrisk.venues import Account, Cancelled, Filled, PaperVenue, Redeem, Report, Statement, VenueError
from gxrisk.venues.paper.book import instant
from gxrisk.venues.through import Through


class Away(Through):
    """Cannot be reached from one call to another; half of what was sent before arrives all the same."""

    def __init__(self, account: Account, calls: range) -> None:
        super().__init__(account)
        self.calls = calls
        self.count = 0

    async def submit(self, approval: Approval) -> None:
        """Arrives or not: who asked does not know."""
        self.count += 1
        if self.count in self.calls and self.count % 2:
            raise VenueError("no connection")
        await self.account.submit(approval)
        if self.count in self.calls:
            raise VenueError("no answer")

    async def reports(self, after: int) -> Sequence[Report]:
        """Nothing while it is away."""
        self.count += 1
        if self.count in self.calls:
            raise VenueError("no connection")
        return await self.account.reports(after)


class Poisoned(Through):
    """One of its reports is nonsense, the same whenever it is asked for; the others are true."""

    def __init__(self, account: Account, poison: Report) -> None:
        super().__init__(account)
        self.poison = poison

    async def reports(self, after: int) -> Sequence[Report]:
        """With the nonsense in the place of what has its number."""
        told = await self.account.reports(after)
        return [self.poison if one.sequence == self.poison.sequence else one for one in told]


POISONS: dict[str, Report] = {
    "NaN": Filled(3, instant(0), "gx-1", "p", "BTCUSD", "buy", Decimal("NaN"), Decimal(1), Decimal(0)),
    "a side of its own": Filled(3, instant(0), "gx-1", "p", "BTCUSD", "up", Decimal(1), Decimal(1), Decimal(0)),  # type: ignore[arg-type]
    "more than there is": Filled(3, instant(0), "gx-1", "p", "BTCUSD", "buy", Decimal("1e30"), Decimal(1), Decimal(0)),
    "nobody's order": Cancelled(3, instant(0), "gx-999999", "why not"),
    "no order": Cancelled(3, instant(0), None, ""),  # type: ignore[arg-type]
}


class Unreliable(Through):
    """Drops some requests to cancel without a word, and tells what it reports some calls late."""

    def __init__(self, account: Account, random: Random, late_max: int = 3, drops: float = 0.6) -> None:
        super().__init__(account)
        self.random = random
        self.late_max = late_max
        self.drops = drops
        self.dropped: list[str] = []
        self.asked: list[str] = []
        self._wait = 0

    async def cancel(self, order_id: str) -> None:
        """Heard, or not."""
        self.asked.append(order_id)
        if self.random.random() < self.drops:
            self.dropped.append(order_id)
            return
        await self.account.cancel(order_id)

    async def reports(self, after: int) -> Sequence[Report]:
        """All that there is, but only now and then."""
        if self._wait:
            self._wait -= 1
            return ()
        self._wait = self.random.randint(0, self.late_max)
        return await self.account.reports(after)


class Refusing(Through):
    """Does not take the first orders that it is sent while `refuse` is above 0: the gate hears that they failed."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.refuse = 0

    async def submit(self, approval: Approval) -> None:
        """Not there."""
        if self.refuse:
            self.refuse -= 1
            raise VenueError("no connection")
        await self.account.submit(approval)


class Differing(Through):
    """Its statement says something else than what is so."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.lie: dict[str, Any] = {}

    async def statement(self) -> Statement:
        """With the lie in it."""
        return replace(await self.account.statement(), **self.lie)


class FaultyVenue(PaperVenue):
    """A paper venue of which some vaults' accounts are wrapped; a wrapper outlives a new opening of its account."""

    def __init__(self, wrap: dict[str, Callable[[Account], Through]], **more: Any) -> None:
        super().__init__(**more)
        self._wrap = wrap
        self.wrapped: dict[str, Any] = {}

    async def account(self, vault_id: str, redeem: Redeem) -> Any:
        """The vault's account, wrapped where that is asked for."""
        account = await super().account(vault_id, redeem)
        if vault_id not in self._wrap:
            return account
        if vault_id not in self.wrapped:
            self.wrapped[vault_id] = self._wrap[vault_id](account)
        self.wrapped[vault_id].account = account
        return self.wrapped[vault_id]


class SmallDisk:
    """A folder that can be full: a file system of its own where this process may mount one, else a limit on files.

    With the limit every file of the process larger than the fullest one here would fail too, so this one's are
    fattened first by whoever uses it.
    """

    def __init__(self, folder: Path, is_mounted: bool) -> None:
        self.folder = folder
        self.is_mounted = is_mounted
        self._filler = folder / "filler"
        self._limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        """From now on nothing more fits."""
        if not self.is_mounted:
            largest = max(one.stat().st_size for one in self.folder.rglob("*") if one.is_file())
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, self._limit[1]))
            return
        with self._filler.open("wb", buffering=0) as file:
            for size in (65_536, 4096, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """There is room again."""
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limit)
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, size_kib: int = 4096) -> Iterator[SmallDisk]:
    """A disk of that size at `folder`."""
    folder.mkdir(parents=True)
    disk = SmallDisk(folder, _is_mounted(folder, size_kib))
    try:
        yield disk
    finally:
        disk.free()
        if disk.is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


class Dawdling(Through):
    """Lets other tasks go on, some turns of the loop each time, before each call and after it."""

    def __init__(self, account: Account, random: Random, turns_max: int = 4) -> None:
        super().__init__(account)
        self._random = random
        self._turns_max = turns_max

    async def _dawdle(self, call: Coroutine[Any, Any, Any]) -> Any:
        for _ in range(self._random.randint(0, self._turns_max)):
            await asyncio.sleep(0)
        answer = await call
        for _ in range(self._random.randint(0, self._turns_max)):
            await asyncio.sleep(0)
        return answer

    async def submit(self, approval: Approval) -> None:
        """In time."""
        await self._dawdle(super().submit(approval))

    async def cancel(self, order_id: str) -> None:
        """In time."""
        await self._dawdle(super().cancel(order_id))

    async def reports(self, after: int) -> Sequence[Report]:
        """In time."""
        reports: Sequence[Report] = await self._dawdle(super().reports(after))
        return reports

    async def statement(self) -> Statement:
        """In time."""
        statement: Statement = await self._dawdle(super().statement())
        return statement

    async def deposit(self, transfer_id: str, amount: Decimal) -> None:
        """In time."""
        await self._dawdle(super().deposit(transfer_id, amount))

    async def withdraw(self, transfer_id: str, destination: str, amount: Decimal) -> None:
        """In time."""
        await self._dawdle(super().withdraw(transfer_id, destination, amount))


class Teller(Through):
    """Deposits and withdrawals fail the next `fail` times: before the money moves, or after it has."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.fail = 0
        self.is_late = False

    async def deposit(self, transfer_id: str, amount: Decimal) -> None:
        """In, perhaps."""
        await self._perhaps(self.account.deposit(transfer_id, amount))

    async def withdraw(self, transfer_id: str, destination: str, amount: Decimal) -> None:
        """Out, perhaps."""
        await self._perhaps(self.account.withdraw(transfer_id, destination, amount))

    async def _perhaps(self, call: Coroutine[Any, Any, None]) -> None:
        if not self.fail:
            await call
            return
        self.fail -= 1
        if self.is_late:
            await call
        else:
            call.close()
        raise VenueError("no answer")


def _is_mounted(folder: Path, size_kib: int) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "none", str(folder)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False
