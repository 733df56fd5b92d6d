"""What a moment costs a fleet of idle vaults, and what a vault takes in memory: `python -m benches.fleet`.

Each size is measured in a process of its own, on minutes of two assets; the vaults watch, hold nothing and
are asked nothing, as most do at most moments. Sizes stop where the machine's memory, files or patience end.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from gxrisk import ManualClock
from gxrisk.feeds import Candle, Moment
from gxrisk.vaults import Fleet, StrategyVersion, VaultSettings
from gxrisk.venues import PaperVenue

SIZES = (10, 100, 1_000, 10_000)
ASSETS = ("BTC", "ETH")
MINUTE_MS = 60_000
START_MS = 1_583_971_200_000
DAY_S = 86_400
VERSION = StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1")


def moment(minute: int) -> Moment:
    """A minute that closes for each asset, and the next one that opens."""
    at_ms = START_MS + minute * MINUTE_MS
    price = Decimal(100) + Decimal(minute % 7) / 10
    closed, opened = (
        tuple(Candle(one, start_ms, MINUTE_MS, price, price + 1, price - 1, price, 10.0) for one in ASSETS)
        for start_ms in (at_ms - MINUTE_MS, at_ms)
    )
    return Moment(at_ms, closed, opened)


def resident_kib() -> int:
    """The memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


async def measure(size: int, moments: int, folder: Path) -> dict[str, float]:
    """Make the vaults, play the moments, close; seconds and KiB."""
    clock = ManualClock(START_MS * 1_000_000)
    fleet = Fleet(folder / "vaults", PaperVenue(folder=folder / "accounts"), clock=clock)
    before_kib, began = resident_kib(), time.perf_counter()
    for number in range(size):
        vault = await fleet.create(f"v{number}", VaultSettings("growth", VERSION, bar_s=DAY_S))
        await vault.fund("first", Decimal(10_000))
    made_s = time.perf_counter() - began
    for minute in range(1, 4):  # the first moments reconcile, and take the hour's sample
        await fleet.step(moment(minute))
    began, used = time.perf_counter(), time.process_time()
    for minute in range(4, 4 + moments):
        await fleet.step(moment(minute))
    spent_s, cpu_s = time.perf_counter() - began, time.process_time() - used
    after_kib, began = resident_kib(), time.perf_counter()
    assert not fleet.failed, dict(fleet.failed)
    await fleet.close()
    return {
        "made_ms": made_s / size * 1e3,
        "moment_us": spent_s / moments / size * 1e6,
        "cpu_us": cpu_s / moments / size * 1e6,
        "marks_s": moments * size * len(ASSETS) / spent_s,
        "kib": (after_kib - before_kib) / size,
        "close_ms": (time.perf_counter() - began) / size * 1e3,
    }


def measured(size: int) -> dict[str, float] | None:
    """The figures of a size from a process of its own; None where the machine ends."""
    command = [sys.executable, "-m", "benches.fleet", "--size", str(size)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=3_600, check=False)
    except subprocess.TimeoutExpired:
        print(f"{size:,} vaults: not done within an hour")
        return None
    if done.returncode:
        print(f"{size:,} vaults: {done.stderr.strip().splitlines()[-1]}")
        return None
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """One size for the parent process, or the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, help="measure one size and print JSON")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    asked = parser.parse_args()
    if asked.size is not None:
        with TemporaryDirectory() as folder:
            figures = asyncio.run(measure(asked.size, max(20, 4_000 // asked.size), Path(folder)))
        print(json.dumps(figures))
        return
    print("| vaults | a vault's moment, us | CPU, us | to the first | marks/s | KiB a vault | made, ms | closed, ms |")
    print("|---|---|---|---|---|---|---|---|")
    first = None
    for size in asked.sizes:
        one = measured(size)
        if one is None:
            return
        first = first or one["cpu_us"]
        print(
            f"| {size:,} | {one['moment_us']:.1f} | {one['cpu_us']:.1f} | {one['cpu_us'] / first:.2f} "
            f"| {one['marks_s']:,.0f} | {one['kib']:.0f} | {one['made_ms']:.1f} | {one['close_ms']:.1f} |"
        )


if __name__ == "__main__":
    main()
