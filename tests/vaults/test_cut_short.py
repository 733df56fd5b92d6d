"""Killed at every line of making a vault and of changing its tier: either it is done, or the same call does it."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest
from gxrisk import Gate, Limits, VaultError
from gxrisk.vaults.settings import tier_limits

from tests.vaults.cut_short import CEILING, KEY, change, held, make
from tests.vaults.faults import small_disk
from tests.vaults.fleets import fleet, settings

PATIENCE_S = 120


def killed_everywhere(act: Callable[[Path, int], None], memory: Path) -> Iterator[Path]:
    """The folders that are left when `act` is killed at its first line, its second, and so on, until it ends."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.vaults.cut_short"])
    for line in range(1, 1000):
        folder = memory / str(line)
        process = context.Process(target=act, args=(folder, line))
        process.start()
        process.join(PATIENCE_S)
        assert process.exitcode in (-signal.SIGKILL, 0)
        yield folder
        if process.exitcode == 0:
            print(f"killed {line - 1} times")  # noqa: T201
            assert line > 10
            return
    raise AssertionError("it never ended")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A killed process loses nothing that it has written, so this need be no disk."""
    with small_disk(tmp_path / "memory", 1 << 20) as disk:
        yield disk.folder


def test_a_vault_that_was_half_made_can_be_made(memory: Path) -> None:
    """It is opened, or made by the same call; it is whole, and the one that was meant."""

    broken: list[str] = []

    async def look(folder: Path) -> bool:
        one = fleet(folder)
        await one.open_all()
        broken.extend(one.failed.values())
        assert all("no settings" in each or "no gxrisk journal" in each for each in one.failed.values()), one.failed
        was_made = "ann" in one.vaults
        if not was_made:
            await one.create("ann", settings("Silent"), owner_key=KEY)
        vault = one.vaults["ann"]
        assert (vault.settings, vault.gate.owner_key) == (settings("Silent"), bytes.fromhex(KEY))
        assert vault.gate.limits == Limits.for_tier("growth")
        await one.close()
        await one.open("ann")
        await one.close()
        return was_made

    seen = [asyncio.run(look(folder)) for folder in killed_everywhere(make, memory)]
    assert seen == sorted(seen), "once it is made, it stays so"
    assert (seen[0], seen[-1]) == (False, True)
    assert any("no settings" in each for each in broken), "no kill came between the journal and the settings"


def test_what_was_half_made_otherwise_is_not_taken_over(tmp_path: Path) -> None:
    """Other limits or another owner: refused with a way out, and the first ones still work."""

    async def other() -> None:
        one = fleet(tmp_path)
        (one.folder / "ann").mkdir()
        Gate("ann", Limits.for_tier("growth"), clock=one.clock, journal=one.folder / "ann" / "journal.gxr").close()
        with pytest.raises(VaultError, match="was being made with other limits or another owner's key"):
            await one.create("ann", settings("Silent"), owner_key=KEY)
        with pytest.raises(VaultError, match="was being made with other limits"):
            await one.create("ann", settings("Silent"), limits=Limits.for_tier("high_octane"))
        await one.create("ann", settings("Silent"))
        await one.close()

    asyncio.run(other())


def test_limits_and_label_of_a_tier_change_together(memory: Path) -> None:
    """After the next opening; an operator's own limit stays in any case, and his ceiling holds at every record."""

    async def look(folder: Path) -> str:
        one = fleet(folder)
        vault = await one.open("ann")
        tier, limits = vault.settings.tier, vault.gate.limits
        wanted = held(Limits.for_tier(tier)).to_dict()
        assert {name: limits.to_dict()[name] for name in tier_limits(tier)} == {
            name: wanted[name] for name in tier_limits(tier)
        }
        written = [one["limits"]["max_daily_loss"] for one in vault.gate.events() if one["kind"] == "limits"]
        assert set(written) <= {CEILING}
        assert limits.max_order_notional == 1000
        assert not vault.gate.notes.get("tier")
        await one.close()
        assert (await one.open("ann")).settings.tier == tier
        await one.close()
        return tier

    seen = [asyncio.run(look(folder)) for folder in killed_everywhere(change, memory)]
    assert set(seen) == {"growth", "high_octane"}
    assert seen == sorted(seen), "once it is begun, it is finished"
