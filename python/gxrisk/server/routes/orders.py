"""Orders: propose, ask without proposing, cancel, hold. A refusal is an answer, not an error."""

from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from gxrisk.server.access import asks, changes
from gxrisk.server.control import note_actor
from gxrisk.server.direct import takes
from gxrisk.server.guard import Guarded
from gxrisk.server.orders import DecisionShown, OrderBody, Reasoning, held, shown
from gxrisk.server.shapes import Asset, Body, Confidence, VaultId, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["orders"])
OrderId = Annotated[str, Path(pattern="^[!-~]{1,64}$", examples=["gx-17"])]


class HoldBody(Body):
    """A model's own decision to do nothing."""

    confidence: Confidence
    reasoning: Reasoning
    asset: Asset | None = None


class Cancelling(BaseModel):
    """An order that the venue was asked to end; its fills and its end come as records."""

    order_id: str


@router.post("/orders")
@changes("propose")
@takes(OrderBody)
async def propose_order(request: Request, vault_id: VaultId, body: OrderBody) -> DecisionShown:
    """Put an order before the vault's guards and its gate; what passes goes to the venue.

    Without a `client_order_id` the order has one that follows from the API key and the `Idempotency-Key`: the same
    request again, after a crash of the server too, is the same order.
    """
    desk = desk_of(request)
    return shown(await desk.deciding.propose(desk.vault(vault_id), body.order(client_order_id(request))))


@router.post("/orders/validate")
@asks("propose")
@takes(OrderBody)
async def validate_order(request: Request, vault_id: VaultId, body: OrderBody) -> DecisionShown:
    """What the gate would answer now, to the order as it is: guards are not asked. Nothing changes."""
    desk = desk_of(request)
    (answer,) = await desk.deciding.judge(desk.vault(vault_id), [body.order()])
    if isinstance(answer, Exception):
        raise answer
    return shown(answer)


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
    """Put on record that the model holds; the same request again, after a crash of the server too, is the same hold."""
    desk = desk_of(request)
    gate, hold_id = desk.vault(vault_id).gate, client_order_id(request)
    sequence = await desk.off_loop(desk.holds.hold, gate, hold_id, body.confidence, body.reasoning, body.asset)
    return held(sequence)


def client_order_id(request: Request) -> str:
    """The id of an order that follows from the API key and the request's `Idempotency-Key`."""
    asked = f"{request.state.key.id} {request.state.idempotency_key}"
    return f"ik-{blake2b(asked.encode(), digest_size=20).hexdigest()}"
