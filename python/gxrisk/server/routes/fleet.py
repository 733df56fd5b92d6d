"""All vaults at one look, from memory: what a page of a thousand of them needs in one request."""

import json

from fastapi import APIRouter, Request, Response

from gxrisk.server.access import READERS, asks
from gxrisk.server.fleet_lines import FleetShown
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import VAULTS_A_PAGE_MAX, VaultCursor, VaultsAPage, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1", tags=["vaults"])


@router.get("/fleet", response_model=FleetShown)
@asks(*READERS)
async def show_fleet(
    request: Request,
    cursor: VaultCursor = None,
    limit: VaultsAPage = VAULTS_A_PAGE_MAX,
) -> Response:
    """Every vault with what tells whether it is in trouble."""
    found = await desk_of(request).overview.look()
    key = request.state.key
    lines = [one for one in found.lines if key.covers(one[0]) and (cursor is None or one[0] > cursor)]
    after = lines[limit - 1][0] if len(lines) > limit else None
    vaults = ",".join(text for _, text in lines[:limit])
    body = f'{{"time":{json.dumps(found.time)},"vaults":[{vaults}],"next_cursor":{json.dumps(after)}}}'
    return Response(body, media_type="application/json")
