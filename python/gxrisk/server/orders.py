"""An order as it is asked for, and a decision as it is answered; over HTTP and over a stream the same."""

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gxrisk._native import Decision, Order
from gxrisk.agent.strategy import REASONING_CHARS_MAX
from gxrisk.server.shapes import Asset, Body, Confidence, Positive, text_of
from gxrisk.vaults.client_orders import Answer

Reasoning = Annotated[str, Field(min_length=1, max_length=REASONING_CHARS_MAX)]


class OrderBody(Body):
    """What a strategy proposes; without `price` it is a market order. Decimals are text."""

    asset: Asset
    side: Literal["buy", "sell"]
    quantity: Positive
    confidence: Confidence
    reasoning: Reasoning
    price: Positive | None = None
    leverage: Positive = "1"
    stop_loss: Positive | None = None
    take_profit: Positive | None = None
    reduce_only: bool = False
    client_order_id: Annotated[str, Field(pattern="^[!-~]{1,64}$")] | None = None

    def order(self, client_order_id: str | None = None) -> Order:
        """The order. Raises `InvalidOrder`."""
        fields = self.model_dump(exclude={"asset", "side", "quantity", "client_order_id"})
        known = self.client_order_id or client_order_id
        return Order(self.asset, self.side, self.quantity, client_order_id=known, **fields)


class ViolationShown(BaseModel):
    """A rule that the order breaks, and by how much."""

    rule: str
    limit: str | None
    observed: str | None
    message: str


class GuardShown(BaseModel):
    """A guard before the gate that left less of the order, drew in its stop, refused it, or broke (which refuses too).

    `limit` and `observed` are what it compared, `passes` is what it would let through; null where it cannot tell.
    """

    guard: str
    did: Literal["changed", "refused", "failed"]
    limit: str | None
    observed: str | None
    message: str
    passes: str | None


class DecisionShown(BaseModel):
    """The answer to an order; an approved one is on its way to the venue. `sequence` is its record's number.

    `quantity` and `stop_loss` are those of the proposal that was decided on: of a vault with guards perhaps less than
    was proposed, and `guards` says by whom and why. Where a guard refused, the outcome is `held`.
    """

    outcome: Literal["approved", "rejected", "held"]
    approved: bool
    order_id: str | None
    sequence: int | None
    quantity: str | None
    stop_loss: str | None
    violations: list[ViolationShown]
    guards: list[GuardShown]


def shown(answer: Decision | Answer) -> DecisionShown:
    """The decision as an answer; of a proposal with the order and its guards."""
    decision = answer.decision if isinstance(answer, Answer) else answer
    order = answer.order if isinstance(answer, Answer) else None
    guards = answer.guards if isinstance(answer, Answer) else ()
    violations = [
        ViolationShown(rule=one.rule, limit=text_of(one.limit), observed=text_of(one.observed), message=one.message)
        for one in decision.violations
    ]
    return DecisionShown(
        outcome=decision.outcome,
        approved=decision.approved,
        order_id=decision.order_id,
        sequence=decision.sequence,
        quantity=None if order is None else text_of(order.quantity),
        stop_loss=None if order is None else text_of(order.stop_loss),
        violations=violations,
        guards=[GuardShown(**asdict(one)) for one in guards],
    )


def held(sequence: int) -> DecisionShown:
    """A hold of the model's own, which is on record there."""
    return DecisionShown(
        outcome="held",
        approved=False,
        order_id=None,
        sequence=sequence,
        quantity=None,
        stop_loss=None,
        violations=[],
        guards=[],
    )
