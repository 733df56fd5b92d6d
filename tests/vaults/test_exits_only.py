"""A strategy or licence that is gone leaves nobody alone with positions: the vault is opened for exits only.

Each case is a restart: a new fleet, and a module that nobody has imported yet.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from importlib import invalidate_caches
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from gxrisk import ApprovalError, Gate, Limits, ManualClock, Order, VaultError
from gxrisk.feeds import Moment
from gxrisk.vaults import Fleet, StrategyVersion, Vault, VaultSettings
from gxrisk.vaults.certificate import issue
from gxrisk.vaults.graduation import judge
from gxrisk.venues import Account, PaperVenue, Redeem, VenueError
from gxrisk.venues.exits import exits_alone
from gxrisk.venues.live import Licence, LiveVenue

from .faults import Through
from .fleets import NS_PER_MS, START_MS, Listener, Owner, minutes
from .paper import GROWTH, Paper

pytestmark = pytest.mark.usefixtures("data_dir")

D = Decimal

TEXT = "from tests.vaults.strategies import Bidder\n\n\nclass Model(Bidder):\n    pass\n"
_NUMBERS = count()


class Shaky(Through):
    """An account that cannot be reached the next `fail` times that it is asked for reports."""

    fail = 0

    async def reports(self, after: int) -> Any:
        """Not there."""
        if Shaky.fail:
            Shaky.fail -= 1
            raise VenueError("no connection")
        return await self.account.reports(after)


class Exchange(LiveVenue):
    """A venue with real money as the gate sees it; what its account may redeem is all that reaches the exchange."""

    name = "exchange"

    def __init__(self, behind: PaperVenue) -> None:
        self.behind = behind

    async def _open(self, vault_id: str, redeem: Redeem) -> Account:
        return Shaky(await self.behind.account(vault_id, redeem))


@dataclass
class World:
    """A folder, a strategy's file, and one vault `ann`, on paper or live; the market goes on minute by minute."""

    folder: Path
    file: Path
    is_live: bool
    listener: Listener
    licence: Licence | None = None
    at: int = 0
    owner_key: bytes | None = None

    @property
    def version(self) -> StrategyVersion:
        """The strategy as it was at first."""
        return StrategyVersion.of(f"{self.file.stem}:Model", "1")

    def restarted(self) -> Fleet:
        """A fleet of a new process."""
        sys.modules.pop(self.file.stem, None)
        invalidate_caches()
        venue: Any = PaperVenue(folder=self.folder / "accounts", seed=7)
        if self.is_live:
            venue = Exchange(venue)
            if self.licence is not None:
                venue._licences()["ann"] = self.licence  # as its operator did, before anything was lost
        clock = ManualClock((START_MS + self.at * 60_000) * NS_PER_MS)
        return Fleet(self.folder / "vaults", venue, clock=clock, notify=self.listener)

    async def go_on(self, fleet: Fleet, count: int) -> None:
        """So many minutes."""
        for moment in minutes(480, from_ms=START_MS)[self.at : self.at + count]:
            behind = getattr(fleet.venue, "behind", None)
            if behind is not None:
                behind.advance(moment)
            await fleet.step(moment)
            self.at += 1

    async def closed(self, fleet: Fleet) -> None:
        """The owner ends every order, and closes what is held, again where a bid was filled meanwhile."""
        vault = fleet.vaults["ann"]
        for one in vault.gate.snapshot().working:
            await vault.cancel(one.order_id)
        for _ in range(5):
            if "BTCUSD" in vault.gate.snapshot().positions:
                assert (await vault.close_position("BTCUSD", "enough")).approved
            await self.go_on(fleet, 2)
        assert not vault.gate.snapshot().positions

    async def traded(self) -> None:
        """Made, paid in, and left with a position and orders that rest."""
        settings = VaultSettings("growth", self.version, venue="exchange" if self.is_live else "paper")
        settings = replace(settings, is_live=self.is_live)
        if self.is_live:
            self.licence = licence_of(settings.strategy)
        fleet = self.restarted()
        vault = await fleet.create("ann", settings, owner_key=self.owner_key)
        await vault.fund("first", D(10_000))
        await self.go_on(fleet, 36)
        snapshot = vault.gate.snapshot()
        assert snapshot.positions["BTCUSD"] > 0
        assert snapshot.working
        await fleet.close()


def licence_of(strategy: StrategyVersion) -> Licence:
    """What a paper vault that ran this strategy has graduated with."""
    paper = Paper(VaultSettings("growth", strategy))
    paper.week()
    issue(paper.gate, paper.record.settings, judge(paper.record, GROWTH, paper.now_ms))
    key = paper.gate.head().key
    assert key is not None
    return Licence(paper.gate.attest("certificate"), key, "paper", strategy, "growth")


@pytest.fixture(params=["paper", "live"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """With a strategy that trades."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Shaky.fail = 0
    file = tmp_path / f"breakout_{next(_NUMBERS)}.py"
    file.write_text(TEXT)
    yield World(tmp_path, file, request.param == "live", Listener())
    sys.modules.pop(file.stem, None)


def kinds(vault: Vault, since: int) -> list[str]:
    """What was put on record, without notes and marks."""
    return [one["kind"] for one in vault.gate.events(since) if one["kind"] != "note"]


def agents(vault: Vault, since: int) -> list[dict[str, Any]]:
    """What the strategy was asked, or asked for."""
    asked = ("decision", "hold")
    return [one for one in vault.gate.events(since) if one["kind"] in asked and one.get("origin", "agent") == "agent"]


def opening() -> Order:
    """An order that would open."""
    return Order("BTCUSD", "buy", "0.001", confidence=1, reasoning="more", stop_loss=1)


# How it was lost | what the reason says
LOST: dict[str, tuple[Callable[[World], object], str]] = {
    "changed": (lambda world: world.file.write_text(TEXT + "# better now\n"), "has changed"),
    "deleted": (lambda world: world.file.unlink(), "no module"),
    "no import": (lambda world: world.file.write_text("import nowhere_to_be_found\n"), "is not installed"),
    "no syntax": (lambda world: world.file.write_text("def"), "SyntaxError"),
    "exits": (lambda world: world.file.write_text("raise SystemExit(3)\n"), "SystemExit"),
    "no class": (lambda world: world.file.write_text("Model = 3\n"), "is a int"),
    "artifacts": (lambda world: world.file.write_text(TEXT + "ARTIFACTS = 3\n"), "no list of paths"),
}


@pytest.mark.parametrize(
    ("world", "how"),
    [*(("paper", how) for how in LOST), ("live", "changed"), ("live", "deleted")],
    indirect=["world"],
)
def test_it_is_opened_without_its_strategy(world: World, how: str) -> None:
    """Everything works but openings, for as long as that is so; then it is whole, and paused until it is resumed."""
    lose, said = LOST[how]

    async def live_on() -> None:
        await world.traded()
        lose(world)
        fleet = world.restarted()
        await fleet.open_all()
        assert fleet.failed == {}
        vault = fleet.vaults["ann"]
        assert said in (vault.exits_only or "")
        since = vault.gate.sequence
        assert json.loads(vault.gate.notes["exits_only"]) == {"reason": vault.exits_only, "told": True}
        with pytest.raises(VaultError, match=r"exits only.*restore.*or withdraw everything and retire"):
            vault.resume()
        price = vault.gate.snapshot().marks["BTCUSD"]
        await world.go_on(fleet, 5)
        assert world.listener.codes.count("exits_only") == 1
        told = next(one for one in world.listener.heard if one.code == "exits_only")
        assert (told.severity, said in told.text) == ("critical", True)
        assert vault.gate.state == "halted"
        assert vault.gate.snapshot().marks["BTCUSD"] != price
        assert agents(vault, since) == []
        for origin in ("agent", "owner", "protection"):
            assert vault.gate.authorize(opening(), origin=origin).outcome == "rejected"
        assert await vault.reconcile() == ()
        await fleet.close()

        fleet = world.restarted()  # and once more: not told again
        await fleet.open_all()
        vault = fleet.vaults["ann"]
        await world.closed(fleet)
        with pytest.raises(VaultError, match="holds no ETH"):
            await vault.close_position("ETH", "enough")
        assert not vault.gate.snapshot().working
        assert await vault.reconcile() == ()
        assert world.listener.codes.count("exits_only") == 1
        await fleet.close()

        world.file.write_text(TEXT)
        fleet = world.restarted()
        await fleet.open_all()
        vault = fleet.vaults["ann"]
        assert (vault.exits_only, vault.gate.state) == (None, "halted")
        await world.go_on(fleet, 3)
        assert world.listener.codes[-1] == "exits_only_ended"
        vault.resume()
        since = vault.gate.sequence
        await world.go_on(fleet, 18)
        assert any(one["kind"] == "decision" and one["outcome"] == "approved" for one in agents(vault, since))
        assert world.listener.codes.count("exits_only_ended") == 1
        assert fleet.failed == {}
        await fleet.close()

    asyncio.run(live_on())


@pytest.mark.parametrize("world", ["live"], indirect=True)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: None, "no certificate"),
        (lambda one: replace(one, token=None), "no certificate"),
        (lambda one: replace(one, token=one.token[:-1] + bytes([one.token[-1] ^ 1])), "signature"),
        (lambda one: replace(one, paper_vault_id="another"), "another"),
        (lambda one: replace(one, head_key=bytes(32)), ""),
    ],
)
def test_without_its_licence_it_may_leave(world: World, change: Callable[[Any], Any], said: str) -> None:
    """The strategy is there; the right to trade is not. With it, it is whole, in the same process too."""

    async def live_on() -> None:
        await world.traded()
        whole, world.licence = world.licence, change(world.licence)
        fleet = world.restarted()
        await fleet.open_all()
        vault = fleet.vaults["ann"]
        assert said in (vault.exits_only or "")
        assert vault.exits_only
        since = vault.gate.sequence
        await world.go_on(fleet, 3)
        assert agents(vault, since) == []
        await world.closed(fleet)
        assert await fleet.open("ann") is vault, "nothing was mended"
        venue = fleet.venue
        assert isinstance(venue, Exchange)
        assert whole is not None
        venue.licensed("ann", whole)
        again = await fleet.open("ann")
        assert (again is vault, again.exits_only) == (False, None)
        await fleet.close()

    asyncio.run(live_on())


@pytest.mark.parametrize("world", ["live"], indirect=True)
def test_a_licence_that_ends_while_it_runs(world: World) -> None:
    """The file changes under a running vault: when its account is opened anew, that is for exits only."""

    async def live_on() -> None:
        await world.traded()
        fleet = world.restarted()
        await fleet.open_all()
        assert fleet.vaults["ann"].exits_only is None
        await world.go_on(fleet, 2)
        world.file.write_text(TEXT + "# better now\n")
        Shaky.fail = 1
        await world.go_on(fleet, 2)
        vault = fleet.vaults["ann"]
        assert "has changed" in (vault.exits_only or "")
        assert fleet.failed == {}
        Shaky.fail = 1
        await world.go_on(fleet, 4)
        assert fleet.vaults["ann"] is vault, "an account for exits is opened anew as one"
        await world.closed(fleet)
        world.file.write_text(TEXT)
        assert (await fleet.open("ann")).exits_only is None
        await fleet.close()

    asyncio.run(live_on())


def test_what_a_process_has_loaded_is_what_counts(world: World) -> None:
    """It imported the changed file; the file of before on the disk does not make that the strategy which graduated."""

    async def live_on() -> None:
        await world.traded()
        world.file.write_text(TEXT + "# better now\n")
        fleet = world.restarted()
        await fleet.open_all()
        world.file.write_text(TEXT)
        vault = await fleet.open("ann")
        assert "this process has loaded other content" in (vault.exits_only or "")
        await world.go_on(fleet, 2)
        assert [one.code for one in world.listener.heard].count("exits_only") == 2, "another reason is told"
        await fleet.close()
        fleet = world.restarted()
        assert (await fleet.open("ann")).exits_only is None
        await fleet.close()

    asyncio.run(live_on())


def test_a_withdrawal_on_its_way_does_not_resume_it(world: World, owner: Owner) -> None:
    """Asked for while the vault was whole and not paused; paid while it is for exits only."""

    async def live_on() -> None:
        world.owner_key = owner.public
        await world.traded()
        fleet = world.restarted()
        vault = await fleet.open("ann")
        assert not vault.withdraw(owner.signs(1000)).was_paused
        await fleet.close()
        world.file.unlink()
        fleet = world.restarted()
        vault = await fleet.open("ann")
        await world.go_on(fleet, 20)
        assert vault.withdrawal is None
        assert "withdrawal_paid" in world.listener.codes
        assert vault.gate.snapshot().paused
        assert not vault.gate.snapshot().positions
        left = vault.gate.snapshot().equity.quantize(D("1e-9"), rounding=ROUND_DOWN)
        assert vault.withdraw(owner.signs(left))
        await world.go_on(fleet, 5)
        await fleet.retire("ann", "its strategy is gone")
        await fleet.close()

    asyncio.run(live_on())


def test_the_automatic_pause_works_without_a_strategy(world: World) -> None:
    """A crash below the limit: cancelled, told, reduce-only, and reactivated; it stays paused."""

    async def live_on() -> None:
        await world.traded()
        world.file.unlink()
        fleet = world.restarted()
        vault = await fleet.open("ann")
        held = vault.gate.snapshot()
        vault.gate.set_limits(vault.gate.limits.replace(max_drawdown=held.drawdown + D("0.0001")))
        assert held.working
        await world.go_on(fleet, 120)
        assert "drawdown" in [trip.breaker for trip in vault.gate.trips]
        assert vault.auto_pause == "told"
        assert "drawdown" in world.listener.codes
        assert not vault.gate.snapshot().working
        vault.reactivate(rebase=True)
        assert vault.gate.snapshot().paused
        await fleet.close()

    asyncio.run(live_on())


def test_an_account_for_exits_takes_no_opening(tmp_path: Path) -> None:
    """An approval of before, still good: the gate is not even asked for it. A reduction goes its way."""
    clock = ManualClock(START_MS * NS_PER_MS)
    gate = Gate("ann", Limits.for_tier("growth"), clock=clock)
    gate.deposit(10_000)
    gate.mark("BTCUSD", 100, atr=1)
    gate.apply_fill("elsewhere", "1", 1, 100, asset="BTCUSD", side="buy")
    gate.resume()
    more = Order("BTCUSD", "buy", 1, confidence=1, reasoning="more", stop_loss=98)
    less = Order("BTCUSD", "sell", 1, confidence=1, reasoning="less")
    out = less.replace(reduce_only=True)

    async def send() -> None:
        exchange = Exchange(PaperVenue(folder=tmp_path))
        exchange.behind.follow(clock)
        exchange.behind.advance(Moment(START_MS))
        account = await exchange.account_for_exits("ann", gate.redeem)
        for order in (more, less):
            approval = gate.authorize(order).approval
            if approval is None:
                continue
            with pytest.raises(ApprovalError, match="open for exits only") as refused:
                await account.submit(approval)
            assert refused.value.code == "exits_only"
            with pytest.raises(ApprovalError):
                exits_alone(gate.redeem)(approval)
        assert not any(one["kind"] == "redeemed" for one in gate.events())
        assert more.reduce_only is False
        gate.pause()
        leaving = gate.authorize(out, origin="owner").approval
        assert leaving is not None
        await account.submit(leaving)
        assert [one["kind"] for one in gate.events()].count("redeemed") == 1
        await account.close()

    asyncio.run(send())


def test_a_live_venue_cannot_replace_it() -> None:
    with pytest.raises(TypeError, match="may not replace 'account_for_exits'"):
        type("Careless", (Exchange,), {"account_for_exits": LiveVenue.account})
