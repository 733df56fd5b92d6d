"""Whether the process lives and whether it takes orders; and this API's own description. No key is needed."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk.server.access import public
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import desk_of

router = APIRouter(route_class=Guarded, tags=["health"])


class Health(BaseModel):
    """One word."""

    status: Literal["alive", "ready"]


@router.get("/livez")
@public
async def livez() -> Health:
    """The process answers."""
    return Health(status="alive")


@router.get("/readyz")
@public
async def readyz(request: Request) -> Health:
    """Orders and marks are taken: the feed runs and nothing is being closed."""
    if not desk_of(request).is_ready:
        raise Problem(503, "not_ready", "the server is starting, shutting down, or its fleet failed")
    return Health(status="ready")


@router.get("/openapi.json", include_in_schema=False)
@public
async def openapi(request: Request) -> dict[str, Any]:
    """What this API is."""
    described: dict[str, Any] = request.app.openapi()
    return described
