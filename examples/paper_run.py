"""What the examples share: a recording, and a vault that trades it on paper, through its gate, to the end."""

import os
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from gxrisk import ManualClock
from gxrisk.feeds import CandleSeries, read_candles, reconstruct, timeline
from gxrisk.vaults import Fleet, StrategyVersion, Vault, VaultSettings
from gxrisk.vaults.round_trips import round_trips
from gxrisk.venues.paper import PaperVenue
from rich.console import Console

BTC = "btcusd-1m-2017-12-18_2017-12-26-bitfinex.csv.gz"
CRASH_MS = (1_513_814_400_000, 1_513_987_200_000)  # two days of it, the second with the crash of 22 December 2017
DEPOSIT = Decimal(100_000)
BAR_S = 300
_NS_PER_MS = 1_000_000
say = Console(highlight=False, soft_wrap=True).print


@cache
def recording() -> CandleSeries:
    """Recorded minutes from the folder that GXRISK_DATA_DIR names, else the built-in reconstruction of a crash."""
    folder = os.environ.get("GXRISK_DATA_DIR")
    if not folder:
        return reconstruct()
    whole, (from_ms, until_ms) = read_candles(Path(folder) / BTC), CRASH_MS
    return replace(whole, candles=tuple(one for one in whole.candles if from_ms <= one.start_ms < until_ms))


def halfway_ms() -> int:
    """When models stop learning and begin to trade."""
    candles = recording().candles
    return candles[len(candles) // 2].end_ms


async def trade(strategy: str, from_ms: int = 0) -> None:
    """Let a vault with this strategy trade the recording from `from_ms` on, and say what came of it."""
    series = recording()
    clock = ManualClock(series.candles[0].start_ms * _NS_PER_MS)
    with TemporaryDirectory(prefix="gxrisk-example-") as folder:
        fleet = Fleet(folder, PaperVenue(folder=f"{folder}/venue"), clock=clock)
        fleet.market.bars(BAR_S)  # so that the vault finds bars from before its time
        vault: Vault | None = None
        for moment in timeline([series]):
            if vault is None and moment.at_ms >= from_ms:
                settings = VaultSettings("growth", StrategyVersion.of(strategy, "1"), bar_s=BAR_S)
                vault = await fleet.create("example", settings)
                await vault.fund("first", DEPOSIT)
            await fleet.step(moment)
        assert vault is not None
        _tell(vault, series)
        await fleet.close()


def _tell(vault: Vault, series: CandleSeries) -> None:
    events = vault.gate.events()
    decided = Counter(one["outcome"] for one in events if one["kind"] == "decision" and one["origin"] == "agent")
    refused = Counter(
        violation["rule"] for one in events if one["kind"] == "decision" for violation in one["violations"]
    )
    trips = [one["breaker"] for one in events if one["kind"] == "trip"]
    trades = list(round_trips(events))
    snapshot = vault.gate.snapshot()
    say(f"{series.source}, {vault.settings.strategy.name}, on paper")
    say(f"holds: {sum(one['kind'] == 'hold' for one in events)}, orders: {dict(decided) or 'none'}")
    say(f"refused by: {dict(refused) or 'nothing'}")
    say(f"breakers: {', '.join(trips) or 'none tripped'}")
    say(f"round trips: {len(trades)}, won: {sum(trade.profit > 0 for trade in trades)}")
    say(f"equity: {snapshot.equity:.2f} of {DEPOSIT}, drawdown {snapshot.drawdown:.2%}, state {snapshot.state}")
