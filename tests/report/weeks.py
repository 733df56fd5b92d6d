"""Journals of real weeks: vaults that lived through the crash of 22 December 2017."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from gxrisk import Limits
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


def lived(folder: Path) -> Week:
    """The crash, in an event loop of its own."""
    return asyncio.run(crash(folder))
