"""What a vault needs of a trading venue: an account that takes approvals, never orders, and reports on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from gxrisk._native import Approval, GxriskError, Order

Side = Literal["buy", "sell"]
Leg = Literal["order", "stop_loss", "take_profit", "liquidation"]

Redeem = Callable[[Approval], Order]
"""`gate.redeem` of the account's vault: the only way from an approval to an order, and only once."""


class VenueError(GxriskError):
    """The venue could not be reached, or answered nonsense: nothing is known of what was asked, so ask again."""


class InsufficientFunds(VenueError):
    """The venue refused a withdrawal for want of money: nothing moved."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue took the order. In each account's reports, `sequence` is 1, 2, 3, ... without a gap."""

    sequence: int
    at: datetime
    order_id: str


@dataclass(frozen=True, slots=True)
class Filled:
    """The venue executed `quantity` base units at `price`; `fee` in the quote currency, below zero for a rebate.

    `leg` tells what executed: the order itself, or the stop-loss or take-profit that the approval of the opening order
    `order_id` named, or the venue's own liquidation, whose `order_id` nobody approved. `side` is that of the execution.
    A `fill_id` names one execution in the whole account.
    """

    sequence: int
    at: datetime
    order_id: str
    fill_id: str
    asset: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    leg: Leg = "order"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was left of the order no longer works; legs of quantity that it filled stay."""

    sequence: int
    at: datetime
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The venue did not take the order."""

    sequence: int
    at: datetime
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class FundingPaid:
    """Funding of a position: `amount` in the quote currency, above zero when received."""

    sequence: int
    at: datetime
    asset: str
    amount: Decimal


Report = Accepted | Filled | Cancelled | Failed | FundingPaid


@dataclass(frozen=True, slots=True)
class Statement:
    """The account as the venue sees it; for reconciliation.

    `balance` is the money without unrealised profit: deposits - withdrawals + realised P&L - fees + funding.
    `positions` are signed quantities, flat assets left out. `open_orders` are the ids of orders of which something
    still works; their legs do not count.
    """

    at: datetime
    balance: Decimal
    positions: Mapping[str, Decimal]
    open_orders: frozenset[str]


class Account(Protocol):
    """One vault's account at a venue. Every call may be repeated: what was done already is not done twice."""

    async def submit(self, approval: Approval) -> None:
        """Redeem `approval` and send its order. What becomes of it comes as reports, a refusal too.

        Raises `ApprovalError` as the gate does, `VenueError` when it is not known whether the order arrived.
        """

    async def cancel(self, order_id: str) -> None:
        """Ask for the end of what is left of an order; a `Cancelled` or `Filled` report confirms it.

        An order that the venue never got or that is finished is reported `Cancelled` too, so that nobody waits in vain.
        """

    async def reports(self, after: int) -> Sequence[Report]:
        """All reports with a sequence above `after`, oldest first; empty when there is nothing new. Kept for ever."""

    async def statement(self) -> Statement:
        """Balance, positions and open orders now."""

    async def deposit(self, transfer_id: str, amount: Decimal) -> None:
        """Credit a deposit, once for each `transfer_id`."""

    async def withdraw(self, transfer_id: str, destination: str, amount: Decimal) -> None:
        """Send money to `destination`, once for each `transfer_id`. Raises `InsufficientFunds` when it is not there."""

    async def close(self) -> None:
        """Let go of connections and files; orders go on working."""


class Venue(Protocol):
    """Where vaults have accounts."""

    @property
    def name(self) -> str:
        """For records and screens."""

    @property
    def is_live(self) -> bool:
        """Whether real money moves here."""

    async def account(self, vault_id: str, redeem: Redeem) -> Account:
        """The account of a vault, opened where there is none."""
