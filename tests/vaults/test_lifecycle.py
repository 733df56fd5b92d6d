"""One vault from its making to its closing, as an owner and an operator meet it."""

import asyncio
import sys
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gxrisk import JournalError, Limits, VaultError
from gxrisk.agent.strategy import ModelError
from gxrisk.vaults import Fleet, StrategyVersion, Vault, VaultSettings
from gxrisk.vaults.proposals import exit_order, send
from gxrisk.venues import PaperVenue, VenueError

from tests.vaults.faults import Away, FaultyVenue, Teller
from tests.vaults.fleets import Listener, agrees, decisions, events, fleet, minutes, play, settings

pytestmark = pytest.mark.usefixtures("data_dir")

WARM = 17
D = Decimal


@pytest.fixture(params=["memory", "folder"])
def venue(request: pytest.FixtureRequest, tmp_path: Path) -> PaperVenue:
    """A paper venue of either kind."""
    return PaperVenue(folder=tmp_path / "accounts" if request.param == "folder" else None)


async def started(one: Fleet, strategy: str = "Bidder", **more: Any) -> tuple[Vault, list[Any]]:
    """A funded vault in a market with a past; and the moments that follow."""
    one.market.bars(60)
    moments = list(minutes(70))
    await play(one, moments[:WARM])
    vault = await one.create("ann", settings(strategy), **more)
    await vault.fund("first", D(10_000))
    return vault, moments[WARM:]


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "../a", "a b", "ä", "-a", "a" * 65, "a\n", "a\0b"])
def test_an_id_that_names_no_folder_is_refused(bad: str, tmp_path: Path) -> None:
    """And nothing is made of it."""

    async def refuse() -> None:
        one = fleet(tmp_path, PaperVenue())
        with pytest.raises(VaultError, match="names a folder"):
            await one.create(bad, settings("Silent"))
        assert list((tmp_path / "vaults").iterdir()) == []

    asyncio.run(refuse())


def test_what_exists_is_not_made_again(tmp_path: Path) -> None:
    """Neither while it runs nor when it is closed; it goes on as it was."""

    async def make_twice() -> None:
        one = fleet(tmp_path, PaperVenue())
        vault = await one.create("ann", settings("Silent"))
        await vault.fund("first", D(100))
        for _ in range(2):
            with pytest.raises(JournalError):
                await one.create("ann", settings("Trader"))
            assert (await one.open("ann")).gate.snapshot().equity == 100
            await one.close()

    asyncio.run(make_twice())


def test_a_vault_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    """A live vault has no place at a paper venue, when made or opened."""

    async def refuse() -> None:
        one = fleet(tmp_path, PaperVenue())
        with pytest.raises(VaultError, match="live vault"):
            await one.create("ann", settings("Silent", is_live=True))
        assert one.vaults == {}

    asyncio.run(refuse())


def test_a_strategy_that_changed_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at creation nor at an opening, which is for exits only; with its old content it is run again."""
    file = tmp_path / "changing_model.py"
    text = "from tests.vaults.strategies import Silent\n\nclass Model(Silent):\n    pass\n"
    file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    chosen = VaultSettings("growth", StrategyVersion.of("changing_model:Model", "1"))

    async def change() -> None:
        one = fleet(tmp_path, PaperVenue())
        await one.create("ann", chosen)
        await one.close()
        file.write_text(text + "# better now\n")
        with pytest.raises(ModelError, match="has changed"):
            await one.create("bob", chosen)
        await one.open_all()
        assert one.failed == {}
        assert "has changed" in (one.vaults["ann"].exits_only or "")
        file.write_text(text)
        assert (await one.open("ann")).exits_only is None
        await one.close()

    asyncio.run(change())


def test_money_comes_in_once(venue: PaperVenue, tmp_path: Path) -> None:
    """The same transfers again, in any order, at any time: nothing; with another amount: an error."""

    async def fund() -> None:
        one = fleet(tmp_path, venue)
        vault = await one.create("ann", settings("Silent"))
        for _ in range(2):
            for transfer_id, amount in (
                ("a", D(100)),
                ("b", D("0.5")),
                ("a", D(100)),
                ("c", D("1e-9")),
                ("b", D("0.5")),
            ):
                await vault.fund(transfer_id, amount)
            assert vault.gate.snapshot().collateral == D("100.500000001")
            with pytest.raises(VaultError, match="was of 100"):
                await vault.fund("a", D(101))
            await agrees(vault)
            await one.close()
            vault = await one.open("ann")
        await one.close()

    asyncio.run(fund())


@pytest.mark.parametrize("amount", [D(0), D(-1), D("NaN"), D("Infinity"), D("1e-10"), D("1e16"), 5, "5", None])
def test_what_is_no_amount_is_refused_and_does_no_harm(amount: Any, tmp_path: Path) -> None:
    """Nothing of it is written down, where it would be met at each opening."""

    async def fund() -> None:
        one = fleet(tmp_path, PaperVenue())
        vault = await one.create("ann", settings("Silent"))
        before = vault.gate.sequence
        with pytest.raises(VaultError, match="amount"):
            await vault.fund("bad", amount)
        assert vault.gate.sequence == before
        await vault.fund("good", D(1))
        await agrees(vault)
        await one.close()

    asyncio.run(fund())


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("ending", ["again", "by itself", "restart", "another first", "booked before the crash"])
def test_a_deposit_that_was_cut_short_comes_to_its_end(is_late: bool, ending: str, tmp_path: Path) -> None:
    """The venue gave no answer, before or after the money moved: once booked, whoever goes on with it."""

    async def fund() -> None:
        venue = FaultyVenue({"ann": Teller}, folder=tmp_path / "accounts")
        one = fleet(tmp_path, venue)
        vault = await one.create("ann", settings("Silent"))
        await vault.fund("first", D(1000))
        teller = venue.wrapped["ann"]
        teller.fail, teller.is_late = 1, is_late
        with pytest.raises(VenueError):
            await vault.fund("second", D(7))
        with pytest.raises(VaultError, match="deposit is being booked"):
            vault.withdraw(b"")
        expected = D(1007)
        if ending == "again":
            await vault.fund("second", D(7))
        elif ending == "by itself":
            await play(one, minutes(1))
        elif ending == "another first":
            await vault.fund("third", D(3))
            await vault.fund("second", D(7))
            expected += 3
        else:
            if ending == "booked before the crash":
                vault.gate.deposit(D(7))
            await one.close()
            vault = await one.open("ann")
        await agrees(vault)
        assert vault.gate.snapshot().collateral == expected
        await one.close()

    asyncio.run(fund())


def test_pause_and_kill_stop_the_strategy_until_undone(venue: PaperVenue, tmp_path: Path) -> None:
    """Paused, it is refused; killed, its orders end too; each has its way back."""

    async def stop_and_go() -> None:
        one = fleet(tmp_path, venue)
        vault, after = await started(one)
        await play(one, after[:6])
        assert vault.gate.snapshot().working
        for halt, go_on in ((vault.pause, vault.resume), (lambda: vault.kill("a drill"), vault.reactivate)):
            halt()
            await play(one, after[6:9])
            before = vault.gate.sequence
            await play(one, after[9:14])
            assert approved(vault, before) == []
            go_on()
            assert vault.gate.state == "active"
            await play(one, after[14:18])
            assert approved(vault, before) != []
            del after[6:18]
        assert sum(each["kind"] == "cancelled" for each in vault.gate.events()) > 0
        await agrees(vault)
        await one.close()

    asyncio.run(stop_and_go())


def approved(vault: Vault, since: int) -> list[Any]:
    """What the strategy opened since a record."""
    return [
        each["order_id"]
        for each in vault.gate.events(since)
        if each["kind"] == "decision" and each["outcome"] == "approved" and each["origin"] == "agent"
    ]


def test_a_tier_changes_while_flat_alone(venue: PaperVenue, tmp_path: Path) -> None:
    """And takes what the tier sets, not the operator's own limits; it is the vault's tier from then on."""

    async def change() -> None:
        one = fleet(tmp_path, venue)
        limits = Limits.for_tier("growth").replace(assets=["BTCUSD"], max_order_notional=1000, min_confidence="0.4")
        vault, after = await started(one, limits=limits)
        await play(one, after[:6])
        before = vault.gate.limits.to_dict()
        with pytest.raises(VaultError, match="while the vault is flat; close first: BTCUSD"):
            vault.change_tier("high_octane")
        assert vault.gate.limits.to_dict() == before
        vault.kill("to be flat")
        vault.reactivate()
        vault.pause()
        await play(one, after[6:8])
        for asset, position in vault.gate.snapshot().positions.items():
            await close(vault, asset, position)
        await play(one, after[8:10])
        with pytest.raises(Exception, match="tier"):
            vault.change_tier("reckless")
        vault.change_tier("high_octane")
        vault.resume()
        assert vault.gate.limits.max_leverage == 10
        assert vault.gate.limits.assets == ("BTCUSD",)
        assert (vault.gate.limits.max_order_notional, vault.gate.limits.min_confidence) == (1000, D("0.4"))
        await one.close()
        vault = await one.open("ann")
        assert vault.settings.tier == "high_octane"
        assert vault.gate.limits.max_drawdown == D("0.25")
        before_sequence = vault.gate.sequence
        await play(one, after[10:14])
        assert approved(vault, before_sequence)
        await one.close()

    asyncio.run(change())


async def close(vault: Vault, asset: str, position: Decimal) -> None:
    """The owner closes a position."""
    await send(vault.gate.authorize(exit_order(asset, position, 1, "out"), origin="owner"), vault._dealings.account)


def test_closed_and_opened_it_goes_on_as_one_that_never_stopped(tmp_path: Path) -> None:
    """At each turn in the same process, and in new ones whose feed begins again: the same decisions and account."""

    async def whole(folder: Path) -> list[Any]:
        one = fleet(folder, notify=Listener())
        _, after = await started(one, "Trader")
        await play(one, after)
        await one.close()
        return decisions(events(one, "ann"))

    async def in_parts(folder: Path) -> list[Any]:
        one = fleet(folder, notify=Listener())
        _, after = await started(one, "Trader")
        for moment in after:
            await one.step(moment)
            await one.close()
            await agrees(await one.open("ann"))
        await one.close()
        return decisions(events(one, "ann"))

    async def told_again(folder: Path) -> list[Any]:
        one = fleet(folder, notify=Listener())
        _, after = await started(one, "Trader")
        await play(one, after[:10])
        await one.close()
        for count in (20, 35, len(after)):
            one = fleet(folder, notify=Listener())
            await one.open_all()
            assert one.failed == {}
            await play(one, minutes(70)[: WARM + count])
            await agrees(one.vaults["ann"])
            await one.close()
        return decisions(events(one, "ann"))

    expected = asyncio.run(whole(tmp_path / "whole"))
    assert len({one[1] for one in expected}) > 1
    assert asyncio.run(in_parts(tmp_path / "parts")) == expected
    assert asyncio.run(told_again(tmp_path / "again")) == expected


def test_without_the_venue_prices_are_seen_and_nothing_is_asked(tmp_path: Path) -> None:
    """A breaker lives on marks, a strategy on a known account; when the venue is back, it is reconciled first."""

    async def alone() -> None:
        venue = FaultyVenue({"ann": partial(Away, calls=range(7, 13))})
        one = fleet(tmp_path, venue)
        vault, after = await started(one, "Trader")
        away = venue.wrapped["ann"]
        seen = []
        for moment in after[:16]:
            before, is_away = vault.gate.sequence, away.count + 1 in away.calls
            await one.step(moment)
            asked = [each for each in vault.gate.events(before) if each["kind"] in ("hold", "decision")]
            seen.append(is_away)
            assert vault.gate.snapshot().marks["BTCUSD"] == moment.closed[0].close
            if is_away:
                assert [each for each in asked if each.get("origin") != "agent"] == asked
        assert sum(seen) >= 3
        assert not seen[-1]
        assert one.failed == {}
        await agrees(vault)
        assert approved(vault, 0)
        await one.close()

    asyncio.run(alone())
