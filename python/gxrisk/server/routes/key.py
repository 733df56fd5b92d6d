"""Who calls: what the key is that the request came with."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk.server.access import asks
from gxrisk.server.guard import Guarded
from gxrisk.server.keys import SCOPES, Scope
from gxrisk.server.shapes import time_of

router = APIRouter(route_class=Guarded, prefix="/v1", tags=["keys"])
_NS_PER_MS = 1_000_000


class KeyShown(BaseModel):
    """A key without its secret; `vaults` is null where it is for all, `expires` where it does not end by itself."""

    id: str
    name: str
    scope: Scope
    vaults: list[str] | None
    expires: str | None


@router.get("/key")
@asks(*SCOPES)
async def show_key(request: Request) -> KeyShown:
    """The key that asks: its holder's name, scope and vaults."""
    key = request.state.key
    return KeyShown(
        id=key.id,
        name=key.name,
        scope=key.scope,
        vaults=None if key.vaults is None else sorted(key.vaults),
        expires=None if key.expires_ms is None else time_of(key.expires_ms * _NS_PER_MS),
    )
