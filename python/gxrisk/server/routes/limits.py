"""A vault's limits: read them with their ETag, change some of them on condition that nobody else did meanwhile."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Request, Response
from pydantic import BaseModel

from gxrisk._native import Limits
from gxrisk.history.amounts import plain
from gxrisk.server.access import READERS, asks, changes
from gxrisk.server.ceiling import looser
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import VaultId, desk_of
from gxrisk.vaults.graduation import limits_hash

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["limits"])
Value = str | int | list[str] | None
Changes = Annotated[
    dict[str, Value],
    Body(description="Limits by name: decimals as text, counts as integers, null for off.", min_length=1),
]


class LimitsShown(BaseModel):
    """Every limit by name; null is off."""

    limits: dict[str, Value]


@router.get("/limits")
@asks(*READERS)
async def show_limits(request: Request, response: Response, vault_id: VaultId) -> LimitsShown:
    """The limits, and their ETag for a change."""
    return _shown(desk_of(request).vault(vault_id).gate.limits, response)


@router.patch("/limits")
@changes("own", "operate")
async def change_limits(
    request: Request,
    response: Response,
    vault_id: VaultId,
    body: Changes,
    if_match: Annotated[str | None, Header()] = None,
) -> LimitsShown:
    """Change some limits: tighter at once; looser by an owner alone, while flat, never over the operator's ceiling."""
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    now = vault.gate.limits
    if if_match is None:
        raise Problem(428, "precondition_required", "give the ETag of the limits that you have seen as If-Match")
    if if_match != _etag(now):
        raise Problem(412, "precondition_failed", "the limits have changed since; read them again")
    wanted = now.replace(**body)
    exceeded = desk.ceiling.exceeded(wanted)
    if exceeded:
        raise Problem(422, "above_ceiling", f"looser than the operator's ceiling: {', '.join(exceeded)}")
    loosened = looser(now, wanted)
    if loosened and request.state.key.scope != "own":
        raise Problem(403, "owner_only", f"an operator tightens, only an owner loosens: {', '.join(loosened)}")
    note_actor(request, vault, "limits", changes=body)
    vault.gate.set_limits(wanted)
    return _shown(vault.gate.limits, response)


def _shown(limits: Limits, response: Response) -> LimitsShown:
    response.headers["ETag"] = _etag(limits)
    return LimitsShown(limits={name: _value(one) for name, one in limits.to_dict().items()})


def _etag(limits: Limits) -> str:
    return f'"{limits_hash(limits)}"'


def _value(value: Any) -> Value:
    if isinstance(value, Decimal):
        return plain(value)
    return list(value) if isinstance(value, tuple) else value
