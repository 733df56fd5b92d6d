"""What a history answers with: one frozen class a table, money as Decimal, times as nanoseconds since 1970 (UTC)."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Generic, Literal, TypeVar

from gxrisk.history.amounts import EXACT

_PRICE_UNIT: Final = Decimal("1e-9")

Outcome = Literal["approved", "rejected", "held"]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and where the next page begins: give `next` as `after`; None where there is none."""

    rows: tuple[Row, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that an order broke; `limit` and `observed` as the journal writes them."""

    rule: str
    limit: str | None
    observed: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate answered to an order.

    A model's own hold has no side and no quantity, and an asset only where it was named.
    """

    sequence: int
    time_ns: int
    outcome: Outcome
    origin: str
    asset: str | None
    side: str | None
    quantity: Decimal | None
    price: Decimal | None
    leverage: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    reduce_only: bool
    confidence: Decimal
    reasoning: str
    client_order_id: str | None
    order_id: str | None
    violations: tuple[Violation, ...]

    @property
    def is_hold(self) -> bool:
        """Whether it is a model's own hold: no order was asked for."""
        return self.side is None


@dataclass(frozen=True, slots=True)
class Order:
    """An approved order; `value` is the sum of quantity x price over its fills, `sequence` its decision."""

    sequence: int
    time_ns: int
    order_id: str
    asset: str
    side: str
    quantity: Decimal
    price: Decimal | None
    reduce_only: bool
    state: str
    filled: Decimal
    value: Decimal
    fees: Decimal
    cancel_requested: bool
    reason: str | None
    updated_ns: int


@dataclass(frozen=True, slots=True)
class Fill:
    """What the venue executed; `approved` is False for what no approval covers."""

    sequence: int
    time_ns: int
    order_id: str
    fill_id: str
    approved: bool
    asset: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of an asset; `quantity` and `cost` are signed, `profit` is realised so far, net of fees."""

    asset: str
    quantity: Decimal
    cost: Decimal
    profit: Decimal
    fees: Decimal
    opened_ns: int
    decision: int | None


@dataclass(frozen=True, slots=True)
class Trade:
    """A round trip from flat to flat (or through zero); `profit` is net of fees, funding left out.

    `sequence` and `time_ns` are of the fill that ended it, `opened` and `opened_ns` of the one that began it,
    `decision` and `reasoning` of what approved that one. `quantity` is all that was entered.
    """

    sequence: int
    time_ns: int
    asset: str
    side: str
    quantity: Decimal
    entry_value: Decimal
    exit_value: Decimal
    profit: Decimal
    fees: Decimal
    fills: int
    opened_ns: int
    opened: int
    decision: int | None
    reasoning: str | None

    @property
    def duration_ns(self) -> int:
        """From the first fill to the last."""
        return self.time_ns - self.opened_ns

    @property
    def entry_price(self) -> Decimal:
        """The average, to nine digits."""
        return _average(self.entry_value, self.quantity)

    @property
    def exit_price(self) -> Decimal:
        """The average, to nine digits."""
        return _average(self.exit_value, self.quantity)


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """A point of the equity curve; `source` is `note` (a sample), `decision` or `day` (its opening equity alone)."""

    sequence: int
    time_ns: int
    source: str
    equity: Decimal
    drawdown: Decimal | None
    gross_exposure: Decimal | None


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker's trip; `ended_ns` is None while it lasts, and the next trip's time where it tripped again."""

    sequence: int
    time_ns: int
    breaker: str
    until_ns: int | None
    ended_ns: int | None
    limit: str | None
    observed: str | None
    cause: str


@dataclass(frozen=True, slots=True)
class Flow:
    """Money in (above zero) or out (below): `deposit`, `withdrawal` or `funding`, and when a venue paid that."""

    sequence: int
    time_ns: int
    kind: str
    asset: str | None
    amount: Decimal
    paid_ns: int | None
    destination: str | None


@dataclass(frozen=True, slots=True)
class Control:
    """A person's or the operator's act; `details` is JSON."""

    sequence: int
    time_ns: int
    kind: str
    details: str


@dataclass(frozen=True, slots=True)
class Note:
    """A durable note of the vault's service; `text` is JSON."""

    sequence: int
    time_ns: int
    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class UnknownRecord:
    """A record of a kind that this version does not know; `record` is JSON."""

    sequence: int
    time_ns: int
    kind: str
    record: str


@dataclass(frozen=True, slots=True)
class VaultRow:
    """A vault in the overview of the fleet: how far it is projected, and how it stood there."""

    name: str
    sequence: int
    time_ns: int | None
    paused: bool
    killed: bool
    equity: Decimal | None
    drawdown: Decimal | None
    gross_exposure: Decimal | None
    equity_ns: int | None
    tripped: tuple[str, ...]
    positions: int
    working: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the trades and flows of a span, exact; `profit` is net of `fees`."""

    trades: int
    winners: int
    losers: int
    profit: Decimal
    fees: Decimal
    deposits: Decimal
    withdrawals: Decimal
    funding: Decimal


def _average(value: Decimal, quantity: Decimal) -> Decimal:
    return EXACT.divide(value, quantity).quantize(_PRICE_UNIT, rounding=ROUND_HALF_EVEN, context=EXACT)
