"""Reactivation: what the owner has to sign for a vault that was stopped, and its end by that signature."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from gxrisk.custody import reactivation_message
from gxrisk.server.access import READERS, asks, changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.routes.vaults import VaultShown, shown
from gxrisk.server.shapes import Body, VaultId, desk_of, time_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["lifecycle"])
_EXPIRES_IN_S_MAX = 604_800


class ReactivationToSign(BaseModel):
    """What ends the stop: `message`, in hex, signed with Ed25519 by the key whose public half is `owner_key`.

    The request is the message and then the 64 bytes of the signature. `gxrisk reactivate sign FILE --vault VAULT_ID
    --ends ENDS --expires EXPIRES`, with `--rebase` where `rebase` is true, prints it. No `owner_key`, no signature.
    """

    vault_id: str
    owner_key: str | None
    ends: int
    rebase: bool
    expires: str
    message: str


class Reactivation(Body):
    """With `rebase` today's equity is what drawdown is measured from; `request` is what the owner signed, in hex."""

    rebase: bool = False
    request: Annotated[str, Field(pattern="^([0-9a-f]{2}){1,256}$")] | None = None


@router.get("/reactivation")
@asks(*READERS)
async def reactivation_to_sign(
    request: Request,
    vault_id: VaultId,
    rebase: bool = False,
    expires_in_s: Annotated[int, Query(ge=1, le=_EXPIRES_IN_S_MAX)] = 3_600,
) -> ReactivationToSign:
    """What the owner signs to end the kill or the drawdown that is in force; 409 `not_stopped` where there is none.

    A later kill or drawdown is another record and needs another signature.
    """
    desk = desk_of(request)
    gate = desk.vault(vault_id).gate
    ends = await desk.off_loop(lambda: gate.stopped_by)
    if ends is None:
        raise Problem(409, "not_stopped", f"neither a kill nor a drawdown stops {vault_id}")
    now = await desk.off_loop(gate.snapshot)
    expires = datetime.fromtimestamp(now.time_ns // 10**9, UTC) + timedelta(seconds=expires_in_s)
    key = gate.owner_key
    return ReactivationToSign(
        vault_id=vault_id,
        owner_key=None if key is None else key.hex(),
        ends=ends,
        rebase=rebase,
        expires=time_of(expires) or "",
        message=reactivation_message(vault_id, ends, rebase=rebase, expires=expires).hex(),
    )


@router.post("/reactivate")
@changes("own")
async def reactivate_vault(request: Request, vault_id: VaultId, body: Reactivation) -> VaultShown:
    """End a kill or a drawdown, as the owner; a vault with an owner's key needs the owner's signature for this stop.

    What to sign is in `GET .../reactivation`. Codes of refusals begin with `reactivation_`: 403 `unsigned`,
    `signature`, `vault`; 422 `malformed`, `rebase`; 409 `expired`, `other_stop`, `no_owner`.
    """
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    note_actor(request, vault, "reactivate", rebase=body.rebase)
    vault.reactivate(rebase=body.rebase, signed=body.request)
    return await shown(desk, vault)
