"""Paper vaults over the recorded week of 6 to 13 June 2025; as a program, until it is killed or the week is over."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from gxrisk import ManualClock
from gxrisk.feeds import CandleSeries, Moment, Replay, read_candles
from gxrisk.vaults import Fleet, StrategyVersion, VaultSettings
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.venues.paper import PaperVenue

SINCE_MS = int(datetime(2025, 6, 6, tzinfo=UTC).timestamp()) * 1000
UNTIL_MS = int(datetime(2025, 6, 13, tzinfo=UTC).timestamp()) * 1000
MODELS = {
    "momentum": "gxrisk.agent.momentum:Momentum",
    "contrary": "tests.week.models:Contrary",
    "patient": "tests.week.models:Patient",
}


def week(data_dir: Path) -> list[CandleSeries]:
    """The week's minutes of BTC and ETH."""
    files = [data_dir / f"{asset}usdt-1m-2025-05-25_2025-06-25-binance-perp.csv.gz" for asset in ("btc", "eth")]
    whole = [read_candles(file) for file in files]
    return [
        replace(one, candles=tuple(bar for bar in one.candles if SINCE_MS <= bar.start_ms < UNTIL_MS)) for one in whole
    ]


async def opened(folder: Path, names: Sequence[str], *, seed: int = 0) -> Fleet:
    """The fleet of these models, made or opened again."""
    fleet = Fleet(folder, PaperVenue(seed=seed, folder=folder / "venue"), clock=ManualClock(SINCE_MS * 1_000_000))
    for name in names:
        if (folder / name / JOURNAL).exists():
            vault = await fleet.open(name)
        else:
            settings = VaultSettings("growth", StrategyVersion.of(MODELS[name], "1"), bar_s=3600)
            vault = await fleet.create(name, settings)
        await vault.fund("first", Decimal(10_000))
    return fleet


class Announced(Replay):
    """Says on the standard output how far it is, once an hour of the feed."""

    async def moments(self) -> AsyncIterator[Moment]:
        """The moments, told."""
        async for moment in super().moments():
            if moment.at_ms % 3_600_000 == 0:
                print(moment.at_ms, flush=True)  # noqa: T201
            yield moment


async def run(folder: Path, series: Sequence[CandleSeries], names: Sequence[str], *, seed: int = 0) -> Fleet:
    """The whole week."""
    fleet = await opened(folder, names, seed=seed)
    await fleet.run(Replay(series))
    return fleet


async def _main(data_dir: Path, folder: Path, name: str) -> None:
    fleet = await opened(folder, [name])
    await fleet.run(Announced(week(data_dir)))
    await fleet.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
