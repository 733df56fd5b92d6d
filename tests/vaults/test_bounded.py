"""A venue that hangs for one vault: that one goes on when it answers again, and no other is held up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gxrisk import ManualClock
from gxrisk.vaults import Fleet, Notice, admission
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.venues import Account, PaperVenue, Report, VenueError
from gxrisk.venues.bounded import BoundedAccount, Patience
from gxrisk.venues.through import Through

from .faults import FaultyVenue
from .fleets import CRASH_MS, NS_PER_MS, minutes, settings
from .test_same_path import numbered, records

VAULTS = ("ann", "bob", "cem")


class Hanging(Through):
    """Gives no answer at all to some of the questions for its reports."""

    def __init__(self, account: Account, calls: range) -> None:
        super().__init__(account)
        self.calls = calls
        self.count = 0

    async def reports(self, after: int) -> Sequence[Report]:
        """Never, while it hangs."""
        self.count += 1
        if self.count in self.calls:
            await asyncio.Event().wait()
        return await super().reports(after)


async def run(folder: Path, venue: PaperVenue) -> Fleet:
    """Three vaults of one model through three hours of the crash."""

    async def nobody(_: Notice) -> None: ...

    one = Fleet(folder, venue, clock=ManualClock(CRASH_MS * NS_PER_MS), notify=nobody)
    for name in VAULTS:
        vault = await one.create(name, settings("Trader"))
        await vault.fund("first", Decimal(10_000))
    for moment in minutes(180):
        await one.step(moment)
    return one


def test_one_that_hangs_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "Patience", partial(Patience, answer_s=0.5, rest_s=0))

    async def hanging() -> tuple[Hanging, Fleet]:
        venue = FaultyVenue({"bob": lambda account: Hanging(account, range(40, 60, 3))}, seed=7)
        one = await run(tmp_path / "hanging", venue)
        bob = one.vaults["bob"]
        await bob.reconcile()
        assert not one.failed
        assert not await bob.reconcile(), "what the venue did meanwhile was taken in"
        await one.close()
        return venue.wrapped["bob"], one

    async def undisturbed() -> None:
        await (await run(tmp_path / "undisturbed", PaperVenue(seed=7))).close()

    account, _ = asyncio.run(hanging())
    assert account.count > 60, "it was asked again after each silence"
    asyncio.run(undisturbed())
    for name in ("ann", "cem"):
        there, here = (numbered(records(tmp_path / kind / name / JOURNAL)) for kind in ("hanging", "undisturbed"))
        assert there == here
        assert sum("'fill'" in one for one in here) > 5


CALLS: dict[str, Callable[[BoundedAccount], Coroutine[Any, Any, object]]] = {
    "cancel": lambda one: one.cancel("gx-1"),
    "reports": lambda one: one.reports(0),
    "statement": lambda one: one.statement(),
    "deposit": lambda one: one.deposit("first", Decimal(1)),
    "withdraw": lambda one: one.withdraw("first", "bank", Decimal(1)),
}


class Never:
    """Any call of an account, without an end."""

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, None]]:
        async def hang(*_: object) -> None:
            await asyncio.Event().wait()

        return hang


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_bounded_and_then_rests(name: str) -> None:
    async def twice() -> None:
        patience = Patience(answer_s=0.01, rest_s=1000)
        account = BoundedAccount(patience, "ann", Never())  # type: ignore[arg-type]
        with pytest.raises(VenueError, match=r"no answer within 0\.01 s; it is asked again in 1000 s"):
            await CALLS[name](account)
        with pytest.raises(VenueError, match="asked again in 1000 s"):
            await CALLS[name](account)  # at once: were it asked, the message would be the other one
        other = BoundedAccount(patience, "bob", await PaperVenue().account("bob", lambda _: None))  # type: ignore[arg-type,return-value]
        await other.reports(0)  # of another vault

    asyncio.run(twice())
