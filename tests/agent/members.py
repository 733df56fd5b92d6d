"""Members of ensembles: each does one thing, so that a test can tell what came of it."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from gxrisk.agent import Action, Close, Hold, Open, Strategy, View
from gxrisk.agent.ensemble import Ensemble

from .bars import view, walk

BARS = walk(7, 70)
FLAT = view(BARS)
LONG = view(BARS, quantity="2")
SHORT = view(BARS, quantity="-2")
BUY = Open("buy", Decimal(1), 0.8, "up", stop_loss=98)
SELL = Open("sell", Decimal(1), 0.8, "down", stop_loss=102)
CLOSE = Close(0.6, "turned")
HOLD = Hold(0.5, "calm")


class Says:
    """Always the same."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def decide(self, view: View) -> Any:
        """The answer."""
        return self.answer


class SaysLater(Says):
    """The same from a coroutine."""

    async def decide(self, view: View) -> Any:
        """The answer, after the others had their turn."""
        await asyncio.sleep(0)
        return self.answer


class Raises(Says):
    """Raises."""

    def decide(self, view: View) -> Any:
        """Never an answer."""
        raise self.answer


class RaisesLater(Says):
    """Raises from a coroutine."""

    async def decide(self, view: View) -> Any:
        """Never an answer."""
        raise self.answer


class Hangs:
    """Hangs in its thread until it is let go, and counts how often it was asked."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked = 0

    def decide(self, view: View) -> Any:
        """Late."""
        self.asked += 1
        self.free.wait(60)
        return BUY


class HangsLater:
    """Waits for ever, until it is cancelled."""

    def __init__(self) -> None:
        self.was_asked = asyncio.Event()
        self.was_cancelled = False

    async def decide(self, view: View) -> Any:
        """Never."""
        self.was_asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.was_cancelled = True


class Stubborn:
    """Refuses to be cancelled until it is let go."""

    def __init__(self) -> None:
        self.free = asyncio.Event()

    async def decide(self, view: View) -> Any:
        """Late."""
        while not self.free.is_set():
            with suppress(asyncio.CancelledError):
                await self.free.wait()
        return BUY


class Unspeakable(Exception):
    """Raises even when its message is asked for."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def asked(members: Sequence[Strategy], question: View = FLAT, agreement: Any = Decimal("0.7"), **how: Any) -> Action:
    """What an ensemble of these, named a, b, c, ... says."""
    named = {f"{chr(97 + number % 26)}{number // 26 or ''}": member for number, member in enumerate(members)}
    return asyncio.run(Ensemble(named, agreement, **how).decide(question))


def opening(**fields: Any) -> Open:
    """A buy with some field that is something else."""
    return Open(**{"side": "buy", "quantity": 1, "confidence": 0.5, "reasoning": "up", "stop_loss": 90, **fields})
