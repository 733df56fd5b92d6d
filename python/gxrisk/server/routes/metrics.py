"""`/metrics`, as Prometheus scrapes it."""

from typing import Final

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from gxrisk.server.access import asks
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import desk_of

router = APIRouter(route_class=Guarded, tags=["health"])
TEXT: Final = "text/plain"


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "Prometheus' text format", "content": {TEXT: {"schema": {"type": "string"}}}}},
)
@asks("read", "operate", "admin", is_whole=True, is_local=True)
async def metrics(request: Request) -> Response:
    """Every metric of docs/metrics.md, at most a second old.

    A key must be for all vaults; with `metrics.loopback` in the configuration this machine needs none.
    """
    return Response(await desk_of(request).metrics.text(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
