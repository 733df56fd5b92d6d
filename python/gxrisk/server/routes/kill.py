"""The kill switch for all vaults at once."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk.server.access import changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.routes.lifecycle import Because
from gxrisk.server.shapes import desk_of

router = APIRouter(route_class=Guarded, prefix="/v1", tags=["lifecycle"])


class Killed(BaseModel):
    """What was killed, and what could not be, since it was taken out and trades no more anyway."""

    vault_ids: list[str]
    failed: list[str]


@router.post("/kill")
@changes("operate")
async def kill_all(request: Request, body: Because) -> Killed:
    """Halt every vault that the key is for and cancel everything; one that fails keeps no other from it."""
    killed, failed = [], []
    for vault_id, vault in tuple(desk_of(request).fleet.vaults.items()):
        if not request.state.key.covers(vault_id):
            continue
        try:
            note_actor(request, vault, "kill_all", reason=body.reason)
            vault.kill(body.reason)
            killed.append(vault_id)
        except Exception:
            failed.append(vault_id)
    return Killed(vault_ids=killed, failed=failed)
