"""A hundred vaults on one feed: what goes wrong in some leaves the records of all others as they would be."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gxrisk import JournalReader
from gxrisk.agent import Strategy
from gxrisk.vaults import Fleet
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.vaults.proposals import Proposer
from gxrisk.venues import PaperVenue

from tests.vaults.faults import POISONS, Away, FaultyVenue, Poisoned, small_disk
from tests.vaults.fleets import Listener, agrees, events, fleet, minutes, plain, play, settings
from tests.vaults.strategies import NONSENSE, Blocking, Hanging

pytestmark = pytest.mark.usefixtures("data_dir")

VAULTS = [f"v{number:02}" for number in range(100)]
ODD = {"v00": "Raising", "v01": "Exiting", "v02": "Hanging", "v03": "Nonsense", "v04": "Blocking"}
NO_JOURNAL, NO_ACCOUNT, DAMAGED, POISONED, AWAY = "v10", "v11", "v12", "v13", "v14"
FAULTY = {*ODD, NO_JOURNAL, NO_ACCOUNT, DAMAGED, POISONED, AWAY}
WARM, BEFORE, FULL, AFTER = 16, 6, 4, 5  # minutes


@pytest.fixture(autouse=True)
def _quick_to_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy that hangs gets a hundredth of a second, not thirty."""

    def made(strategy: Strategy, *rest: Any, **more: Any) -> Proposer:
        return Proposer(strategy, *rest, timeout_s=0.01 if isinstance(strategy, Hanging | Blocking) else 30, **more)

    monkeypatch.setattr("gxrisk.vaults.vault.Proposer", made)


async def run(folder: Path, *, is_faulty: bool, listener: Listener) -> None:
    """The same hour of the same hundred vaults, with the faults or without."""
    moments = minutes(WARM + BEFORE + FULL + AFTER + 2, "BTC")
    wrap = {POISONED: partial(Poisoned, poison=POISONS["NaN"]), AWAY: partial(Away, calls=range(4, 12))}
    venue = FaultyVenue(wrap if is_faulty else {}, folder=folder / "accounts")
    one = fleet(folder, venue, notify=listener)
    one.market.bars(60)
    at = iter(moments)

    async def go_on(count: int) -> None:
        await play(one, [next(at) for _ in range(count)])

    with ExitStack() as stack:
        disks = []
        if is_faulty:
            for name, link in (
                (NO_JOURNAL, folder / "vaults" / NO_JOURNAL),
                (NO_ACCOUNT, folder / "accounts" / f"{NO_ACCOUNT}.paper.sqlite"),
            ):
                disks.append(stack.enter_context(small_disk(folder / "disks" / name)))
                is_folder = name == NO_JOURNAL
                link.symlink_to(disks[-1].folder if is_folder else disks[-1].folder / link.name)
        await go_on(WARM)
        for vault_id in VAULTS:
            strategy = ODD.get(vault_id, "Trader") if is_faulty else "Trader"
            vault = await one.create(vault_id, settings(strategy))
            await vault.fund("first", Decimal(10_000))
        await go_on(BEFORE)
        for disk in disks:
            if disk.is_mounted:
                disk.fill()
            elif disk.folder.name == NO_JOURNAL:
                fatten(one)
                disk.fill()
        await go_on(FULL)
        if is_faulty:
            assert NO_JOURNAL in one.failed
            assert NO_JOURNAL not in one.vaults
            assert NO_ACCOUNT in one.vaults
        for disk in disks:
            disk.free()
        await one.close()
        if is_faulty:
            damage(folder / "vaults" / DAMAGED / JOURNAL)
        await one.open_all()
        await go_on(AFTER)
        if is_faulty:
            await look_at_the_faulty(one, listener)
        else:
            assert dict(one.failed) == {}
        for vault_id, vault in one.vaults.items():
            if vault_id != POISONED:
                await agrees(vault)
        opened = tuple(one.vaults)
        await one.close()
        for vault_id in opened:
            JournalReader(folder / "vaults" / vault_id / JOURNAL).verify()


def fatten(one: Fleet) -> None:
    """Without a disk of its own: make the journal the largest file by far."""
    for number in range(20):
        one.vaults[NO_JOURNAL].gate.note("fat", f"{number:02}" * 30_000)


def damage(journal: Path) -> None:
    """Lose the second half of a file, as a broken disk does."""
    content = journal.read_bytes()
    journal.write_bytes(content[: len(content) // 2].ljust(len(content), b"\0"))


async def look_at_the_faulty(one: Fleet, listener: Listener) -> None:
    """Each fault has had its effect, and that alone."""
    assert set(one.failed) == {DAMAGED}, one.failed
    assert "vault_failed" in listener.codes
    for vault_id in ODD:
        records = events(one, vault_id)
        assert [record["kind"] for record in records if record["kind"] == "decision"] == []
        assert sum(record["kind"] == "hold" for record in records) == BEFORE + FULL + AFTER
    assert one.vaults[POISONED].gate.state == "reduce_only"
    assert [trip.breaker for trip in one.vaults[POISONED].gate.trips] == ["fill_mismatch"]
    for vault_id in (NO_JOURNAL, NO_ACCOUNT, AWAY):
        trips = {trip.breaker: trip.cause for trip in one.vaults[vault_id].gate.trips}
        assert trips.keys() <= {"consecutive_losses"}, (vault_id, trips)


def test_faults_in_some_leave_the_others_as_they_would_be(tmp_path: Path) -> None:
    """Record by record, less keys, signatures and hashes."""
    listener = Listener()
    with small_disk(tmp_path / "memory", 1 << 20) as memory:  # a disk's speed is no matter here
        sound, faulty = memory.folder / "sound", memory.folder / "faulty"
        asyncio.run(run(sound, is_faulty=False, listener=listener))
        assert listener.heard == []
        asyncio.run(run(faulty, is_faulty=True, listener=listener))
        compare(sound, faulty)


def compare(sound: Path, faulty: Path) -> None:
    """The records of all vaults without a fault, one by one."""
    for vault_id in VAULTS:
        if vault_id not in FAULTY:
            ours, theirs = (plain(events(one / "vaults", vault_id)) for one in (sound, faulty))
            assert ours == theirs, vault_id
            assert kinds(ours) >= {"decision", "redeemed", "fill", "market", "note"}


def kinds(records: Sequence[dict[str, Any]]) -> set[str]:
    """Which kinds of records there are."""
    return {record["kind"] for record in records}


@pytest.mark.parametrize("poison", sorted(POISONS))
def test_a_poisoned_report_restricts_and_is_not_met_again(poison: str, tmp_path: Path) -> None:
    """The vault goes on reducing only, books what is true, and can be closed and opened."""

    async def poisoned() -> None:
        venue = FaultyVenue({"ann": partial(Poisoned, poison=POISONS[poison])})
        one = fleet(tmp_path, venue)
        one.market.bars(60)
        moments = minutes(40)
        await play(one, moments[:16])
        vault = await one.create("ann", settings("Trader"))
        await vault.fund("first", Decimal(10_000))
        await play(one, moments[16:30])
        assert one.failed == {}
        assert [trip.breaker for trip in vault.gate.trips] == ["fill_mismatch"]
        await one.close()
        vault = await one.open("ann")
        await play(one, moments[30:])
        assert one.failed == {}
        assert vault.gate.state == "reduce_only"
        await one.close()

    asyncio.run(poisoned())


def test_every_nonsense_becomes_a_recorded_hold(tmp_path: Path) -> None:
    """Wrong types, NaN, infinities, texts that no file can hold: one hold each, and the vault goes on."""

    async def ask_for_nonsense() -> None:
        one = fleet(tmp_path, PaperVenue())
        moments = minutes(len(NONSENSE) + 18)
        one.market.bars(60)
        await play(one, moments[:17])
        vault = await one.create("ann", settings("Nonsense"))
        await vault.fund("first", Decimal(10_000))
        await play(one, moments[17 : 17 + len(NONSENSE)])
        records = [record for record in vault.gate.events() if record["kind"] in ("hold", "decision")]
        assert [record["kind"] for record in records] == ["hold"] * len(NONSENSE)
        assert len({record["reasoning"] for record in records}) > len(NONSENSE) / 2
        assert one.failed == {}
        await one.close()

    asyncio.run(ask_for_nonsense())
