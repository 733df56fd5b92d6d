"""What a scrape of many vaults costs, and what it does to who trades meanwhile: `python -m benches.scrape [VAULTS]`."""

import asyncio
import sys
import tempfile
import time
from threading import Event, Thread

from gxrisk import Gate, ManualClock
from gxrisk.feeds import reconstruct, timeline
from gxrisk.metrics import metrics_text, registry_of
from gxrisk.vaults import Fleet, StrategyVersion, VaultSettings
from gxrisk.venues.paper import PaperVenue

RECORDS = 2_000


async def durable(gate: Gate) -> str:
    """How long a durable record takes, one each millisecond."""
    took = []
    for _ in range(RECORDS):
        began = time.perf_counter()
        gate.hold(0.5, "waiting", asset="BTC")
        took.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(0.001)
    took.sort()
    return f"median {took[RECORDS // 2]:.2f} ms, 99 % {took[RECORDS * 99 // 100]:.2f} ms, longest {took[-1]:.2f} ms"


async def measure(folder: str, vaults: int) -> None:
    """Make the vaults, scrape them, and let one of them write while they are scraped without a pause."""
    fleet = Fleet(folder, PaperVenue(), clock=ManualClock("2020-03-12T00:00:00Z"))
    momentum = StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1")
    for number in range(vaults):
        await fleet.create(f"vault-{number:05}", VaultSettings("growth", momentum, bar_s=900))
    for _, moment in zip(range(5), timeline([reconstruct()]), strict=False):
        await fleet.step(moment)
    registry = registry_of(fleet)
    metrics_text(registry)  # which reads the journals' first records
    began, cpu = time.perf_counter(), time.process_time()
    text = metrics_text(registry)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    series = len([line for line in text.splitlines() if not line.startswith(b"#")])
    print(f"{vaults} vaults: {series} series, {len(text) / 1e6:.1f} MB, {took:.2f} s, of which CPU {cpu:.2f} s")
    gate = next(iter(fleet.vaults.values())).gate
    print("a durable record:             ", await durable(gate))
    over = Event()

    def scrape() -> None:
        while not over.is_set():
            metrics_text(registry)

    thread = Thread(target=scrape)
    thread.start()
    print("the same while scrapes go on: ", await durable(gate))
    over.set()
    thread.join()
    await fleet.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(name, int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
