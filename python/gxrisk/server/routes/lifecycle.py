"""A vault's life: fund, pause, resume, kill, change of tier, retire; each on record with who asked."""

from decimal import Decimal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk.server.access import changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.routes.vaults import Tier, VaultShown, shown
from gxrisk.server.shapes import Body, Positive, Reason, VaultId, Word, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["lifecycle"])


class Funding(Body):
    """Money to be paid in, once for each `transfer_id`."""

    transfer_id: Word
    amount: Positive


class Because(Body):
    """Why."""

    reason: Reason


class NewTier(Body):
    """The tier to change to."""

    tier: Tier


class Retired(BaseModel):
    """A vault that was closed for good."""

    vault_id: str


@router.post("/fund")
@changes("own", "operate")
async def fund_vault(request: Request, vault_id: VaultId, body: Funding) -> VaultShown:
    """Pay money in; the same `transfer_id` counts once."""
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    note_actor(request, vault, "fund", transfer_id=body.transfer_id, amount=body.amount)
    await vault.fund(body.transfer_id, Decimal(body.amount))
    return await shown(desk, vault)


@router.post("/pause")
@changes("own", "operate")
async def pause_vault(request: Request, vault_id: VaultId) -> VaultShown:
    """Halt the agent; exits by owner and protection still pass."""
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    note_actor(request, vault, "pause")
    vault.pause()
    return await shown(desk, vault)


@router.post("/resume")
@changes("own", "operate")
async def resume_vault(request: Request, vault_id: VaultId) -> VaultShown:
    """End the pause and the breakers that end by an operator's word."""
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    note_actor(request, vault, "resume")
    vault.resume()
    return await shown(desk, vault)


@router.post("/reopen")
@changes("operate")
async def reopen_vault(request: Request, vault_id: VaultId) -> VaultShown:
    """Open a vault anew that was taken out, or that is open for exits only, once what was missing is back.

    It stays paused until it is resumed where it was open for exits only. One that runs whole is left as it is.
    """
    desk = desk_of(request)
    vault = await desk.reopen(vault_id)
    note_actor(request, vault, "reopen")
    if vault.exits_only is not None:
        raise Problem(409, "vault_state", f"{vault_id} is open for exits only still: {vault.exits_only}")
    return await shown(desk, vault)


@router.post("/kill")
@changes("own", "operate")
async def kill_vault(request: Request, vault_id: VaultId, body: Because) -> VaultShown:
    """Halt the vault and cancel everything; only its owner undoes that."""
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    try:
        note_actor(request, vault, "kill", reason=body.reason)
    finally:  # a kill does not depend on its note
        vault.kill(body.reason)
    return await shown(desk, vault)


@router.post("/tier")
@changes("own")
async def change_tier(request: Request, vault_id: VaultId, body: NewTier) -> VaultShown:
    """Take another tier's limits, held to the operator's ceiling; only while flat with nothing working."""
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    note_actor(request, vault, "tier", tier=body.tier)
    vault.change_tier(body.tier, desk.ceiling.over)
    return await shown(desk, vault)


@router.post("/retire")
@changes("own", "operate")
async def retire_vault(request: Request, vault_id: VaultId, body: Because) -> Retired:
    """Close an empty vault for good; its history can still be read."""
    desk = desk_of(request)
    if desk.status(vault_id) != "retired":  # the same once more, after a crash
        note_actor(request, desk.vault(vault_id), "retire", reason=body.reason)
        await desk.fleet.retire(vault_id, body.reason)
    return Retired(vault_id=vault_id)
