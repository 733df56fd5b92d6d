"""The gate's account against the venue's: compare now, or see what the last comparison found."""

import json

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk.server.access import READERS, asks, changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import VaultId, desk_of, time_of
from gxrisk.vaults import Vault
from gxrisk.vaults.reconciliation import TOPIC

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["reconciliation"])


class ReconciliationShown(BaseModel):
    """The last comparison of this process: `time` is null where there was none yet, and `is_equal` with it.

    Fifty differences are named at most.
    """

    time: str | None
    is_equal: bool | None
    differences: list[str]


@router.post("/reconciliation")
@changes("own", "operate")
async def reconcile_vault(request: Request, vault_id: VaultId) -> ReconciliationShown:
    """Compare with the venue now. What differs restricts the vault until somebody resumes it, and is told."""
    vault = desk_of(request).vault(vault_id)
    note_actor(request, vault, "reconcile")
    await vault.reconcile()
    return _shown(vault)


@router.get("/reconciliation")
@asks(*READERS)
async def show_reconciliation(request: Request, vault_id: VaultId) -> ReconciliationShown:
    """What the last comparison found: there is one at each opening of the vault, and one a day."""
    return _shown(desk_of(request).vault(vault_id))


def _shown(vault: Vault) -> ReconciliationShown:
    differences: list[str] = json.loads(vault.gate.notes.get(TOPIC) or "[]")
    at_ns = vault.reconciled_ns
    return ReconciliationShown(
        time=time_of(at_ns), is_equal=None if at_ns is None else not differences, differences=differences
    )
