"""Processes that make a vault or change its tier, and kill themselves at a chosen line of it."""

import asyncio
import os
import signal
import sys
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any

from gxrisk import Limits

from tests.vaults.fleets import fleet, settings

KEY = "ab" * 32
CEILING = Decimal("0.05")


def die_at(line: int) -> None:
    """Kill this process before it runs the `line`-th line from now on of what makes and changes vaults."""
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if Path(frame.f_code.co_filename).name not in ("fleet.py", "founding.py", "tier.py", "vault.py"):
            return None
        if event == "line":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def make(folder: Path, line: int) -> None:
    """Make the vault, perhaps to the end."""

    async def main() -> None:
        one = fleet(folder)
        die_at(line)
        await one.create("ann", settings("Silent"), owner_key=KEY)
        sys.settrace(None)
        await one.close()

    asyncio.run(main())


def held(limits: Limits) -> Limits:
    """An operator's ceiling over the daily loss."""
    return limits.replace(max_daily_loss=min(limits.max_daily_loss, CEILING))


def change(folder: Path, line: int) -> None:
    """Make the vault, and change its tier, perhaps to the end."""

    async def main() -> None:
        one = fleet(folder)
        limits = Limits.for_tier("growth").replace(max_order_notional=1000)
        vault = await one.create("ann", settings("Silent"), limits=limits)
        die_at(line)
        vault.change_tier("high_octane", held)
        sys.settrace(None)
        await one.close()

    asyncio.run(main())
