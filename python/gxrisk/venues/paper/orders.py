"""What works in an account: orders on their way or at the market, and the protections of what they filled."""

from dataclasses import dataclass
from decimal import Decimal

from gxrisk._native import Order
from gxrisk.venues.paper.exact import ZERO
from gxrisk.venues.paper.market import Step
from gxrisk.venues.protocol import Side


@dataclass(slots=True)
class WorkingOrder:
    """An order that the venue has: `left` still works, `filled` is done.

    It was sent at `sent_ms` and reaches the market at `arrives_ms`; until the venue has `accepted` it, it is in flight.
    It is `resting` once a price has passed that it could not trade on: from then on it makes the market. A cancel that
    was asked for reaches the market at `cancel_ms`.
    """

    order_id: str
    asset: str
    side: Side
    left: Decimal
    price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    reduce_only: bool
    sent_ms: int
    arrives_ms: int
    filled: Decimal = ZERO
    accepted: bool = False
    resting: bool = False
    cancel_ms: int | None = None

    @classmethod
    def of(cls, order_id: str, order: Order, sent_ms: int, arrives_ms: int) -> "WorkingOrder":
        """The order as redeemed."""
        return cls(
            order_id,
            order.asset,
            order.side,
            order.quantity,
            order.price,
            order.stop_loss,
            order.take_profit,
            order.reduce_only,
            sent_ms,
            arrives_ms,
        )

    def takes_part(self, step: Step) -> bool:
        """Whether it had reached the market when the step began, or was sent to the open that the step is.

        The price on which it was decided is never its own: that is a bar's close or a trade, not the open after it.
        """
        if not self.accepted or step.asset != self.asset:
            return False
        if step.kind == "on_open":
            return self.meets_open(step)
        return self.arrives_ms <= step.start_ms and (step.kind == "range" or self.sent_ms < step.start_ms)

    def meets_open(self, step: Step) -> bool:
        """Whether it was sent in the moment in which the step's bar began, and arrives while the bar lasts."""
        return self.asset == step.asset and self.sent_ms == step.start_ms and self.arrives_ms < step.end_ms

    def crossed_by(self, step: Step) -> bool:
        """Whether the market went through the limit price; touching it is not enough."""
        if self.price is None:
            return step.kind != "range"
        return step.low < self.price if self.side == "buy" else step.high > self.price


@dataclass(slots=True)
class Protection:
    """Two legs, of which one cancels the other: `quantity` of the order's fills, closed at a stop or at a target.

    `side` is that of the execution. It works from `born_ms` on; the target of a fill within a bar only from the next
    one, since nobody knows whether the bar's best price came before the fill. A `triggered` stop is a market order.
    """

    order_id: str
    asset: str
    side: Side
    quantity: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    born_ms: int
    stopped: Decimal = ZERO
    triggered: bool = False

    def stop_reached(self, step: Step) -> bool:
        """Whether the stop executes in this step: it was triggered before, or the market touched it."""
        if step.asset != self.asset or (step.kind == "trade" and step.start_ms < self.born_ms):
            return False
        if self.triggered:
            return step.kind != "range"
        if self.stop_loss is None or step.end_ms < self.born_ms:
            return False
        return step.low <= self.stop_loss if self.side == "sell" else step.high >= self.stop_loss

    def target_crossed(self, step: Step) -> bool:
        """Whether the market went through the target in a step that began after the fill."""
        if step.asset != self.asset or self.take_profit is None or self.triggered or step.start_ms < self.born_ms:
            return False
        return step.high > self.take_profit if self.side == "sell" else step.low < self.take_profit
