"""A vault's history as CSV, as `gxrisk export` writes it: in pages, so that any length needs the same memory."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse

from gxrisk.history.export import pieces
from gxrisk.server.access import READERS, asks
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import VaultId, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["history"])
What = Annotated[Literal["trades", "decisions", "fills", "equity", "flows", "trips"], Path()]


class Csv(StreamingResponse):
    """CSV (RFC 4180) in pieces."""

    media_type = "text/csv"


@router.get(
    "/export/{what}.csv",
    response_class=Csv,
    responses={
        200: {
            "description": "CSV with a header, oldest first, safe to open in a spreadsheet",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
)
@asks(*READERS)
async def export_history(request: Request, vault_id: VaultId, what: What) -> Csv:
    """A whole list. It is cut off without its end where the database fails on the way, which a client notices."""
    desk = desk_of(request)
    desk.check_known(vault_id)
    if vault_id not in await desk.off_loop(desk.told_vaults):
        raise Problem(503, "not_told_yet", "the history was not told of the vault yet", headers={"Retry-After": "1"})
    name = f'attachment; filename="{vault_id}-{what}.csv"'
    return Csv(pieces(desk.history, vault_id, what), headers={"Content-Disposition": name})
