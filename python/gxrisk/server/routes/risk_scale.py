"""The risk scale: how much of a vault's size limits may be used now."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from gxrisk.server.access import changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import Amount, Body, VaultId, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["limits"])
Scale = Annotated[str, Field(pattern=r"^(0\.[0-9]{1,9}|1(\.0{1,9})?)$", examples=["0.5"])]


class NewScale(Body):
    """The share of the size limits, above 0 and at most 1."""

    scale: Scale


class ScaleShown(BaseModel):
    """What the size limits are multiplied by. A vault's own adaptive guard goes on from here, and may move it."""

    risk_scale: Amount


@router.put("/risk-scale")
@changes("own", "operate")
async def set_risk_scale(request: Request, vault_id: VaultId, body: NewScale) -> ScaleShown:
    """Scale the size limits: down at once, up by an owner alone."""
    vault = desk_of(request).vault(vault_id)
    scale = Decimal(body.scale)
    if scale > vault.gate.snapshot().risk_scale and request.state.key.scope != "own":
        raise Problem(403, "owner_only", "an operator scales down, only an owner scales up")
    note_actor(request, vault, "risk_scale", scale=body.scale)
    vault.gate.set_risk_scale(scale)
    return ScaleShown(risk_scale=vault.gate.snapshot().risk_scale)
