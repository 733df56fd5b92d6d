"""Flash crashes as recorded: breakers trip, what is held stays held, nothing opens, the owner can leave, it goes on."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import order
from gxrisk.feeds import Moment
from gxrisk.vaults import Fleet, Vault
from gxrisk.vaults.monitor import Schedule
from gxrisk.vaults.proposals import exit_order, send

from tests.cases.market import MARCH_2020, MAY_2021, documented, fleet, journal, play, tape, vault_of

pytestmark = pytest.mark.usefixtures("data_dir")
BAR_S = 300  # of the recordings and of the vaults: a mark is then as old as that before the next one comes
CRASH = {"price_move", "volatility"}
MOMENTUM = "gxrisk.agent.momentum:Momentum"


@dataclass(slots=True)
class Halt:
    """A time for which breakers of a crash halted the vault: what it held from moment to moment, and its equity."""

    breakers: set[str] = field(default_factory=set)
    held: list[dict[str, Decimal]] = field(default_factory=list)
    equity: list[Decimal] = field(default_factory=list)
    tries: int = 0


def refusing(one: Fleet, vault: Vault, asset: str, mark: Decimal) -> set[str]:
    """The rules that refuse a small, well-made opening."""
    atr = Decimal(str(one.market.bars(BAR_S).atr(asset)))
    opening = order(asset, "buy", "0.01", confidence=0.9, reasoning="a bounce", stop_loss=round(mark - atr * 2, 9))
    return {one.rule for one in vault.gate.validate_order(opening).violations}


async def halts_of(one: Fleet, vault: Vault, moments: list[Moment], owner_leaves: str | None) -> list[Halt]:
    """Play the moments; at each one at which a crash's breaker halts the vault, look at it and try to open."""
    found: list[Halt] = []
    was_halted = has_left = False
    account = await one.venue.account(vault.vault_id, vault.gate.redeem)
    for moment in moments:
        await play(one, [moment])
        tripped = {trip.breaker for trip in vault.gate.trips} & CRASH
        snapshot = vault.gate.snapshot()
        if tripped and not was_halted:
            found.append(Halt())
        was_halted = bool(tripped)
        if not tripped:
            continue
        halt = found[-1]
        halt.breakers |= tripped
        halt.held.append({asset: Decimal(each) for asset, each in snapshot.positions.items()})
        halt.equity.append(snapshot.equity)
        assert snapshot.state == "halted"
        for asset, mark in snapshot.marks.items():
            assert "trading_state" in refusing(one, vault, asset, mark)
            halt.tries += 1
        if owner_leaves in snapshot.positions and len(halt.held) > 6 and not has_left:
            leave = exit_order(owner_leaves, Decimal(snapshot.positions[owner_leaves]), 1, "the owner leaves")
            assert [each.rule for each in vault.gate.validate_order(leave).violations] == ["trading_state"], "the agent"
            decision = vault.gate.authorize(leave, origin="owner")
            assert decision
            await send(decision, account)
            has_left = True
    return found


def test_19_may_2021(tmp_path: Path) -> None:
    """Momentum is short in BTC, ETH and SOL when they fall by up to a third and come back within the hour."""

    async def run() -> tuple[list[Halt], Decimal]:
        moments = tape(MAY_2021, ("btc", "eth", "sol"), "2021-05-19T00:00", "2021-05-21T00:00")
        one = fleet(tmp_path, moments[0], schedule=Schedule(silence_s=2 * BAR_S))
        vault = await vault_of(one, MOMENTUM, BAR_S, mark_age_s=BAR_S)
        halts = await halts_of(one, vault, moments, "SOLUSDT")
        assert vault.gate.state == "active"
        assert await vault.reconcile() == (), "gate and venue have the same account"
        equity = vault.gate.snapshot().equity
        await one.close()
        return halts, equity

    (halt,), equity = asyncio.run(run())
    assert halt.breakers == CRASH
    records = journal(tmp_path)
    first, last = (next(each for each in records if each["kind"] == kind and each["breaker"] == "volatility")
                   for kind in ("trip", "end"))  # fmt: skip
    trips = [each["cause"] for each in records if each["kind"] == "trip" and each["breaker"] == "price_move"]
    assert len(trips) == 8
    start = next(each["sequence"] for each in records if each.get("breaker") == "price_move")
    during = [each for each in records if start < each["sequence"] < last["sequence"]]
    passed = [each for each in during if each["kind"] == "decision" and each["outcome"] == "approved"]
    assert [each["origin"] for each in passed] == ["owner", "protection"], (
        "one exit, and one stop that was there before"
    )
    at = [f"{each['price']:,.2f}" for each in during if each["kind"] == "fill"]
    fills = [(each["asset"], each["side"], each["quantity"]) for each in during if each["kind"] == "fill"]
    whole = halt.held[0]
    assert fills == [("SOLUSDT", "buy", -whole["SOLUSDT"]), ("BTCUSDT", "buy", -whole["BTCUSDT"])]
    assert all(each["ETHUSDT"] == whole["ETHUSDT"] for each in halt.held), "what nobody closed is held to the end"
    by_agent = [each for each in during if each["kind"] == "decision" and each["origin"] == "agent"]
    assert by_agent
    assert {each["outcome"] for each in by_agent} == {"rejected"}
    after = [each for each in records if each["sequence"] > last["sequence"] and each["kind"] == "decision"]
    assert [each["origin"] for each in after if each["outcome"] == "approved"][:1] == ["agent"], "it goes on by itself"
    documented(trips[0], first["cause"], f"{halt.tries} openings", f"{len(by_agent)} orders of the model")
    opened = [each for each in records if each["kind"] == "fill" and each["sequence"] < start]
    entry = {each["asset"]: f"{each['price']:,.2f}" for each in opened}
    documented(f"filled at {at[0]} (short from {entry['SOLUSDT']})", f"at {at[1]} (short from {entry['BTCUSDT']})")
    documented(f"this cost {halt.equity[0] - halt.equity[-1]:,.0f}")
    documented(f"{halt.equity[0]:,.0f}", f"{max(halt.equity):,.0f}", f"{halt.equity[-1]:,.0f}", f"{equity:,.0f}")


def test_12_march_2020(tmp_path: Path) -> None:
    """BTC falls by 10.2 % within five minutes: a quarter of an hour without the model, and nothing is closed by it."""

    async def run() -> list[Halt]:
        moments = tape(MARCH_2020, ("btc",), "2020-03-11T00:00", "2020-03-13T00:00")
        one = fleet(tmp_path, moments[0], schedule=Schedule(silence_s=2 * BAR_S))
        one.market.bars(BAR_S)
        vault = await vault_of(one, MOMENTUM, 900, mark_age_s=BAR_S)
        halts = await halts_of(one, vault, moments, None)
        assert await vault.reconcile() == ()
        await one.close()
        return halts

    (halt,) = asyncio.run(run())
    assert halt.breakers == {"price_move"}, "in bars of 15 minutes volatility stays under its 30 %"
    (held,) = {tuple(each.items()) for each in halt.held}
    assert held == (("BTCUSDT", halt.held[0]["BTCUSDT"]),)
    assert halt.held[0]["BTCUSDT"] < 0
    records = journal(tmp_path)
    trip, end = (
        next(each for each in records if each["kind"] == kind and each["breaker"] == "price_move")
        for kind in ("trip", "end")
    )
    during = [each for each in records if trip["sequence"] < each["sequence"] < end["sequence"]]
    assert not [each for each in during if each["kind"] == "fill"]
    after = [each for each in records if each["sequence"] > end["sequence"] and each["kind"] == "decision"]
    assert after[0]["origin"] == "agent"
    assert after[0]["outcome"] == "approved"
    documented(trip["cause"], f"{halt.equity[0]:,.0f}", f"{halt.equity[-1]:,.0f}")
