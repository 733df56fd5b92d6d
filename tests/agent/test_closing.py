"""Strategies are closed with their vaults: each once, in bounded time, whatever they do then."""

import asyncio
import logging
from pathlib import Path
from threading import Event

import pytest
from gxrisk import ManualClock
from gxrisk.agent.closing import close_strategy
from gxrisk.agent.ensemble import Ensemble
from gxrisk.agent.ensemble_after_losses import ConsensusAfterLosses
from gxrisk.agent.policy import HoldPolicy
from gxrisk.agent.strategy import Action, Hold, View
from gxrisk.vaults import Fleet, StrategyVersion, VaultSettings
from gxrisk.venues import PaperVenue

CLOSED: list[str] = []


class Quiet:
    """Holds."""

    def decide(self, view: View) -> Action:
        """Nothing."""
        return Hold(1.0, "quiet")


class Closing(Quiet):
    """Has something open."""

    def close(self) -> None:
        """Note it."""
        CLOSED.append("close")


class ClosingLater(Quiet):
    """Has something open that is closed asynchronously; `close` is then not asked."""

    async def aclose(self) -> None:
        """Note it."""
        await asyncio.sleep(0)
        CLOSED.append("aclose")

    def close(self) -> None:
        """Not called."""
        CLOSED.append("close")


class Raising(Quiet):
    """Breaks while it is closed."""

    def close(self) -> None:
        """Never comes to an end."""
        raise SystemExit(3)


class Hanging(Quiet):
    """Blocks while it is closed."""

    def close(self) -> None:
        """Never comes back."""
        Event().wait()


class HangingLater(Quiet):
    """Never ends, and does not let itself be cancelled."""

    async def aclose(self) -> None:
        """Never comes back."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()


class Both(Ensemble):
    """Of two that are closed."""

    def __init__(self) -> None:
        super().__init__({"one": Closing(), "other": HoldPolicy(ClosingLater())})


def Led() -> ConsensusAfterLosses:
    """One of them leads."""
    return ConsensusAfterLosses(Both(), lead="one")


@pytest.mark.parametrize(
    ("name", "closed"),
    [
        ("Quiet", []),
        ("Closing", ["close"]),
        ("ClosingLater", ["aclose"]),
        ("Raising", []),
        ("Both", ["close", "aclose"]),
        ("Led", ["close", "aclose"]),
    ],
)
def test_a_vault_closes_its_strategy(tmp_path: Path, name: str, closed: list[str]) -> None:
    CLOSED.clear()

    async def live() -> None:
        fleet = Fleet(tmp_path, PaperVenue(), clock=ManualClock(0))
        await fleet.create("ann", VaultSettings("growth", StrategyVersion.of(f"{__name__}:{name}", "1")))
        assert CLOSED == []
        await fleet.close()
        assert fleet.failed == {}

    asyncio.run(live())
    assert sorted(CLOSED) == sorted(closed)


@pytest.mark.parametrize("strategy", [Raising(), Hanging(), HangingLater()])
def test_what_does_not_close_is_left_behind(strategy: Quiet, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "gxrisk.agent"):
        asyncio.run(asyncio.wait_for(_closed(strategy), 30))
    assert [f"{type(strategy).__name__} could not be closed" in line for line in caplog.messages] == [True]


async def _closed(strategy: Quiet) -> None:
    await close_strategy(strategy, 0.05)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
