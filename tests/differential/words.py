"""The words of the model (sections 1, 2, 4 and 9 of the specification): numbers, limits, orders, positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction as F
from math import ceil
from typing import Any, NamedTuple

SMALLEST, LARGEST = F(1, 10**9), F(10**18)


class Refused(Exception):
    """The gate would raise an error here."""


class Unknown(Exception):
    """A rule needs something that is not there; a rule that cannot be computed is violated."""


def number(value: Any, low: F = SMALLEST, high: F = LARGEST) -> F:
    """An exact number of at most nine fractional digits within its range."""
    try:
        result = F(Decimal(value) if isinstance(value, str) else value)
    except (InvalidOperation, ValueError, OverflowError, TypeError) as error:
        raise Refused(f"not a number: {value!r}") from error
    if isinstance(value, bool) or not low <= result <= high or (result * 10**9).denominator != 1:
        raise Refused(f"out of range: {value!r}")
    return result


def up(value: F) -> F:
    """Against the trader at the eighteenth digit."""
    return F(ceil(value * 10**18), 10**18)


@dataclass(frozen=True)
class Limits:
    """The limits of one vault: first those that a tier sets, then the defaults that all tiers share. None is off."""

    max_leverage: F
    max_position_fraction: F
    max_daily_loss: F
    max_drawdown: F
    max_correlated_exposure: F
    stop_atr_max: F
    max_daily_trades: int
    stop_atr_min: F = F("0.5")
    max_concentration: F = F("0.6")
    drawdown_base: str = "deposit"
    max_order_notional: F | None = None
    price_collar: F = F("0.05")
    orders_per_minute: int = 60
    order_burst: int = 20
    max_open_orders: int = 50
    min_confidence: F = F("0.3")
    maintenance_margin: F = F("0.01")
    liquidation_share: F = F("0.8")
    stop_risk_budget: F | None = None
    assets: tuple[str, ...] | None = None
    price_move_max: F = F("0.1")
    price_move_window_s: int = 300
    price_move_pause_s: int = 900
    mark_age_s_max: int = 60
    losses_in_row_max: int = 5
    loss_pause_s: int = 1800
    failures_in_row_max: int = 3
    volatility_max: F = F("0.3")
    approval_ttl_s: int = 5

    def changed(self, changes: Mapping[str, Any]) -> Limits:
        """These limits with others in place of some; an unknown name is refused."""
        if unknown := set(changes) - {f.name for f in fields(self)}:
            raise Refused(f"unknown limits {unknown}")
        read: dict[str, Any] = {}
        for name, value in changes.items():
            plain = name == "drawdown_base" or not isinstance(value, str | list)
            read[name] = value if plain else tuple(value) if isinstance(value, list) else number(value)
        return replace(self, **read)

    def looser_than(self, old: Limits) -> bool:
        """Whether any limit lets through what the old one did not."""
        return any(_looser(f.name, getattr(self, f.name), getattr(old, f.name)) for f in fields(self))


MORE_IS_TIGHTER = {"stop_atr_min", "min_confidence", "maintenance_margin"}
MORE_IS_TIGHTER |= {"loss_pause_s", "price_move_window_s", "price_move_pause_s"}

TIERS = {  # leverage, position, daily loss, drawdown, correlated, stop in ATR at most, opening trades a day
    "capital_guard": Limits(F(2), F("0.10"), F("0.02"), F("0.10"), F("0.8"), F(3), 50),
    "growth": Limits(F(5), F("0.25"), F("0.04"), F("0.15"), F("1.5"), F(4), 100),
    "high_octane": Limits(F(10), F("0.50"), F("0.08"), F("0.25"), F("3.0"), F(5), 200),
}


def _looser(name: str, new: Any, was: Any) -> bool:
    if name == "drawdown_base":  # the peak is never below the deposit
        return bool((was, new) == ("peak", "deposit"))
    if was is None or new is None:
        return was is not None and new is None
    if name == "assets":
        return not set(new) <= set(was)
    return bool(new < was if name in MORE_IS_TIGHTER else new > was)


@dataclass(frozen=True)
class Order:
    """What a strategy proposes."""

    asset: str
    side: str
    quantity: F
    confidence: F = F("0.8")
    reasoning: str = "because"
    price: F | None = None
    leverage: F = F(1)
    stop_loss: F | None = None
    take_profit: F | None = None
    reduce_only: bool = False
    client_order_id: str | None = None

    @staticmethod
    def read(raw: Mapping[str, Any]) -> Order:
        """An order from plain values, refused at construction when a number is out of its range."""
        ranges = dict.fromkeys(("quantity", "price", "stop_loss", "take_profit"), (SMALLEST, LARGEST))
        ranges |= {"confidence": (F(0), F(1)), "leverage": (SMALLEST, F(1000))}
        given = {name: value for name, value in raw.items() if value is not None}
        return Order(**given | {name: number(given[name], *ranges[name]) for name in given if name in ranges})

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1


class Decision(NamedTuple):
    """The answer to an order: `approved`, `rejected` or `held`."""

    outcome: str
    violations: tuple[str, ...] = ()
    order_id: str | None = None


class Trip(NamedTuple):
    """When a breaker tripped and, where a pause of its own ends it, when that ends."""

    since: int
    until: int | None


@dataclass
class Position:
    """A signed quantity, its signed cost, the round trip's P&L so far and the stops of the fills that opened it."""

    quantity: F = F(0)
    cost: F = F(0)
    trip: F = F(0)
    stops: set[F | None] = field(default_factory=set)

    def book(self, change: F, price: F, fee: F, stop: F | None) -> tuple[F, F | None]:
        """What the fill realises and, where it ends a round trip, that trip's P&L."""
        size, sign, ended = abs(change), 1 if change > 0 else -1, None
        closed = min(size, max(F(0), -self.quantity * sign))
        gain = F(0)
        if closed:
            flat = closed == abs(self.quantity)
            share = self.cost if flat else up(self.cost * closed / abs(self.quantity))
            gain = -sign * closed * price - share
            self.trip += gain - fee * closed / size
            self.cost -= share
            self.quantity += sign * closed
            if flat:
                ended, self.trip, self.stops = self.trip, F(0), set()
        if opened := size - closed:
            self.quantity += sign * opened
            self.cost += sign * opened * price
            self.trip -= fee * opened / size
            self.stops.add(stop)
        return gain, ended


@dataclass
class Approved:
    """An approved order and what became of it."""

    order: Order
    expires: int
    entry: F
    strictness: int
    filled: F = F(0)
    status: str = "approved"
    cancel_requested: bool = False

    @property
    def working(self) -> bool:
        """Not finished: the venue may still fill it."""
        return self.status in ("approved", "redeemed", "accepted")

    @property
    def remaining(self) -> F:
        """What may still be filled of what was approved."""
        return max(F(0), self.order.quantity - self.filled)
