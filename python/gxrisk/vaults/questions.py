"""Which bars a strategy is asked about, and when: in the moment itself in a replay, beside the moments when live."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any

from gxrisk._native import Gate
from gxrisk.agent.strategy import View
from gxrisk.vaults.market import Bars
from gxrisk.vaults.proposals import Proposer
from gxrisk.vaults.protecting import Protection

Attempt = Callable[[Coroutine[Any, Any, None]], Coroutine[Any, Any, None]]
"""Runs what may fail, and deals with the failure."""


class Questions:
    """One vault's open questions, at most one for each asset, put to the strategy one after the other.

    A bar that is completed while the question about the asset's last one is open is skipped, which goes on record as a
    hold. With `protection` nothing is asked while the vault is flat and could open nothing.
    """

    def __init__(self, gate: Gate, proposer: Proposer, protection: Protection | None = None) -> None:
        self._gate = gate
        self._protection = protection
        self._proposer = proposer
        self._open: dict[str, None] = {}  # by asset, in the order in which they came
        self._task: asyncio.Task[None] | None = None

    @property
    def are_open(self) -> bool:
        """Whether there is anything to ask."""
        return bool(self._open)

    def take(self, assets: Iterable[str], bars: Bars) -> None:
        """Bars of these assets have just been completed."""
        for asset in assets:
            if asset in self._open:
                end = datetime.fromtimestamp(bars.history(asset)[-1].end_ms / 1000, UTC)
                reasoning = f"the strategy was still busy: the bar up to {end:%Y-%m-%d %H:%M:%S} UTC was skipped"
                self._gate.hold(0, reasoning, asset=asset)
            else:
                self._open[asset] = None

    async def answer(self, bars: Bars) -> None:
        """Ask until no question is open; where one fails, those that wait are dropped with it."""
        try:
            while self._open:
                asset = next(iter(self._open))
                if self._protection is None or not await self._protection.is_idle():
                    candles = bars.history(asset)
                    at = datetime.fromtimestamp(candles[-1].end_ms / 1000, UTC)
                    await self._proposer.ask(View(asset, at, candles, bars.atr(asset), self._proposer.portfolio()))
                del self._open[asset]
        finally:
            self._open.clear()

    def answer_beside(self, bars: Bars, attempt: Attempt) -> None:
        """The same in a task of its own, of which there is one at a time."""
        if self._open and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(attempt(self.answer(bars)))

    async def finish(self, within_s: float) -> None:
        """Wait for the answers to what is asked beside."""
        if self._task is not None and self._task is not asyncio.current_task():
            await asyncio.wait({self._task}, timeout=within_s)

    async def end(self) -> None:
        """Give up what is still open, each with a hold on record; nothing is asked any more."""
        self._proposer.asking.end()
        if self._task is not None and self._task is not asyncio.current_task():
            await asyncio.wait({self._task})
