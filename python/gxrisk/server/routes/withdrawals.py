"""Withdrawals: what the owner signed with the master key is taken, and goes its way."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from gxrisk.server.access import changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import Body, VaultId, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["withdrawals"])


class SignedWithdrawal(Body):
    """What `gxrisk withdraw sign` prints, in hex. An API key alone moves no money."""

    request: Annotated[str, Field(pattern="^([0-9a-f]{2}){1,2000}$")]


class WithdrawalShown(BaseModel):
    """A withdrawal on its way: `closing` until the vault is flat, then `paying`."""

    nonce: str
    amount: str
    destination: str
    stage: str


@router.post("/withdrawals", status_code=202)
@changes("own")
async def withdraw(request: Request, vault_id: VaultId, body: SignedWithdrawal) -> WithdrawalShown:
    """Pause, cancel, close, then pay what was signed. Codes of refusals begin with `withdrawal_`."""
    vault = desk_of(request).vault(vault_id)
    note_actor(request, vault, "withdraw")
    pending = vault.withdraw(body.request)
    return WithdrawalShown(
        nonce=pending.nonce, amount=pending.amount, destination=pending.destination, stage=pending.stage
    )
