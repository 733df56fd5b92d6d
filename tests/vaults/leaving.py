"""Processes that open a vault for exits only, or whole again, and kill themselves at a chosen line of it."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from gxrisk.vaults import StrategyVersion, VaultSettings

from tests.vaults.fleets import fleet

TEXT = "from tests.vaults.strategies import Silent as Model\n"
MODULE = "leaving_model"
_FILES = ("admission.py", "exits_only.py")


def die_at(line: int) -> None:
    """Kill this process before it runs the `line`-th line from now on of what opens vaults."""
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if Path(frame.f_code.co_filename).name not in _FILES:
            return None
        if event == "line":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def here(folder: Path) -> Path:
    """The strategy's file, which can be imported from now on."""
    folder.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    return folder / f"{MODULE}.py"


async def made(folder: Path) -> None:
    """The vault, whole, running."""
    here(folder).write_text(TEXT)
    one = fleet(folder)
    await one.create("ann", VaultSettings("growth", StrategyVersion.of(f"{MODULE}:Model", "1")))
    await one.close()


async def opened(folder: Path, line: int = 0) -> None:
    """An opening as things are now, perhaps to the end."""
    one = fleet(folder)
    if line:
        die_at(line)
    await one.open_all()
    sys.settrace(None)
    await one.close()


def lose(folder: Path, line: int) -> None:
    """Its file is removed, and it is opened, perhaps to the end."""

    async def main() -> None:
        await made(folder)
        here(folder).unlink()
        sys.modules.pop(MODULE)
        await opened(folder, line)

    asyncio.run(main())


def mend(folder: Path, line: int) -> None:
    """It was opened for exits only; its file is back, and it is opened again, perhaps to the end."""

    async def main() -> None:
        await made(folder)
        here(folder).unlink()
        sys.modules.pop(MODULE)
        await opened(folder)
        here(folder).write_text(TEXT)
        await opened(folder, line)

    asyncio.run(main())
