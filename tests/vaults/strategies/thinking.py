"""Strategies that take their time: they answer when the test lets them."""

import asyncio
from threading import Event, get_ident
from typing import ClassVar

from gxrisk.agent.strategy import Action, Hold, Open, View


class Wish:
    """Opens a small position with every bar."""

    def decide(self, view: View) -> Action:
        """Buy, with a stop two ranges away."""
        if view.atr is None:
            return Hold(1.0, "no range yet")
        close = view.candles[-1].close
        return Open("buy", 1, 0.9, f"bar {view.at:%M:%S}", stop_loss=float(close) - 2 * view.atr)  # type: ignore[arg-type]


class Pondering(Wish):
    """Answers like `Wish` once `go_on` is set; `asked` are the bars that it was asked about."""

    go_on: ClassVar[asyncio.Event]
    asked: ClassVar[list[str]]

    async def decide(self, view: View) -> Action:  # type: ignore[override]
        """In its own time."""
        self.asked.append(f"{view.asset} {view.at:%M:%S}")
        await self.go_on.wait()
        return super().decide(view)


class Blocked(Wish):
    """The same, holding its thread."""

    go_on: ClassVar[Event]
    asked: ClassVar[list[str]]
    threads: ClassVar[set[int]]

    def decide(self, view: View) -> Action:
        """In its own time."""
        self.asked.append(f"{view.asset} {view.at:%M:%S}")
        self.threads.add(get_ident())
        self.go_on.wait()
        return super().decide(view)
