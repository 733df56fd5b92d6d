"""Journals of real weeks: vaults that lived through the crash of 22 December 2017."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from gxrisk import Limits
from gxrisk.vaults import StrategyVersion, VaultSettings
from gxrisk.vaults.report import report_writer

from tests.vaults.fleets import Listener, fleet, minutes, settings

WEEK = "2017-W51"
HOURS = 74  # from Friday, 00:00, to Monday, 02:00, so that the week's report is due within it
REACTIVATED_AT = 20 * 60  # minutes after Friday, 00:00


@dataclass(frozen=True)
class Week:
    """A fleet's folder with the vault `ann` in it, and what its owner was told."""

    folder: Path
    codes: tuple[str, ...]

    @property
    def journal(self) -> Path:
        """Ann's."""
        return self.folder / "ann" / "journal.gxr"

    @property
    def reports(self) -> Path:
        """What the monitor had written."""
        return self.folder / "ann" / "reports"


async def crash(folder: Path) -> Week:
    """A vault with resting bids that trips its drawdown in the crash; its owner reactivates it in the evening."""
    listener = Listener()
    writer = report_writer(folder / "vaults")
    one = fleet(folder, notify=listener, write_report=writer)
    limits = Limits.for_tier("growth").replace(max_drawdown="0.05", max_daily_loss="0.5")
    vault = await one.create("ann", settings("Holder", bar_s=900), limits=limits)
    await vault.fund("first", Decimal(10_000))
    for number, moment in enumerate(minutes(HOURS * 60, "BTC", "XRP")):
        await one.step(moment)
        if number == REACTIVATED_AT:
            vault.reactivate(rebase=True)
    await one.close()
    assert one.failed == {}
    return Week(folder / "vaults", tuple(listener.codes))


async def unsure(folder: Path) -> Week:
    """A day of a strategy that is too unsure half of the time, and breaks now and then."""
    one = fleet(folder)
    version = StrategyVersion.of("tests.report.strategies:Unsure", "1 <b>beta</b>")
    vault = await one.create("ann", VaultSettings("growth", version, bar_s=900))
    await vault.fund("first", Decimal(10_000))
    for moment in minutes(24 * 60, "BTC"):
        await one.step(moment)
    await one.close()
    assert one.failed == {}
    return Week(folder / "vaults", ())


def lived(life: Coroutine[None, None, Week]) -> Week:
    """A week, lived in an event loop of its own."""
    return asyncio.run(life)
