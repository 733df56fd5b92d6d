"""A change of tier: the limits and the name that the vault goes by change together, whatever comes between.

The note `tier` holds the limits as they are to be, so that none that are looser are ever set on the way.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gxrisk._native import Gate, Limits, VaultError
from gxrisk.vaults.settings import TOPIC as SETTINGS
from gxrisk.vaults.settings import VaultSettings, tier_limits

TOPIC: Final = "tier"
Held = Callable[[Limits], Limits]
"""Holds limits to what somebody else has set: an operator's ceiling."""


def as_they_are(limits: Limits) -> Limits:
    """No ceiling."""
    return limits


def change_tier(gate: Gate, settings: VaultSettings, tier: str, held: Held = as_they_are) -> VaultSettings:
    """Take what `tier` sets, as `held` leaves it; limits that do not depend on the tier stay. The settings from then.

    What is wanted is noted first, so that `finish_change` can go on from there after a crash. Raises `VaultError`
    unless the vault is flat and nothing works.
    """
    snapshot = gate.snapshot()
    if snapshot.positions or snapshot.working:
        what = ", ".join([*snapshot.positions, *(one.order_id for one in snapshot.working)])
        raise VaultError(f"a tier changes only while the vault is flat; close first: {what}")
    limits = held(gate.limits.replace(**tier_limits(tier)))  # raises for what is no tier
    gate.note(TOPIC, json.dumps({"tier": tier, "limits": limits.to_dict()}, default=str))
    return finish_change(gate, settings)


def finish_change(gate: Gate, settings: VaultSettings) -> VaultSettings:
    """Bring a change that was begun to its end; a gate that refuses it ends it too, and nothing has changed."""
    text = gate.notes.get(TOPIC)
    if not text:
        return settings
    wanted = json.loads(text)
    try:
        gate.set_limits(gate.limits.replace(**wanted["limits"]))
    except VaultError:
        gate.note(TOPIC, "")
        raise
    changed = replace(settings, tier=wanted["tier"])
    gate.note(SETTINGS, changed.to_json())
    gate.note(TOPIC, "")
    return changed
