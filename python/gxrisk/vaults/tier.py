"""A change of tier: the limits and the name that the vault goes by change together, whatever comes between."""

from dataclasses import replace
from typing import Final

from gxrisk._native import Gate, VaultError
from gxrisk.vaults.settings import TOPIC as SETTINGS
from gxrisk.vaults.settings import VaultSettings, tier_limits

TOPIC: Final = "tier"


def change_tier(gate: Gate, settings: VaultSettings, tier: str) -> VaultSettings:
    """Take what `tier` sets; limits that do not depend on the tier stay. The settings from then on.

    What is wanted is noted first, so that `finish_change` can go on from there after a crash. Raises `VaultError`
    unless the vault is flat and nothing works.
    """
    snapshot = gate.snapshot()
    if snapshot.positions or snapshot.working:
        held = ", ".join([*snapshot.positions, *(one.order_id for one in snapshot.working)])
        raise VaultError(f"a tier changes only while the vault is flat; close first: {held}")
    tier_limits(tier)  # raises for what is no tier
    gate.note(TOPIC, tier)
    return finish_change(gate, settings)


def finish_change(gate: Gate, settings: VaultSettings) -> VaultSettings:
    """Bring a change that was begun to its end; a gate that refuses it ends it too, and nothing has changed."""
    tier = gate.notes.get(TOPIC)
    if not tier:
        return settings
    try:
        gate.set_limits(gate.limits.replace(**tier_limits(tier)))
    except VaultError:
        gate.note(TOPIC, "")
        raise
    changed = replace(settings, tier=tier)
    gate.note(SETTINGS, changed.to_json())
    gate.note(TOPIC, "")
    return changed
