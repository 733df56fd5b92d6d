"""Strategies that do one thing each, so that a test can tell what came of it."""

import asyncio
import sys
from decimal import ROUND_DOWN, Decimal
from threading import Event
from typing import Any

from gxrisk.agent.strategy import Action, Close, Hold, Open, View

_UNIT = Decimal("1e-6")


class Silent:
    """Holds."""

    def decide(self, view: View) -> Action:
        """Nothing."""
        return Hold(1.0, "silent")


class Holder:
    """Buys at the market up to half of what it may, rests limit orders below, and never sells by itself.

    Deterministic, and without a state of its own: a restart changes nothing of what it answers.
    """

    share = Decimal("0.2")
    full = Decimal("0.5")

    def decide(self, view: View) -> Action:
        """Buy, or rest a bid nearly five per cent below the market."""
        if view.atr is None:
            return Hold(1.0, "no range yet")
        close = view.candles[-1].close
        held = view.portfolio.quantity(view.asset) * close
        equity = view.portfolio.equity
        is_full = held > equity * self.full
        price = (close * Decimal("0.952")).quantize(_UNIT) if is_full else close
        share = Decimal("0.02") if is_full else self.share
        quantity = (equity * share / close).quantize(_UNIT, rounding=ROUND_DOWN)
        if quantity <= 0:
            return Hold(1.0, "nothing to buy with")
        stop = float(price) - 3.9 * view.atr
        if stop <= 0:
            return Hold(1.0, "no room for a stop")
        return Open(
            "buy", quantity, 0.9, "hold", stop_loss=stop, leverage=2, resize=True, price=price if is_full else None
        )


class Trader:
    """Buys on even bars, closes on odd ones, so that there is always something in flight."""

    def decide(self, view: View) -> Action:
        """By the number of the bar."""
        if view.atr is None:
            return Hold(1.0, "no range yet")
        last = view.candles[-1]
        number = last.end_ms // (last.end_ms - last.start_ms)
        if view.portfolio.quantity(view.asset):
            return Close(0.9, f"bar {number}") if number % 2 else Hold(0.9, f"bar {number}")
        quantity = (view.portfolio.equity / 20 / last.close).quantize(_UNIT, rounding=ROUND_DOWN)
        return Open("buy", quantity, 0.9, f"bar {number}", stop_loss=float(last.close) - 2 * view.atr, resize=True)


class Raising:
    """Raises, with a message that raises too every other time."""

    count = 0

    def decide(self, view: View) -> Action:
        """Never answers."""
        self.count += 1
        if self.count % 2:
            raise RuntimeError("no idea \ud800")
        raise _Unspeakable


class _Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even that")


class Exiting:
    """Wants to end the process: at once, from within a task, or by cancelling itself."""

    count = 0

    def decide(self, view: View) -> Any:
        """Never answers."""
        self.count += 1
        if self.count % 3 == 0:
            sys.exit(3)
        return self._exit(self.count % 3 == 1)

    async def _exit(self, is_hard: bool) -> Action:
        await asyncio.sleep(0)
        if is_hard:
            raise SystemExit(4)
        raise asyncio.CancelledError


class Hanging:
    """Never answers, and does not let itself be cancelled the first time it is asked to."""

    def decide(self, view: View) -> Any:
        """Hangs."""
        return self._hang()

    async def _hang(self) -> Action:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()
        return Hold(1.0, "too late")


class Blocking:
    """Never comes back, and holds its thread for ever."""

    def decide(self, view: View) -> Action:
        """Blocks."""
        Event().wait()
        return Hold(1.0, "too late")


NAN = float("nan")
NONSENSE: tuple[Any, ...] = (
    None,
    "buy",
    42,
    Open,
    Hold(NAN, "sure"),
    Hold(2.0, "surer"),
    Hold(0.5, ""),
    Hold(0.5, "x" * 5000),
    Hold(0.5, "\ud800"),
    Hold("much", None),  # type: ignore[arg-type]
    Close(NAN, "out"),
    Open("buy", NAN, 0.9, "NaN"),
    Open("buy", Decimal("NaN"), 0.9, "NaN"),
    Open("buy", float("inf"), 0.9, "inf", resize=True),
    Open("buy", -1, 0.9, "negative"),  # type: ignore[arg-type]
    Open("buy", 10**40, 0.9, "huge", stop_loss=1, resize=True),  # type: ignore[arg-type]
    Open("up", 1.0, 0.9, "up"),  # type: ignore[arg-type]
    Open("buy", 1.0, 0.9, "NaN stop", stop_loss=NAN),
    Open("buy", 1.0, NAN, "NaN confidence", stop_loss=1),
    Open("buy", 1.0, 0.9, "leverage", leverage=NAN, stop_loss=1),
    Open("buy", object(), 0.9, "an object"),  # type: ignore[arg-type]
    {"side": "buy"},
    lambda: None,
)


class Nonsense:
    """Answers each kind of nonsense in turn."""

    count = 0

    def decide(self, view: View) -> Any:
        """The next one."""
        self.count += 1
        return NONSENSE[(self.count - 1) % len(NONSENSE)]


class Bidder:
    """Rests a small bid with every bar, and buys a little at the market with every third."""

    def decide(self, view: View) -> Action:
        """By the number of the bar."""
        if view.atr is None:
            return Hold(1.0, "no range yet")
        last = view.candles[-1]
        number = last.end_ms // (last.end_ms - last.start_ms)
        is_bid = number % 3 != 0
        price = (last.close * Decimal("0.97")).quantize(_UNIT) if is_bid else None
        at = float(price or last.close)
        quantity = (view.portfolio.equity / 100 / last.close).quantize(_UNIT, rounding=ROUND_DOWN)
        return Open("buy", quantity, 0.9, f"bar {number}", stop_loss=at - 3.9 * view.atr, price=price, resize=True)
