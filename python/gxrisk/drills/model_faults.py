"""What an operator's own model does once it is no longer itself."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from threading import Event
from typing import Final

from gxrisk._native import Limits
from gxrisk.agent.strategy import Action, Close, Open, Strategy, View
from gxrisk.vaults.version import StrategyVersion
from gxrisk.venues.protocol import Side

FREEZE_PATIENCE_S: Final = 0.2
_STOP_ATR: Final = 2.0
_LOOP_FRACTION: Final = Decimal("0.05")
_UNIT: Final = Decimal("1e-9")


class Faulty:
    """The operator's model, itself until `since`, then `fail` in its place."""

    def __init__(self, strategy: Strategy, since: datetime, limits: Limits) -> None:
        self.strategy = strategy
        self.since = since
        self.limits = limits

    def decide(self, view: View) -> Action | Awaitable[Action]:
        """The model's own answer, or the fault's."""
        return self.fail(view) if view.at >= self.since else self.strategy.decide(view)

    def fail(self, view: View) -> Action | Awaitable[Action]:
        """What it does instead."""
        raise NotImplementedError

    def let_go(self) -> None:
        """End what the fault left behind."""


class Panicking(Faulty):
    """Raises at every question."""

    def fail(self, view: View) -> Action:
        """No answer at all."""
        raise RuntimeError("the model panicked")


class Looping(Faulty):
    """Opens and closes, bar after bar, whatever the market does."""

    def fail(self, view: View) -> Action:
        """The opposite of what it did last."""
        if view.portfolio.quantity(view.asset):
            return Close(1.0, "again")
        return _opening(view, "buy", _LOOP_FRACTION, Decimal(1), self.limits)


class Freezing(Faulty):
    """Blocks its thread and never comes back, until the drill lets go of it."""

    def __init__(self, strategy: Strategy, since: datetime, limits: Limits) -> None:
        super().__init__(strategy, since, limits)
        self._over = Event()

    def fail(self, view: View) -> Action | Awaitable[Action]:
        """Wait for ever."""
        self._over.wait()
        return self.strategy.decide(view)

    def let_go(self) -> None:
        """Free the thread."""
        self._over.set()


class Overconfident(Faulty):
    """Is certain, and wants the most that can be had at every bar: more of what it holds, or to buy."""

    def fail(self, view: View) -> Action:
        """A hundred times the account, levered to the limit."""
        is_short = view.portfolio.quantity(view.asset) < 0
        return _opening(view, "sell" if is_short else "buy", Decimal(100), self.limits.max_leverage, self.limits)


ModelFault = Callable[[Strategy, datetime, Limits], Faulty]


def faulty_version(version: StrategyVersion, wrap: Callable[[Strategy], Strategy]) -> StrategyVersion:
    """`version` under its own name and hash, whose strategies are made and then wrapped."""

    class Wrapped(StrategyVersion):
        """A version of which the drill takes the wheel."""

        def make(self) -> Strategy:
            """The strategy as it is, wrapped."""
            return wrap(version.make())

    return Wrapped(version.name, version.version, version.content_hash)


def _opening(view: View, side: Side, fraction: Decimal, leverage: Decimal, limits: Limits) -> Open:
    price = view.candles[-1].close
    distance = min(_STOP_ATR, float(limits.stop_atr_max)) * (view.atr or 0.0)
    stop = float(price) - distance if side == "buy" else float(price) + distance
    quantity = max(_UNIT, (view.portfolio.equity * fraction / price).quantize(_UNIT))
    return Open(side, quantity, 1.0, "certain", stop_loss=stop, leverage=leverage, resize=True)
