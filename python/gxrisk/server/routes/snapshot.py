"""The vault at one instant, whole: what `gate.snapshot()` gives in a process."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk._native import Order
from gxrisk.server.access import READERS, asks
from gxrisk.server.guard import Guarded
from gxrisk.server.routes.positions import PositionShown, position
from gxrisk.server.shapes import Amount, VaultId, desk_of, time_of
from gxrisk.snapshot import Snapshot, WorkingOrder

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["positions"])


class OrderShown(BaseModel):
    """An order as it was proposed."""

    asset: str
    side: Literal["buy", "sell"]
    quantity: Amount
    confidence: Amount
    reasoning: str
    price: Amount | None
    leverage: Amount
    stop_loss: Amount | None
    take_profit: Amount | None
    reduce_only: bool
    client_order_id: str | None


class WorkingWhole(BaseModel):
    """An approved order that is not finished, with all that was proposed."""

    order_id: str
    order: OrderShown
    remaining: Amount
    status: str
    cancel_requested: bool


class SnapshotShown(BaseModel):
    """The vault at `sequence`: money in the account's currency, `drawdown` a fraction of `base`."""

    time: str
    sequence: int
    state: Literal["active", "reduce_only", "halted"]
    equity: Amount
    collateral: Amount
    realised: Amount
    unrealised: Amount
    fees: Amount
    funding: Amount
    day_opening: Amount
    day_loss: Amount
    base: Amount
    peak: Amount
    drawdown: Amount
    gross_exposure: Amount
    positions: list[PositionShown]
    marks: dict[str, Amount]
    exposures: dict[str, Amount]
    working: list[WorkingWhole]
    daily_trades: int
    loss_streak: int
    failures_in_row: int
    ignored_marks: int
    tokens: Amount
    volatility: Amount
    risk_scale: Amount
    paused: bool
    killed: bool


@router.get("/snapshot")
@asks(*READERS)
async def snapshot(request: Request, vault_id: VaultId) -> SnapshotShown:
    """Everything at one instant: money, positions, working orders, counters."""
    desk = desk_of(request)
    now: Snapshot = await desk.off_loop(desk.vault(vault_id).gate.snapshot)
    fields = now.to_dict() | {
        "time": time_of(now.time_ns),
        "positions": [position(asset, one) for asset, one in sorted(now.positions.items())],
        "working": [_working(one) for one in now.working],
    }
    del fields["time_ns"]
    return SnapshotShown(**fields)


def _working(one: WorkingOrder) -> WorkingWhole:
    order: Order = one.order
    return WorkingWhole(
        order_id=one.order_id,
        order=OrderShown(**order.to_dict()),
        remaining=one.remaining,
        status=one.status,
        cancel_requested=one.cancel_requested,
    )
