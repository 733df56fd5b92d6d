"""The kill switch for all vaults at once."""

import logging

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk.server.access import changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.routes.lifecycle import Because
from gxrisk.server.shapes import desk_of

_log = logging.getLogger("gxrisk.server")
router = APIRouter(route_class=Guarded, prefix="/v1", tags=["lifecycle"])


class Killed(BaseModel):
    """What was killed. Those that had `failed` before trade no more, but are not killed when they are opened again."""

    vault_ids: list[str]
    failed: list[str]


@router.post("/kill")
@changes("operate")
async def kill_all(request: Request, body: Because) -> Killed:
    """Halt every vault that the key is for and cancel everything; one that fails keeps no other from it."""
    killed, failed = [], []
    fleet = desk_of(request).fleet
    for vault_id, vault in tuple(fleet.vaults.items()):
        if not request.state.key.covers(vault_id):
            continue
        try:
            try:
                note_actor(request, vault, "kill_all", reason=body.reason)
            finally:  # a kill does not depend on its note
                vault.kill(body.reason)
            killed.append(vault_id)
        except Exception:
            _log.critical("%s: could not be killed", vault_id, exc_info=True)
            failed.append(vault_id)
    if failed:  # no answer that is kept: the same request does it again
        named = f"killed: {', '.join(killed) or 'none'}; not killed: {', '.join(failed)}"
        raise Problem(503, "kill_incomplete", f"{named}; send the same request again")
    return Killed(vault_ids=killed, failed=[one for one in sorted(fleet.failed) if request.state.key.covers(one)])
