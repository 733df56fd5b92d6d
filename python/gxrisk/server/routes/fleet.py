"""All vaults at one look, from memory: what a page of a thousand of them needs in one request."""

import json
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from gxrisk.server.access import READERS, asks
from gxrisk.server.fleet_lines import FleetShown
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import desk_of

router = APIRouter(route_class=Guarded, prefix="/v1", tags=["vaults"])
LINES_MAX: Final = 1_000


@router.get("/fleet", response_model=FleetShown)
@asks(*READERS)
async def show_fleet(
    request: Request,
    cursor: Annotated[
        str | None,
        Query(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="`next_cursor` of the page before."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LINES_MAX)] = LINES_MAX,
) -> Response:
    """Every vault with what tells whether it is in trouble."""
    found = await desk_of(request).overview.look()
    key = request.state.key
    lines = [one for one in found.lines if key.covers(one[0]) and (cursor is None or one[0] > cursor)]
    after = lines[limit - 1][0] if len(lines) > limit else None
    vaults = ",".join(text for _, text in lines[:limit])
    body = f'{{"time":{json.dumps(found.time)},"vaults":[{vaults}],"next_cursor":{json.dumps(after)}}}'
    return Response(body, media_type="application/json")
