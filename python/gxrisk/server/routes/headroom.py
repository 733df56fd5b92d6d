"""What would pass: the room that each rule leaves, and the largest quantity of an order."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from gxrisk.server.access import READERS, asks
from gxrisk.server.guard import Guarded
from gxrisk.server.orders import OrderBody
from gxrisk.server.shapes import Amount, VaultId, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["headroom"])


class Headroom(BaseModel):
    """The largest quantity by each rule that bounds it; null where a rule does not."""

    asset: str
    side: Literal["buy", "sell"]
    rules: dict[str, Amount | None]


class QuantityMax(BaseModel):
    """The largest quantity of the order that passes now, 0 where none does."""

    quantity: Amount


@router.get("/headroom")
@asks(*READERS)
async def headroom(
    request: Request,
    vault_id: VaultId,
    asset: Annotated[str, Query(pattern="^[!-~]{1,64}$")],
    side: Annotated[Literal["buy", "sell"], Query()],
) -> Headroom:
    """The room in an asset, rule by rule."""
    desk = desk_of(request)
    rules = await desk.off_loop(desk.vault(vault_id).gate.headroom, asset, side)
    return Headroom(asset=asset, side=side, rules=rules)


@router.post("/orders/max-quantity")
@asks("propose")
async def max_quantity(request: Request, vault_id: VaultId, body: OrderBody) -> QuantityMax:
    """How much of this order would pass, exactly."""
    desk = desk_of(request)
    return QuantityMax(quantity=await desk.off_loop(desk.vault(vault_id).gate.max_quantity, body.order()))
