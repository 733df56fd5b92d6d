"""The gate against the venue: each kind of difference, the tolerance, what it restricts, and how it ends."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import order
from gxrisk.vaults import Fleet, Vault
from gxrisk.vaults.admission import Admission
from gxrisk.vaults.proposals import exit_order, send
from gxrisk.vaults.reconciliation import differences
from gxrisk.venues import Statement

from tests.vaults.faults import Differing, FaultyVenue
from tests.vaults.fleets import Listener, agrees, fleet, minutes, play, settings

pytestmark = pytest.mark.usefixtures("data_dir")

WARM = 17
D = Decimal


async def holding(folder: Path, listener: Listener) -> tuple[Fleet, Vault, FaultyVenue, list[Any]]:
    """A vault with a position and a resting bid, whose venue can be made to lie; and the moments that follow."""
    venue = FaultyVenue({"ann": Differing}, folder=folder / "accounts")
    one = fleet(folder, venue, notify=listener)
    one.market.bars(60)
    moments = list(minutes(60))
    await play(one, moments[:WARM])
    vault = await one.create("ann", settings("Bidder"))
    await vault.fund("first", D(10_000))
    await play(one, moments[WARM : WARM + 5])
    snapshot = vault.gate.snapshot()
    assert snapshot.positions
    assert snapshot.working
    return one, vault, venue, moments[WARM + 5 :]


Lie = Callable[[Statement], dict[str, Any]]
LIES: dict[str, tuple[Lie, str]] = {
    "less money": (lambda true: {"balance": true.balance - 5}, "balance"),
    "more money": (lambda true: {"balance": true.balance + 5}, "balance"),
    "another position": (
        lambda true: {"positions": {asset: quantity + D("1e-9") for asset, quantity in true.positions.items()}},
        "BTCUSD",
    ),
    "no position": (lambda true: {"positions": {}}, "BTCUSD"),
    "an unknown position": (lambda true: {"positions": {**true.positions, "DOGE": D(1)}}, "DOGE"),
    "an unknown order": (lambda true: {"open_orders": true.open_orders | {"gx-987654"}}, "gx-987654"),
}


@pytest.mark.parametrize("name", LIES)
def test_each_difference_restricts_and_is_named(name: str, tmp_path: Path) -> None:
    """Found on demand: reduce-only, told with its name; exits pass; `resume` ends it where it is gone."""
    lie, what = LIES[name]

    async def differ() -> None:
        listener = Listener()
        one, vault, venue, after = await holding(tmp_path, listener)
        account = venue.wrapped["ann"]
        await agrees(vault)
        account.lie = lie(await account.statement())
        found = await vault.reconcile()
        assert [each.what for each in found] == [what]
        assert vault.gate.state == "reduce_only"
        (trip,) = vault.gate.trips
        assert trip.breaker == "fill_mismatch"
        assert str(found[0]) in trip.cause
        await play(one, after[:1])
        assert [each.code for each in listener.heard] == ["reconciliation"]
        assert listener.heard[0].severity == "critical"
        assert str(found[0]) in listener.heard[0].text

        bought = vault.gate.snapshot().positions["BTCUSD"]
        more = order("BTCUSD", "buy", "0.001", confidence=1, reasoning="more", stop_loss=1)
        assert "trading_state" in [each.rule for each in vault.gate.agent().authorize(more).violations]
        decision = vault.gate.agent().authorize(exit_order("BTCUSD", bought, 1, "out"))
        assert decision.approved
        await send(decision, account)
        account.lie = {}
        await play(one, after[1:4])
        assert "BTCUSD" not in vault.gate.snapshot().positions
        assert await vault.reconcile() == ()
        assert vault.gate.state == "reduce_only", "only a person ends it"
        vault.resume()
        assert vault.gate.state == "active"
        await play(one, after[4:16])
        assert vault.gate.snapshot().positions, "it trades again"
        assert await vault.reconcile() == ()
        assert listener.codes == ["reconciliation", "reconciled"], "what ends it is told once"
        await one.close()

    asyncio.run(differ())


def test_any_number_of_differences_of_any_kind_restricts(tmp_path: Path) -> None:
    """Thousands of them, in characters that no file holds: the first are named, all are counted, nothing breaks."""

    async def differ() -> None:
        listener = Listener()
        one, vault, venue, after = await holding(tmp_path, listener)
        strange = frozenset(f"\ud800\x00\U0001f600{number:05}" * 40 for number in range(3000))
        venue.wrapped["ann"].lie = {"open_orders": strange}
        assert len(await vault.reconcile()) >= 3000
        assert vault.gate.state == "reduce_only"
        await play(one, after[:2])
        assert one.failed == {}
        assert listener.codes == ["reconciliation"]
        await one.close()
        vault = await one.open("ann")
        assert vault.gate.state == "reduce_only"
        await one.close()

    asyncio.run(differ())


def test_an_order_that_is_lost_at_the_venue_is_ended(tmp_path: Path) -> None:
    """Redeemed and never sent: no difference, for its end is asked for and booked."""

    async def lose() -> None:
        one, vault, _, _ = await holding(tmp_path, Listener())
        decision = vault.gate.authorize(exit_order("BTCUSD", vault.gate.snapshot().positions["BTCUSD"], 1, "out"))
        assert decision.approval is not None
        vault.gate.redeem(decision.approval)
        assert decision.order_id in {each.order_id for each in vault.gate.snapshot().working}
        assert await vault.reconcile() == ()
        assert decision.order_id not in {each.order_id for each in vault.gate.snapshot().working}
        assert vault.gate.state == "active"
        await one.close()

    asyncio.run(lose())


@pytest.mark.parametrize(
    ("off", "is_found"),
    [
        ("0.009999999999999999", False),
        ("0.01", False),
        ("0.010000000000000001", True),
        ("-0.01", False),
        ("-0.010000000000000001", True),
    ],
)
def test_the_balance_may_differ_by_a_cent(off: str, is_found: bool, tmp_path: Path) -> None:
    """At the tolerance nothing is found, one unit beyond it is."""

    async def differ() -> None:
        one = fleet(tmp_path)
        vault = await one.create("ann", settings("Silent"))
        await vault.fund("first", D(10_000))
        at = datetime(2017, 12, 22, tzinfo=UTC)
        theirs = Statement(at, D(10_000) + D(off), {}, frozenset())
        found = differences(vault.gate.snapshot(), theirs)
        assert [each.what for each in found] == (["balance"] if is_found else [])
        await one.close()

    asyncio.run(differ())


def test_after_a_restart_nothing_opens_before_it_ran(tmp_path: Path) -> None:
    """What changed at the venue while the vault was down is found before the strategy is asked; `resume` lets it go."""

    async def restart() -> None:
        listener = Listener()
        one, _, _, after = await holding(tmp_path, listener)
        await one.close()

        venue = FaultyVenue({"ann": Differing}, folder=tmp_path / "accounts")
        account = await venue.account("ann", lambda _: pytest.fail("nothing is redeemed here"))
        await account.deposit("by another road", D(500))
        one.venue, one._admission = venue, Admission(venue)
        await one.open_all()
        vault = one.vaults["ann"]
        before = vault.gate.sequence
        await play(one, after[:6])
        records = vault.gate.events(before)
        decided = [each for each in records if each["kind"] == "decision" and each["origin"] == "agent"]
        assert decided
        assert all(each["outcome"] == "rejected" for each in decided)
        tripped = next(each["sequence"] for each in records if each.get("breaker") == "fill_mismatch")
        assert tripped < decided[0]["sequence"]
        assert listener.codes == ["reconciliation"]
        await one.close()

    asyncio.run(restart())


def test_it_runs_each_day(tmp_path: Path) -> None:
    """At five past midnight UTC, without being asked."""

    async def night() -> None:
        listener = Listener()
        one, vault, venue, after = await holding(tmp_path, listener)
        vault.pause()
        venue.wrapped["ann"].lie = {"balance": D(1)}
        await play(one, after)
        assert listener.codes == []
        day_ms = 86_400_000
        midnight = after[-1].at_ms // day_ms * day_ms + day_ms
        for minute in (1, 4, 5, 6):
            await one.tick(midnight + minute * 60_000)
            assert ("reconciliation" in listener.codes) == (minute > 5 or listener.codes.count("reconciliation") == 1)
        assert "reconciliation" in listener.codes
        assert vault.gate.state == "halted"
        await one.close()

    asyncio.run(night())
