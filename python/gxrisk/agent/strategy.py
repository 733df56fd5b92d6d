"""What a model sees and what it may answer."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, Protocol, runtime_checkable

from gxrisk._native import GxriskError, Order, Violation
from gxrisk.feeds.candles import Candle

REASONING_CHARS_MAX: Final = 4_000  # what the gate takes; tests hold it against the core's own


class ModelError(GxriskError):
    """A model that cannot be loaded, or that broke or answered nonsense while it ran."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The account as the model may see it: money in the quote currency, quantities signed (short is below zero).

    `state` is the vault's trading state; without a gate it is always `active`. `stop_loss` holds the stops that
    protect positions at the venue. `consensus_required` says that too much was lost in a row and nothing has won since:
    `ConsensusAfterLosses` then asks an ensemble.

    >>> Portfolio(equity=Decimal(1000)).quantity("BTC")
    Decimal('0')
    """

    equity: Decimal
    positions: Mapping[str, Decimal] = field(default_factory=dict)
    stop_losses: Mapping[str, Decimal] = field(default_factory=dict)
    state: str = "active"
    consensus_required: bool = False

    def quantity(self, asset: str) -> Decimal:
        """The signed position in `asset`, 0 when flat."""
        return self.positions.get(asset, Decimal(0))


@dataclass(frozen=True, slots=True)
class Objection:
    """What a guard before the gate had against an order: `did` is `changed`, `refused` or `failed` (it broke).

    `limit` and `observed` are what it compared, as text; `passes` says what it would let through. Each is None where
    the guard does not know.

    >>> print(Objection("health", "refused", "win_rate 0.1 (critical)", "under critical", "critical", None))
    health: win_rate 0.1 (critical)
    """

    guard: str
    did: Literal["changed", "refused", "failed"]
    message: str
    limit: str | None = None
    observed: str | None = None
    passes: str | None = None

    def __str__(self) -> str:
        return f"{self.guard}: {self.message}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of the model's last order in an asset: `outcome` is `approved`, `rejected` or `held`.

    Each of `violations` has `rule`, `limit`, `observed` and `message`; `quantity_max` is the largest quantity of this
    order that would have passed, 0 where none would or nobody can tell. `guards` are those before the gate that made
    the order smaller, drew in its stop, or refused it: then it is `held`, and the gate was not asked.
    """

    order: Order
    outcome: str
    violations: tuple[Violation, ...]
    quantity_max: Decimal
    guards: tuple[Objection, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """One question to the model: `asset` at time `at` (UTC), when the last of `candles` has just been completed.

    `candles` are the asset's completed bars, oldest first, at most the last thousand; `atr` is Wilder's average true
    range of 14 of them, None while there are fewer. `verdict` is what came of the model's last order in this asset,
    None before the first one.
    """

    asset: str
    at: datetime
    candles: tuple[Candle, ...]
    atr: float | None
    portfolio: Portfolio
    verdict: Verdict | None = None

    def closes(self, count: int) -> list[float]:
        """The last `count` closes (or as many as there are), oldest first."""
        return [float(candle.close) for candle in self.candles[-count:]]


@dataclass(frozen=True, slots=True)
class Open:
    """Open or add to a position: side, quantity in base units, stop-loss and take-profit as prices, leverage.

    With `price` it is a limit order, without one a market order.
    With `resize` the quantity is a wish: when the gate refuses it for its size alone, the largest quantity that
    passes is proposed once instead. With `ask_again` the model is asked once more at once when the gate refuses, or a
    guard that knows a quantity which it would pass, with the refusal as `view.verdict`; three proposals a question is
    the most.
    """

    side: Literal["buy", "sell"]
    quantity: Decimal | float
    confidence: float
    reasoning: str
    stop_loss: Decimal | float | None = None
    leverage: Decimal | float = 1
    resize: bool = False
    price: Decimal | float | None = None
    take_profit: Decimal | float | None = None
    ask_again: bool = False

    def order(self, asset: str) -> Order:
        """The order that it asks for. Raises `InvalidOrder` or `TypeError` for what no order may have.

        >>> str(Open("buy", 2, 0.8, "cheap", stop_loss=98).order("BTC").quantity)
        '2'
        """
        return Order(
            asset,
            self.side,
            self.quantity,
            confidence=self.confidence,
            reasoning=self.reasoning,
            price=self.price,
            leverage=self.leverage,
            stop_loss=self.stop_loss,
            take_profit=self.take_profit,
        )


@dataclass(frozen=True, slots=True)
class Close:
    """Close the whole position in the asset."""

    confidence: float
    reasoning: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Do nothing, which is a decision too, with its own confidence and reasoning."""

    confidence: float
    reasoning: str


Action = Open | Close | Hold


@runtime_checkable
class Strategy(Protocol):
    """A trading model: asked once for each completed bar of each asset, it answers with one action.

    `decide` may be a coroutine function. Confidence lies between 0 and 1; reasoning has 1 to 4,000 characters. One
    object serves one vault, so a model may keep state. What it holds open, an HTTP client for example, it closes in an
    `aclose()` or a `close()`, which the vault calls when it is closed; both are optional.

    >>> class Patient:
    ...     def decide(self, view: View) -> Action:
    ...         return Hold(1.0, "nothing is sure")
    >>> isinstance(Patient(), Strategy)
    True
    """

    def decide(self, view: View) -> Action | Awaitable[Action]:
        """Answer for `view.asset`, knowing nothing later than `view.at`."""
