"""All vaults at one look, from memory: what a page of a thousand of them needs in one request."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request

from gxrisk.server.access import READERS, asks
from gxrisk.server.fleet_lines import FleetShown
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import desk_of

router = APIRouter(route_class=Guarded, prefix="/v1", tags=["vaults"])
LINES_MAX: Final = 1_000


@router.get("/fleet")
@asks(*READERS)
async def show_fleet(
    request: Request,
    cursor: Annotated[
        str | None,
        Query(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="`next_cursor` of the page before."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LINES_MAX)] = LINES_MAX,
) -> FleetShown:
    """Every vault with what tells whether it is in trouble."""
    found = await desk_of(request).overview.look()
    key = request.state.key
    lines = [one for one in found.vaults if key.covers(one.vault_id) and (cursor is None or one.vault_id > cursor)]
    return FleetShown(
        time=found.time, vaults=lines[:limit], next_cursor=lines[limit - 1].vault_id if len(lines) > limit else None
    )
