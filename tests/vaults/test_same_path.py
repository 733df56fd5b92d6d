"""Paper and live differ in the venue alone: the same model, gate and records, on the same recorded crash."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import JournalReader, Limits, ManualClock, VaultError
from gxrisk.protection.settings import ProtectionSettings
from gxrisk.vaults import Fleet, Notice, StrategyVersion, Vault, VaultSettings
from gxrisk.vaults.certificate import GraduationError, issue
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.vaults.graduation import judge
from gxrisk.venues import Account, PaperVenue, Redeem
from gxrisk.venues.live import Licence, LiveVenue

from .fleets import CRASH_MS, NS_PER_MS, minutes
from .paper import GROWTH, Paper

STRATEGY = StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1")
LIVE = VaultSettings("growth", STRATEGY, bar_s=300, venue="exchange", is_live=True)
OF_PAPER_ALONE = {"paper", "certificate"}  # topics of notes
OF_THE_OPENING = {"hash", "epoch", "signature", "wallet_key", "head_key", "state", "nonce"}


class Exchange(LiveVenue):
    """A venue with real money as the gate sees it; the exchange behind it is a simulated one."""

    name = "exchange"

    def __init__(self) -> None:
        self.behind = PaperVenue(seed=7)

    async def _open(self, vault_id: str, redeem: Redeem) -> Account:
        return await self.behind.account(vault_id, redeem)


def licence() -> Licence:
    """What a graduated paper vault of another name leaves."""
    paper = Paper(VaultSettings("growth", STRATEGY))
    paper.week()
    issue(paper.gate, paper.record.settings, judge(paper.record, GROWTH, paper.now_ms))
    key = paper.gate.head().key
    assert key is not None
    return Licence(paper.gate.attest("certificate"), key, "paper", STRATEGY, "growth")


async def run(folder: Path, venue: PaperVenue | Exchange, told: list[Notice]) -> None:
    """A day of the crash of December 2017 through one vault."""

    async def hear(notice: Notice) -> None:
        told.append(notice)

    behind = venue.behind if isinstance(venue, Exchange) else venue
    fleet = Fleet(folder, venue, clock=ManualClock(CRASH_MS * NS_PER_MS), notify=hear)
    settings = VaultSettings("growth", STRATEGY, bar_s=300, venue=venue.name, is_live=venue.is_live)
    vault = await fleet.create("ann", settings)
    await vault.fund("first", Decimal(10_000))
    for moment in minutes(1440, "BTC", "LTC"):
        if venue.is_live:
            behind.advance(moment)  # an exchange goes its own way; the fleet drives a paper venue only
        await fleet.step(moment)
    assert not fleet.failed
    await fleet.close()


def records(journal: Path) -> list[dict[str, Any]]:
    """The whole journal without what each opening draws anew, and without what only paper writes down."""
    kept = []
    for event in JournalReader(journal).events():
        if event.get("topic") in OF_PAPER_ALONE or event["kind"] in ("keys", "checkpoint"):
            continue
        if event.get("topic") == "vault":
            settings = json.loads(event["text"])
            assert settings.pop("venue") in ("paper", "exchange")
            settings.pop("is_live")
            event = {**event, "text": json.dumps(settings)}
        kept.append({name: one for name, one in event.items() if name not in OF_THE_OPENING})
    return kept


def numbered(events: list[dict[str, Any]]) -> list[str]:
    """Records as text, by their place among those that are kept: an order's id is its decision's place in the journal,
    and reasonings and ids of exits name it."""
    places = {event["sequence"]: place for place, event in enumerate(events)}

    def place(found: re.Match[str]) -> str:
        return f"gx-<{places[int(found[1])]}>"

    return [re.sub(r"gx-(\d+)", place, repr({**one, "sequence": places[one["sequence"]]})) for one in events]


CHANGED = {
    "strategy": ("strategy_changed", {"strategy": StrategyVersion.of("gxrisk.agent.momentum:Momentum", "2")}),
    "tier": ("tier", {"tier": "high_octane"}),
    "protection": ("protection", {"protection": ProtectionSettings()}),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_live_vault_is_what_it_is_licensed_for(name: str, tmp_path: Path) -> None:
    """The licence itself holds; the vault is to be another one."""
    code, changes = CHANGED[name]
    with pytest.raises(GraduationError) as refused:
        asyncio.run(created(tmp_path, replace(LIVE, **changes)))
    assert refused.value.code == code
    assert not any(tmp_path.rglob(JOURNAL))


def test_a_live_vault_has_the_limits_of_its_graduation(tmp_path: Path) -> None:
    with pytest.raises(GraduationError, match="other limits"):
        asyncio.run(created(tmp_path, LIVE, GROWTH.replace(max_daily_loss="0.05")))
    with pytest.raises(VaultError, match="keeps the tier"):
        asyncio.run(created(tmp_path, LIVE)).change_tier("capital_guard")


def test_a_live_venue_is_one_that_asks_for_a_certificate(tmp_path: Path) -> None:
    """A venue that says it is live and lets anyone in gets no vault."""
    careless = PaperVenue()
    careless.is_live = True  # type: ignore[misc]
    with pytest.raises(VaultError, match="no LiveVenue"):
        asyncio.run(created(tmp_path, LIVE, venue=careless))


async def created(
    folder: Path, settings: VaultSettings, limits: Limits | None = None, venue: PaperVenue | None = None
) -> Vault:
    """A live vault where the licence is for `LIVE`."""
    exchange = Exchange()
    exchange.licensed("ann", licence())
    fleet = Fleet(folder, venue or exchange, clock=ManualClock(CRASH_MS * NS_PER_MS))
    return await fleet.create("ann", settings, limits=limits)


def test_the_same_day_leaves_the_same_records(tmp_path: Path) -> None:
    heard: dict[str, list[Notice]] = {"paper": [], "live": []}
    exchange = Exchange()
    exchange.licensed("ann", licence())
    asyncio.run(run(tmp_path / "paper", PaperVenue(seed=7), heard["paper"]))
    asyncio.run(run(tmp_path / "live", exchange, heard["live"]))
    paper, live = (numbered(records(tmp_path / kind / "ann" / JOURNAL)) for kind in ("paper", "live"))
    kinds = [event["kind"] for event in records(tmp_path / "paper" / "ann" / JOURNAL)]
    assert kinds.count("fill") > 10
    assert {"decision", "hold", "trip", "note"} <= set(kinds)
    for one, other in zip(paper, live, strict=True):
        assert one == other
    assert [(one.code, one.text) for one in heard["paper"]] == [(one.code, one.text) for one in heard["live"]]
