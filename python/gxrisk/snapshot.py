"""The vault at one instant, as `gate.snapshot()` gives it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from gxrisk._native import Order


class Position(Decimal):
    """A position: its signed quantity (a `Decimal`, below zero for a short), with what it cost and what it is worth.

    `cost` is the signed sum of quantity x price, `mark` the last price (None before the first one), `unrealised` the
    P&L at that mark; money in the account's currency. `stop_loss` is the furthest stop of the orders that built the
    position since it was last flat, None where one of them had none.

    >>> short = Position("-2", cost="-200", mark="90", unrealised="20")
    >>> short < 0, short.entry_price
    (True, Decimal('100'))
    """

    cost: Decimal
    mark: Decimal | None
    unrealised: Decimal
    stop_loss: Decimal | None

    def __new__(
        cls,
        quantity: Decimal | str,
        cost: Decimal | str,
        mark: Decimal | str | None,
        unrealised: Decimal | str,
        stop_loss: Decimal | str | None = None,
    ) -> "Position":
        """Make a position of its parts."""
        position = super().__new__(cls, quantity)
        position.cost = Decimal(cost)
        position.mark = None if mark is None else Decimal(mark)
        position.unrealised = Decimal(unrealised)
        position.stop_loss = None if stop_loss is None else Decimal(stop_loss)
        return position

    @property
    def quantity(self) -> Decimal:
        """The signed quantity as a plain `Decimal`."""
        return Decimal(self)

    @property
    def entry_price(self) -> Decimal:
        """The average entry price: cost / quantity, rounded as the current decimal context says."""
        return self.cost / self.quantity


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """An approved order that is not finished: its reservation counts against every limit.

    `remaining` is the quantity not executed yet; `status` is "approved", "redeemed" or "accepted"; `cancel_requested`
    says that a breaker or the kill switch wants it cancelled at the venue.
    """

    order_id: str
    order: Order
    remaining: Decimal
    status: str
    cancel_requested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The vault at one instant; read as attributes (`s.equity`) or by name (`s["equity"]`, `dict(s)`).

    Money and quantities are exact `Decimal`s. `equity` = `collateral` + `realised` + `unrealised` - `fees` + `funding`;
    `day_loss` = `day_opening` - `equity` (below zero for a gain); `drawdown` is the fraction of `base` that is lost,
    never below 0, rounded up at the ninth digit. `positions`, `marks` and `exposures` are by asset.
    """

    time: datetime
    time_ns: int
    state: str
    equity: Decimal
    collateral: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    day_opening: Decimal
    day_loss: Decimal
    base: Decimal
    peak: Decimal
    drawdown: Decimal
    gross_exposure: Decimal
    positions: dict[str, Position]
    marks: dict[str, Decimal]
    exposures: dict[str, Decimal]
    working: tuple[WorkingOrder, ...]
    daily_trades: int
    loss_streak: int
    failures_in_row: int
    ignored_marks: int
    tokens: Decimal
    volatility: Decimal
    risk_scale: Decimal
    paused: bool
    killed: bool
    sequence: int

    def keys(self) -> list[str]:
        """The names of all fields."""
        return [field.name for field in fields(self)]

    def __getitem__(self, name: str) -> Any:
        """One field by its name; `KeyError` where there is none."""
        if name not in self.__slots__:
            raise KeyError(name)
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a field."""
        return name in self.__slots__

    def __iter__(self) -> Iterator[str]:
        """The names of all fields."""
        return iter(self.keys())

    def __len__(self) -> int:
        """How many fields there are."""
        return len(self.keys())

    def to_dict(self) -> dict[str, Any]:
        """Every field by name."""
        return {name: self[name] for name in self.keys()}
