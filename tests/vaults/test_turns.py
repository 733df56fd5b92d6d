"""Owners and operators act from their own tasks while the fleet steps: nothing comes between two halves of anything."""

import asyncio
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from gxrisk import JournalReader, VaultError, WithdrawalError
from gxrisk.vaults import Vault
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.venues import PaperVenue
from gxrisk.venues.through import Through

from tests.vaults.faults import Dawdling, FaultyVenue, small_disk
from tests.vaults.fleets import Listener, Owner, agrees, events, fleet, minutes, play, settings

pytestmark = pytest.mark.usefixtures("data_dir")

D = Decimal
WARM = 17
MINUTES = 60


class Acts:
    """What people do to a vault, in any order, over and over, until the fleet is through with its minutes."""

    def __init__(self, vault: Vault, random: Random, owner: Owner) -> None:
        self.vault = vault
        self.owner = owner
        self.random = random
        self.requests = [owner.signs(number + 1) for number in range(8)]
        self.paid_in = D(0)
        self.done: Counter[str] = Counter()
        self.is_over = False

    async def pay_in(self) -> None:
        """With a number of its own each time, twice at once now and then."""
        while not self.is_over:
            transfer_id, amount = f"transfer {self.done['paid in']}", D(self.random.randint(1, 50)) / 10
            twins = [self.vault.fund(transfer_id, amount) for _ in range(self.random.randint(1, 2))]
            if None in await asyncio.gather(*twins, return_exceptions=True):  # else a withdrawal is on its way
                self.paid_in += amount
                self.done["paid in"] += 1
            await self._wait()

    async def take_out(self) -> None:
        """The requests that the owner has signed, one after the other."""
        while not self.is_over and self.requests:
            with suppress(VaultError, WithdrawalError):
                self.vault.withdraw(self.requests[-1])
                self.requests.pop()
                self.done["taken out"] += 1
            await self._wait()
            while self.vault.withdrawal is not None and not self.is_over:
                await self._wait()

    async def reconcile(self) -> None:
        """There is nothing to find at any time."""
        while not self.is_over:
            assert await self.vault.reconcile() == ()
            self.done["reconciled"] += 1
            await self._wait()

    async def control(self) -> None:
        """Pause and resume, kill and reactivate."""
        while not self.is_over:
            for act, undo in ((self.vault.pause, self.vault.resume), (self._kill, self._reactivate)):
                await self._wait(200)
                act()
                await self._wait()
                with suppress(VaultError):  # a withdrawal is on its way, and resumes by itself
                    undo()
                self.done["controlled"] += 1

    def _kill(self) -> None:
        self.vault.kill("a drill")

    def _reactivate(self) -> None:
        self.owner.reactivates(self.vault)

    async def _wait(self, turns_max: int = 60) -> None:
        for _ in range(self.random.randint(1, turns_max)):
            await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(4))
def test_people_and_fleet_take_turns(seed: int, tmp_path: Path, owner: Owner) -> None:
    """At a venue that dawdles in every call: every unit is booked once, and gate and venue never differ."""
    print(f"seed {seed}")  # noqa: T201
    with small_disk(tmp_path / "memory", 1 << 20) as memory:  # a disk's speed is no matter here
        asyncio.run(play_it(seed, memory.folder, owner))


async def play_it(seed: int, folder: Path, owner: Owner) -> None:
    """The same, to the end."""
    random = Random(seed)
    venue = FaultyVenue({"ann": partial(Dawdling, random=random)}, folder=folder / "accounts")
    one = fleet(folder, venue, notify=Listener())
    one.market.bars(60)
    moments = minutes(WARM + MINUTES)
    await play(one, moments[:WARM])
    vault = await one.create("ann", settings("Bidder"), owner_key=owner.public)
    await vault.fund("first", D(10_000))
    acts = Acts(vault, random, owner)
    people = [asyncio.ensure_future(act()) for act in (acts.pay_in, acts.take_out, acts.reconcile, acts.control)]
    await play(one, moments[WARM:])
    acts.is_over = True
    await asyncio.gather(*people)
    assert one.failed == {}
    assert min(acts.done[each] for each in ("paid in", "taken out", "reconciled", "controlled")) >= 5, acts.done
    with suppress(VaultError):
        vault.resume()
    records = vault.gate.events()
    assert not [each for each in records if each.get("breaker") == "fill_mismatch"]
    booked = sum(each["amount"] for each in records if each["kind"] == "flow")
    paid = sum(each["amount"] for each in records if each["kind"] == "withdrawal")
    assert booked == 10_000 + acts.paid_in
    assert vault.gate.snapshot().collateral == booked - paid
    assert paid > 0
    assert max(Counter(each["fill_id"] for each in records if each["kind"] == "fill").values()) == 1
    await agrees(vault)
    await one.close()
    JournalReader(folder / "vaults" / "ann" / JOURNAL).verify()


def test_a_kill_waits_for_no_turn(tmp_path: Path) -> None:
    """The vault's moment is waiting for the venue to take a cancel: the kill acts now, and ends all orders as well."""

    class Waiting(Through):
        """Says when it is asked to cancel, and waits with the answer."""

        asked, answered = asyncio.Event(), asyncio.Event()

        async def cancel(self, order_id: str) -> None:
            self.asked.set()
            await self.answered.wait()
            await super().cancel(order_id)

    async def kill() -> None:
        venue = FaultyVenue({"ann": Waiting}, folder=tmp_path / "accounts")
        one = fleet(tmp_path, venue)
        one.market.bars(60)
        moments = minutes(WARM + 12)
        await play(one, moments[:WARM])
        vault = await one.create("ann", settings("Bidder"))
        await vault.fund("first", D(10_000))
        await play(one, moments[WARM : WARM + 5])
        vault.kill("first")
        step = asyncio.ensure_future(one.step(moments[WARM + 5]))
        await venue.wrapped["ann"].asked.wait()
        vault.reactivate()
        vault.kill("second")
        assert vault.gate.snapshot().killed
        venue.wrapped["ann"].answered.set()
        await step
        await play(one, moments[WARM + 6 : WARM + 9])
        assert vault.gate.snapshot().working == ()
        await one.close()

    asyncio.run(kill())


def test_money_that_comes_while_a_vault_is_retired_stays_outside(tmp_path: Path) -> None:
    """Either the vault has it and is not retired, or it is retired and nothing was credited."""

    async def retire() -> None:
        venue = FaultyVenue({"ann": partial(Dawdling, random=Random(0))}, folder=tmp_path / "accounts")
        one = fleet(tmp_path, venue)
        vault = await one.create("ann", settings("Silent"))
        calls: list[Any] = [one.retire("ann", "over"), *(vault.fund(f"late {number}", D(5)) for number in range(3))]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        credited = (
            await PaperVenue(folder=tmp_path / "accounts").account("ann", vault.gate.redeem)
        ).book.ledger.balance
        if answers[0] is None:
            assert [str(each) for each in answers[1:]] == ["ann is closed"] * 3
            assert credited == 0
            assert not [each for each in events(one, "ann") if each["kind"] == "flow"]
        else:
            assert "in money" in str(answers[0])
            assert credited == 15
        await one.close()

    asyncio.run(retire())
