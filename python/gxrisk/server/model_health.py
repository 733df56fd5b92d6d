"""The health of each vault's model, folded from its journal by whoever asks for it."""

import asyncio
from pathlib import Path
from typing import Final

from gxrisk._native import JournalReader
from gxrisk.protection.health import Health, HealthMonitor
from gxrisk.protection.settings import HealthGuardSettings
from gxrisk.vaults import Vault
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.vaults.track_record import TrackRecord

CHUNK: Final = 1_000


class ModelHealth:
    """Track records by vault, beside those that guards keep: asking here changes nothing in a vault."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records: dict[str, TrackRecord] = {}

    async def of(self, vault: Vault) -> Health:
        """The model's health up to now. Not to be asked twice at once for the same vault."""
        return await asyncio.to_thread(self._of, vault)

    def _of(self, vault: Vault) -> Health:
        guards = vault.settings.protection
        watched = None if guards is None else guards.health
        bounds = (watched or HealthGuardSettings()).bounds
        record = self._records.setdefault(vault.vault_id, TrackRecord(bounds))
        reader = JournalReader(self._folder / vault.vault_id / JOURNAL)
        while events := reader.events(record.sequence, CHUNK):
            for event in events:
                record.fold(event)
        return record.record.health or HealthMonitor(bounds).health
