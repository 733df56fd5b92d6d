"""Whether the event loop keeps up: everything that waits in it, waits as long as this shows."""

import asyncio
from typing import Final

from gxrisk.vaults.timings import Timing

EVERY_S: Final = 0.25


async def measure_lag(lag: Timing) -> None:
    """Count how late each timer of a quarter of a second comes, until cancelled.

    A loop that hangs answers no scrape either: then the scrape fails, and the hang is counted as one late timer once
    it is over. The watchdog of the fleet, a thread, logs it meanwhile.
    """
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        lag.observe(max(0.0, loop.time() - due))
