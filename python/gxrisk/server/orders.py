"""An order as it is asked for, and a decision as it is answered; over HTTP and over a stream the same."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gxrisk._native import Decision, Order
from gxrisk.agent.strategy import REASONING_CHARS_MAX
from gxrisk.server.shapes import Asset, Body, Confidence, Positive, text_of

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


class DecisionShown(BaseModel):
    """The gate's answer; an approved order is on its way to the venue. `sequence` is its record's number."""

    outcome: Literal["approved", "rejected", "held"]
    approved: bool
    order_id: str | None
    sequence: int | None
    violations: list[ViolationShown]


def shown(decision: Decision) -> DecisionShown:
    """The decision as an answer."""
    violations = [
        ViolationShown(rule=one.rule, limit=text_of(one.limit), observed=text_of(one.observed), message=one.message)
        for one in decision.violations
    ]
    return DecisionShown(
        outcome=decision.outcome,
        approved=decision.approved,
        order_id=decision.order_id,
        sequence=decision.sequence,
        violations=violations,
    )
