"""What a vault was set up with at the end of a span."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gxrisk._native import VaultError
from gxrisk.history import History
from gxrisk.vaults.settings import TOPIC, VaultSettings

_WITH_LIMITS = ("limits", "opened")


@dataclass(frozen=True, slots=True)
class Settings:
    """None for what the journal does not say: a gate's own journal, without a fleet, has limits alone."""

    tier: str | None
    strategy: str | None
    version: str | None
    content_hash: str | None
    venue: str | None
    is_live: bool | None
    bar_s: int | None
    max_drawdown: Decimal | None


def settings_at(history: History, vault_id: str, until_ns: int) -> Settings:
    """The settings and the drawdown limit that stood last before `until_ns`."""
    notes = history.notes(vault_id, topic=TOPIC, until_ns=until_ns, limit=1).rows
    kept = _vault(notes[0].text if notes else None)
    return Settings(
        tier=kept.tier if kept else None,
        strategy=kept.strategy.name if kept else None,
        version=kept.strategy.version if kept else None,
        content_hash=kept.strategy.content_hash if kept else None,
        venue=kept.venue if kept else None,
        is_live=kept.is_live if kept else None,
        bar_s=kept.bar_s if kept else None,
        max_drawdown=_max_drawdown(history, vault_id, until_ns),
    )


def _vault(text: str | None) -> VaultSettings | None:
    try:
        return VaultSettings.from_json(text)
    except VaultError:
        return None


def _max_drawdown(history: History, vault_id: str, until_ns: int) -> Decimal | None:
    for kind in _WITH_LIMITS:
        found = history.controls(vault_id, kind=kind, until_ns=until_ns, limit=1).rows
        if found:
            details: dict[str, Any] = json.loads(found[0].details)
            limits = details.get("limits", details)
            return Decimal(limits["max_drawdown"])
    return None
