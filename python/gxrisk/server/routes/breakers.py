"""The breakers that restrict a vault now."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk.server.access import READERS, asks
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import VaultId, desk_of, text_of, time_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["breakers"])


class TripShown(BaseModel):
    """A breaker that is tripped; `until` is null where no time ends it."""

    breaker: str
    since: str | None
    until: str | None
    cause: str
    limit: str | None
    observed: str | None


class Breakers(BaseModel):
    """The trading state and what asks for it."""

    state: Literal["active", "reduce_only", "halted"]
    trips: list[TripShown]


@router.get("/breakers")
@asks(*READERS)
async def breakers(request: Request, vault_id: VaultId) -> Breakers:
    """The tripped breakers."""
    desk = desk_of(request)
    gate = desk.vault(vault_id).gate
    trips = await desk.off_loop(lambda: gate.trips)
    shown = [
        TripShown(
            breaker=one.breaker,
            since=time_of(one.since),
            until=time_of(one.until),
            cause=one.cause,
            limit=text_of(one.limit),
            observed=text_of(one.observed),
        )
        for one in trips
    ]
    return Breakers(state=gate.state, trips=shown)
