"""How far a paper vault's strategy is on its way to real money, and the certificate once it is there."""

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from gxrisk._native import VaultError
from gxrisk.server.access import READERS, asks
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import Share, VaultId, desk_of, time_of
from gxrisk.vaults.certificate import TOPIC as CERTIFICATE

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}/graduation", tags=["graduation"])
BYTES: Final = "application/octet-stream"
_NS_PER_MS: Final = 1_000_000


class RequirementShown(BaseModel):
    """One thing to show; `observed` is null while it is not known."""

    name: str
    required: str
    observed: str | None
    passed: bool
    sentence: str


class GraduationShown(BaseModel):
    """What is shown so far: `progress` of the seven days as a fraction, the days that are missing, every requirement.

    `has_certificate` says that a certificate can be downloaded, of this strategy version or of an earlier one.
    """

    has_graduated: bool
    has_certificate: bool
    progress: Share
    days_left: Share
    since: str | None
    until: str | None
    sequence: int
    requirements: list[RequirementShown]


@router.get("")
@asks(*READERS)
async def show_graduation(request: Request, vault_id: VaultId) -> GraduationShown:
    """What was shown and what is missing. A live vault has none (409)."""
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    found = vault.graduation(desk.fleet.clock.now_ns // _NS_PER_MS)
    shown = [
        RequirementShown(
            name=one.name, required=one.required, observed=one.observed, passed=one.passed, sentence=one.sentence
        )
        for one in found.requirements
    ]
    return GraduationShown(
        has_graduated=found.has_graduated,
        has_certificate=CERTIFICATE in vault.gate.notes,
        progress=found.progress,
        days_left=found.days_left,
        since=None if found.from_ms is None else time_of(found.from_ms * _NS_PER_MS),
        until=None if found.until_ms is None else time_of(found.until_ms * _NS_PER_MS),
        sequence=found.sequence,
        requirements=shown,
    )


@router.get(
    "/certificate",
    response_class=Response,
    responses={
        200: {
            "description": "The certificate, signed by the vault's head key, for the licence at a live venue",
            "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
@asks(*READERS)
async def download_certificate(request: Request, vault_id: VaultId) -> Response:
    """The signed certificate; 404 while the vault has none."""
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    if CERTIFICATE not in vault.gate.notes:
        raise Problem(404, "certificate_unknown", f"{vault_id} has no certificate: its strategy has not graduated")
    try:
        token = await desk.off_loop(vault.certificate)
    except VaultError as error:
        raise Problem(404, "certificate_unknown", str(error)) from None
    name = f'attachment; filename="{vault_id}.certificate"'
    return Response(token, media_type=BYTES, headers={"Content-Disposition": name})
