"""A new vault's gate, also where an earlier attempt to make the vault was cut short."""

from pathlib import Path
from typing import Final

from gxrisk._native import Gate, JournalError, JournalReader, Limits, ManualClock, SystemClock, VaultError
from gxrisk.vaults.settings import TOPIC

_PAGE: Final = 1000


def found(
    vault_id: str,
    limits: Limits,
    *,
    clock: ManualClock | SystemClock,
    journal: Path,
    owner_key: bytes | str | None = None,
    passphrase_file: Path | None = None,
) -> Gate:
    """A gate with a new journal; or that of a making which ended before the vault's settings were written down.

    Raises `JournalError` where the vault exists, `VaultError` where the making that was cut short was another one.
    """
    try:
        return Gate(
            vault_id, limits, clock=clock, journal=journal, owner_key=owner_key, passphrase_file=passphrase_file
        )
    except JournalError:
        if not journal.exists() or _is_made(journal):
            raise
    gate = Gate.open(journal, clock=clock, passphrase_file=passphrase_file)
    key = bytes.fromhex(owner_key) if isinstance(owner_key, str) else owner_key
    if (gate.vault_id, gate.limits.to_dict(), gate.owner_key) != (vault_id, limits.to_dict(), key):
        gate.close()
        raise VaultError(
            f"{vault_id} was being made with other limits or another owner's key when that was cut short: make it with "
            f"those, or remove {journal.parent}, in which nothing else has happened"
        )
    return gate


def _is_made(journal: Path) -> bool:
    """Whether the vault's settings are in the journal: they come right after its opening. Nothing is written by it."""
    reader, since = JournalReader(journal), 0
    while records := reader.events(since, _PAGE):
        if any(one["kind"] == "note" and one["topic"] == TOPIC for one in records):
            return True
        since = records[-1]["sequence"]
    return False
