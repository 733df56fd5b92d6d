"""What a withdrawal would do, before the owner signs it."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from gxrisk.server.access import READERS, asks
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import Amount, Positive, VaultId, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["withdrawals"])


class ClosingShown(BaseModel):
    """A position that would close: signed quantity, mark, worth there, and what it has gained."""

    asset: str
    quantity: Amount
    mark: Amount
    worth: Amount
    gain: Amount


class LimitAfterShown(BaseModel):
    """A limit at the smaller equity, against what is held today."""

    limit: str
    allowed: Amount
    held: Amount
    is_exceeded: bool
    text: str


class PreviewShown(BaseModel):
    """Estimated at the marks: spread, impact and fees of closing come off `equity_after`."""

    amount: Amount
    equity: Amount
    equity_after: Amount
    is_possible: bool
    closing: list[ClosingShown]
    cancelled: list[str]
    limits: list[LimitAfterShown]


@router.get("/withdrawals/preview")
@asks(*READERS)
async def preview_withdrawal(request: Request, vault_id: VaultId, amount: Annotated[Positive, Query()]) -> PreviewShown:
    """Which positions would close, which orders would end, which limits would be exceeded. Nothing changes."""
    desk = desk_of(request)
    found = await desk.off_loop(desk.vault(vault_id).preview_withdrawal, Decimal(amount))
    return PreviewShown.model_validate(found, from_attributes=True)
