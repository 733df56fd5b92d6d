"""One account at the paper market: its ledger, what works in it, and what it has to report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Final

from gxrisk._native import ManualClock, SystemClock
from gxrisk.venues.paper.costs import BASIS, PaperCosts
from gxrisk.venues.paper.exact import ZERO, down, up
from gxrisk.venues.paper.ledger import Ledger
from gxrisk.venues.paper.market import Step
from gxrisk.venues.paper.orders import Protection, WorkingOrder
from gxrisk.venues.protocol import Accepted, Cancelled, Failed, Filled, FundingPaid, Leg, Report, Side

_NS_PER_MS: Final = 1_000_000


def instant(at_ms: int) -> datetime:
    """UTC milliseconds as an aware datetime."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)


@dataclass(slots=True)
class FeedClock:
    """The venue's time: that of the feed's newest moment, and how many moments there were at or since that time.

    What accounts send is stamped by the `followed` clock where there is one: live a strategy thinks between moments.
    It never places an account in the feed, for a feed that is told again after a restart has the old times.
    """

    now_ms: int = 0
    count: int = 0
    followed: ManualClock | SystemClock | None = None

    @property
    def sent_ms(self) -> int:
        """When that is sent which is sent now; never before the feed's newest moment."""
        return self.now_ms if self.followed is None else max(self.now_ms, self.followed.now_ns // _NS_PER_MS)

    def take(self, at_ms: int) -> None:
        """The feed's next moment; one that comes late does not turn the clock back."""
        if at_ms > self.now_ms:
            self.now_ms, self.count = at_ms, 0
        self.count += 1


@dataclass(slots=True)
class Book:
    """The state of an account, and the bookings that keep it whole. Nothing here touches a file or a clock.

    `pending` are the reports since the last commit. INVARIANT: for each asset the protections lie on the side that
    reduces the position and are together no larger than it.
    """

    vault_id: str
    costs: PaperCosts
    seed: int
    clock: FeedClock = field(default_factory=FeedClock)
    since_ms: int = 0
    since_count: int = 0
    sequence: int = 0
    fills: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    orders: dict[str, WorkingOrder] = field(default_factory=dict)
    protections: list[Protection] = field(default_factory=list)
    pending: list[Report] = field(default_factory=list)
    used: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    changed: bool = False

    @property
    def now_ms(self) -> int:
        """The account's time, which never goes back, not even where a restarted feed does."""
        return max(self.since_ms, self.clock.now_ms)

    @property
    def sent_ms(self) -> int:
        """The time that is put on what the account sends now."""
        return max(self.since_ms, self.clock.sent_ms)

    @property
    def place(self) -> tuple[int, int]:
        """The account's place in the feed: its time, and how many moments of that time it has seen."""
        return max((self.since_ms, self.since_count), (self.clock.now_ms, self.clock.count))

    @property
    def at(self) -> datetime:
        """The account's time."""
        return instant(self.now_ms)

    @property
    def in_flight(self) -> bool:
        """Whether an order or a cancel is on its way to the market."""
        return any(not one.accepted or one.cancel_ms is not None for one in self.orders.values())

    def number(self) -> int:
        """The sequence of the next report."""
        self.changed = True
        self.sequence += 1
        return self.sequence

    def deliver(self, until_ms: int, marks: Mapping[str, Decimal]) -> None:
        """Let what was sent reach the market, in order of arrival, up to `until_ms`."""
        due = [(one.arrives_ms, 0, one) for one in self.orders.values() if not one.accepted]
        due += [(one.cancel_ms, 1, one) for one in self.orders.values() if one.cancel_ms is not None]
        for at_ms, is_cancel, order in sorted(due, key=lambda one: one[:2]):
            if at_ms <= until_ms and order.order_id in self.orders:
                if is_cancel:
                    self.cancel(order.order_id, "cancelled on request")
                else:
                    self._arrive(order, marks)

    def deliver_on_open(self, step: Step, marks: Mapping[str, Decimal]) -> None:
        """Let the orders reach the market that were sent to the open that `step` is."""
        for order in list(self.orders.values()):
            if not order.accepted and order.meets_open(step):
                self._arrive(order, marks)

    def cancel(self, order_id: str, reason: str) -> None:
        """What is left of an order ends; so does one that the venue never had."""
        self.orders.pop(order_id, None)
        self.pending.append(Cancelled(self.number(), self.at, order_id, reason))

    def fund(self, asset: str, rate: Decimal, mark: Decimal) -> None:
        """Pay `rate` of the position's worth, rounded against the account; longs pay when it is above zero."""
        amount = down(-rate * self.ledger.quantity(asset) * mark)
        if amount:
            self.ledger.balance += amount
            self.pending.append(FundingPaid(self.number(), self.at, asset, amount))

    def fill_order(self, order: WorkingOrder, quantity: Decimal, price: Decimal, fee_bp: Decimal, at_ms: int) -> None:
        """Execute `quantity` of a working order; what it opened is protected from `at_ms` on."""
        order.left -= quantity
        order.filled += quantity
        self.execute(order.order_id, "order", order.asset, order.side, quantity, price, fee_bp)
        if not order.left:
            self.orders.pop(order.order_id, None)
        position = self.ledger.quantity(order.asset)
        opened = min(quantity, position if order.side == "buy" else -position)
        if opened > 0 and (order.stop_loss is not None or order.take_profit is not None):
            side: Side = "sell" if order.side == "buy" else "buy"
            self.protections.append(
                Protection(order.order_id, order.asset, side, opened, order.stop_loss, order.take_profit, at_ms)
            )

    def fill_leg(self, one: Protection, leg: Leg, quantity: Decimal, price: Decimal, fee_bp: Decimal) -> None:
        """Execute `quantity` of a protection, by which both of its legs shrink."""
        one.quantity -= quantity
        self.execute(one.order_id, leg, one.asset, one.side, quantity, price, fee_bp)

    def execute(
        self, order_id: str, leg: Leg, asset: str, side: Side, quantity: Decimal, price: Decimal, fee_bp: Decimal
    ) -> None:
        """Book and report one execution, after the reductions for which it leaves no room and before what follows."""
        self._make_room(order_id, asset, side, quantity)
        fee = up(quantity * price * fee_bp / BASIS)
        self.ledger.fill(asset, side, quantity, price, fee)
        self.fills += 1
        number = self.number()
        self.pending.append(
            Filled(number, self.at, order_id, f"fill-{self.fills}", asset, side, quantity, price, fee, leg)
        )
        self._shrink_protections(asset)
        position = self.ledger.quantity(asset)
        for order in list(self.orders.values()):
            reducing = position and (order.side == "sell") == (position > 0)
            if order.asset == asset and order.reduce_only and order.left and not reducing:
                self.cancel(order.order_id, "reduce-only: nothing is left to reduce")

    def _make_room(self, order_id: str, asset: str, side: Side, quantity: Decimal) -> None:
        """Cancel other reduce-only orders, the youngest first, that would exceed the position after a reduction.

        Also those in flight: they would find nothing to reduce, and the gate counts them as working.
        """
        position = self.ledger.quantity(asset)
        if not position or (side == "sell") != (position > 0):
            return
        room = max(ZERO, abs(position) - quantity)
        for order in list(self.orders.values()):
            if order.asset != asset or not order.reduce_only or order.order_id == order_id:
                continue
            if order.left > room:
                self.cancel(order.order_id, "reduce-only: it would exceed the position")
            else:
                room -= order.left

    def _shrink_protections(self, asset: str) -> None:
        """Keep of the asset's protections what the position needs: the oldest give way first."""
        position = self.ledger.quantity(asset)
        room = abs(position)
        kept: list[Protection] = []
        for one in reversed(self.protections):
            if one.asset == asset:
                one.quantity = min(one.quantity, room) if (one.side == "sell") == (position > 0) else ZERO
                room -= one.quantity
            if one.quantity:
                kept.append(one)
        self.protections = kept[::-1]

    def _arrive(self, order: WorkingOrder, marks: Mapping[str, Decimal]) -> None:
        refusal = self._refusal(order, marks)
        if refusal is not None:
            del self.orders[order.order_id]
            self.pending.append(Failed(self.number(), self.at, order.order_id, refusal))
            return
        order.accepted = True
        self.pending.append(Accepted(self.number(), self.at, order.order_id))
        position = self.ledger.quantity(order.asset)
        if order.reduce_only and (not position or (order.side == "sell") != (position > 0)):
            self.cancel(order.order_id, "reduce-only: there is nothing to reduce")

    def _refusal(self, order: WorkingOrder, marks: Mapping[str, Decimal]) -> str | None:
        """Why the venue does not take an order; None when it does. Exits are not held to minimum or margin."""
        if self._draw(order.order_id) < self.costs.reject_probability:
            return "refused at random, as the costs ask for"
        mark = marks.get(order.asset)
        if mark is None:
            return f"there is no market in {order.asset}"
        if order.reduce_only:
            return None
        notional = order.left * max(mark, order.price or mark)
        if order.left < self.costs.quantity_min:
            return f"the quantity is under {self.costs.quantity_min}"
        if notional < self.costs.notional_min:
            return f"the notional is under {self.costs.notional_min}"
        working = sum(
            (
                one.left * max(marks.get(one.asset, ZERO), one.price or ZERO)
                for one in self.orders.values()
                if one.accepted and not one.reduce_only
            ),
            ZERO,
        )
        if self.ledger.gross(marks) + working + notional > self.costs.leverage_max * self.ledger.equity(marks):
            return f"no margin: gross exposure would exceed {self.costs.leverage_max} times equity"
        return None

    def _draw(self, order_id: str) -> Decimal:
        """A number in [0, 1) that depends on seed, account and order alone."""
        text = f"{self.seed}\n{self.vault_id}\n{order_id}".encode()
        return Decimal(int.from_bytes(blake2b(text, digest_size=8).digest())) / 2**64
