"""What a vault holds, and which orders work for it."""

from decimal import Decimal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk.protection.liquidation import cross_price, worth_of
from gxrisk.server.access import READERS, asks, changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.orders import DecisionShown
from gxrisk.server.orders import shown as decided
from gxrisk.server.routes.orders import client_order_id
from gxrisk.server.shapes import Amount, Asset, Body, Reason, VaultId, desk_of
from gxrisk.snapshot import Position, Snapshot, WorkingOrder

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["positions"])


class Closing(Body):
    """Which position is to be closed, and why."""

    asset: Asset
    reason: Reason


class PositionShown(BaseModel):
    """A position: `quantity` and `cost` are signed; `mark` is null before the first one."""

    asset: str
    quantity: Amount
    cost: Amount
    mark: Amount | None
    unrealised: Amount
    stop_loss: Amount | None


class HeldShown(PositionShown):
    """A position, and the price at which the account's equity is down to its maintenance margin, others as they are.

    `liquidation` is null where no price above zero does that.
    """

    liquidation: Amount | None


class WorkingShown(BaseModel):
    """An approved order that is not finished; `status` is approved, redeemed or accepted."""

    order_id: str
    client_order_id: str | None
    asset: str
    side: str
    quantity: Amount
    remaining: Amount
    price: Amount | None
    reduce_only: bool
    status: str
    cancel_requested: bool


class Holdings(BaseModel):
    """Positions by asset, working orders by age, and the record up to which that is so."""

    sequence: int
    positions: list[HeldShown]
    working: list[WorkingShown]


@router.get("/positions")
@asks(*READERS)
async def positions(request: Request, vault_id: VaultId) -> Holdings:
    """Positions and working orders now."""
    desk = desk_of(request)
    gate = desk.vault(vault_id).gate
    now, margin = await desk.off_loop(gate.snapshot), gate.limits.maintenance_margin
    return Holdings(
        sequence=now.sequence,
        positions=[_held(asset, one, now, margin) for asset, one in sorted(now.positions.items())],
        working=[_working(one) for one in now.working],
    )


@router.post("/positions/close")
@changes("own", "operate")
async def close_position(request: Request, vault_id: VaultId, body: Closing) -> DecisionShown:
    """Close a whole position at the market, in every state of the vault. What the venue made of it comes as records."""
    vault = desk_of(request).vault(vault_id)
    note_actor(request, vault, "close_position", asset=body.asset, reason=body.reason)
    return decided(await vault.close_position(body.asset, body.reason, client_order_id(request)))


def _held(asset: str, one: Position, now: Snapshot, margin: Decimal) -> HeldShown:
    gross = sum((worth_of(each) for each in now.positions.values()), Decimal(0))
    price = None if one.mark is None else cross_price(one.quantity, one.mark, now.equity, gross, margin)
    return HeldShown(**position(asset, one).model_dump(), liquidation=price)


def position(asset: str, one: Position) -> PositionShown:
    """A position as an answer."""
    return PositionShown(
        asset=asset,
        quantity=one.quantity,
        cost=one.cost,
        mark=one.mark,
        unrealised=one.unrealised,
        stop_loss=one.stop_loss,
    )


def _working(one: WorkingOrder) -> WorkingShown:
    order = one.order
    return WorkingShown(
        order_id=one.order_id,
        client_order_id=order.client_order_id,
        asset=order.asset,
        side=order.side,
        quantity=order.quantity,
        remaining=one.remaining,
        price=order.price,
        reduce_only=order.reduce_only,
        status=one.status,
        cancel_requested=one.cancel_requested,
    )
