"""What a gap in prices would leave of a vault."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk._native import Gate
from gxrisk.protection.stress import StressRow, StressTest
from gxrisk.server.access import READERS, asks
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import Amount, VaultId, desk_of, time_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["positions"])


class CloseFirst(BaseModel):
    """What would have to be closed before the gap, to survive it."""

    asset: str
    quantity: Amount
    worth: Amount


class StressShown(BaseModel):
    """One gap: what moves (`all`, or one asset), by what signed fraction, and what is left with nothing closed."""

    kind: Literal["all", "group", "asset"]
    name: str
    gap: Amount
    loss: Amount
    equity: Amount
    maintenance: Amount
    survives: bool
    close_first: list[CloseFirst]
    reason: str


class StressTable(BaseModel):
    """Every scenario for what is held now; no rows where nothing is."""

    time: str
    sequence: int
    rows: list[StressShown]


@router.get("/stress")
@asks(*READERS)
async def stress(request: Request, vault_id: VaultId) -> StressTable:
    """Gaps of 10, 20, 30 and 50 %: down for what is long, up for what is short."""
    desk = desk_of(request)
    return await desk.off_loop(_table, desk.vault(vault_id).gate)


def _table(gate: Gate) -> StressTable:
    snapshot = gate.snapshot()
    rows: tuple[StressRow, ...] = StressTest(gate.limits).run(snapshot)
    return StressTable(
        time=time_of(snapshot.time_ns) or "",
        sequence=snapshot.sequence,
        rows=[StressShown.model_validate(one, from_attributes=True) for one in rows],
    )
