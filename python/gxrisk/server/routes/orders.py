"""Orders: propose, ask without proposing, cancel, hold. A refusal is an answer, not an error."""

from hashlib import blake2b
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from gxrisk._native import Decision, Order
from gxrisk.server.access import asks, changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import Asset, Body, Confidence, Positive, VaultId, desk_of, text_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["orders"])
Reasoning = Annotated[str, Field(min_length=1, max_length=4_000)]
OrderId = Annotated[str, Path(pattern="^[!-~]{1,64}$", examples=["gx-17"])]


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


class HoldBody(Body):
    """A model's own decision to do nothing."""

    confidence: Confidence
    reasoning: Reasoning
    asset: Asset | None = None


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


class Cancelling(BaseModel):
    """An order that the venue was asked to end; its fills and its end come as records."""

    order_id: str


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


@router.post("/orders")
@changes("propose")
async def propose_order(request: Request, vault_id: VaultId, body: OrderBody) -> DecisionShown:
    """Put an order before the gate; what passes goes to the venue.

    Without a `client_order_id` the order has one that follows from the API key and the `Idempotency-Key`: the same
    request again, after a crash of the server too, is the same order.
    """
    vault = desk_of(request).vault(vault_id)
    return shown(await vault.propose(body.order(client_order_id(request))))


@router.post("/orders/validate")
@asks("propose")
async def validate_order(request: Request, vault_id: VaultId, body: OrderBody) -> DecisionShown:
    """What the gate would answer now; nothing changes."""
    desk = desk_of(request)
    return shown(await desk.off_loop(desk.vault(vault_id).gate.validate_order, body.order()))


@router.delete("/orders/{order_id}", status_code=202)
@changes("propose", "own", "operate")
async def cancel_order(request: Request, vault_id: VaultId, order_id: OrderId) -> Cancelling:
    """Ask the venue to end what is left of an order. That is never refused for an order that works."""
    vault = desk_of(request).vault(vault_id)
    note_actor(request, vault, "cancel", order_id=order_id)
    await vault.cancel(order_id)
    return Cancelling(order_id=order_id)


@router.post("/holds")
@changes("propose")
async def hold(request: Request, vault_id: VaultId, body: HoldBody) -> DecisionShown:
    """Put on record that the model holds."""
    desk = desk_of(request)
    gate = desk.vault(vault_id).gate
    return shown(await desk.off_loop(gate.hold, body.confidence, body.reasoning, asset=body.asset))


def client_order_id(request: Request) -> str:
    """The id of an order that follows from the API key and the request's `Idempotency-Key`."""
    asked = f"{request.state.key.id} {request.state.idempotency_key}"
    return f"ik-{blake2b(asked.encode(), digest_size=20).hexdigest()}"
