"""Forty vaults that trade, in a process with files for all of them or for few."""

import asyncio
import resource
from decimal import Decimal
from pathlib import Path

from tests.vaults.fleets import agrees, fleet, minutes, play, settings

VAULTS = [f"v{number:02}" for number in range(40)]
FILES = 128  # of which 40 vaults that were all open would take 360
MINUTES = 20


async def run(folder: Path) -> None:
    """Their first minutes, reconciled at the end."""
    one = fleet(folder)
    moments = minutes(MINUTES, "BTC")
    one.market.bars(60)
    await play(one, moments[:16])
    for vault_id in VAULTS:
        vault = await one.create(vault_id, settings("Trader"))
        await vault.fund("first", Decimal(10_000))
    await play(one, moments[16:])
    for vault in one.vaults.values():
        await agrees(vault)
    assert one.failed == {}, dict(one.failed)
    await one.close()
    assert one.failed == {}, dict(one.failed)


def run_with_few_files(folder: Path) -> None:
    """The same, in a process that may have few."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    asyncio.run(run(folder))
