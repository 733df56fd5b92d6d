"""Notices of breakers and of the kill switch: when one trips, and when it ends."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from gxrisk._native import BREAKERS, Gate, GxriskError, Trip
from gxrisk.vaults import Notify, Vault
from gxrisk.vaults.auto_pause import BREAKER as TOLD_BY_THE_VAULT
from gxrisk.vaults.notices import Notice, Severity

LOOK_S: Final = 1.0
KILLED: Final = "killed"
CODES: Final = frozenset((*BREAKERS, KILLED)) - {TOLD_BY_THE_VAULT}
# What stops trading for the day, or until a person acts; the others end by themselves.
_CRITICAL: Final = frozenset({"daily_loss", "fill_mismatch", "execution_failure", KILLED})
_NS_PER_S: Final = 1_000_000_000
_log = logging.getLogger("gxrisk.server")


class TripWatch:
    """Looks each second at the vaults that have new records. `told` are vault and code of what is known to be open.

    A trip has its number from its time, so that it is one notice, however often a server is started while it lasts.
    What trips and ends between two looks is in the journal alone.
    """

    def __init__(self, vaults: Mapping[str, Vault], notify: Notify, told: Iterable[tuple[str, str]] = ()) -> None:
        self._vaults = vaults
        self._notify = notify
        self._told: dict[str, set[str]] = {}
        self._seen: dict[str, int] = {}
        for vault_id, code in told:
            if code in CODES:
                self._told.setdefault(vault_id, set()).add(code)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Tell what changed; what could not be told is told at the next look."""
        for vault_id, vault in tuple(self._vaults.items()):
            try:
                await self._look_at(vault_id, vault.gate)
            except GxriskError:
                continue  # it is being closed, or taken out, of which the fleet tells
            except Exception:
                _log.exception("%s: what its breakers did could not be told yet", vault_id)

    async def _look_at(self, vault_id: str, gate: Gate) -> None:
        sequence = gate.sequence
        if self._seen.get(vault_id) == sequence:
            return
        told = self._told.setdefault(vault_id, set())
        now = gate.snapshot()
        trips = {one.breaker: one for one in gate.trips if one.breaker in CODES}
        for breaker, trip in trips.items():
            if breaker not in told:
                await self._notify(_tripped(vault_id, trip))
                told.add(breaker)
        if now.killed and KILLED not in told:
            text = "the kill switch: everything is cancelled, and nothing trades until the owner reactivates"
            await self._notify(_notice(vault_id, now.time_ns, "critical", KILLED, text))
            told.add(KILLED)
        lasting = trips.keys() | ({KILLED} if now.killed else set())
        for code in sorted(told - lasting):
            await self._notify(_notice(vault_id, now.time_ns, "info", f"{code}_ended", f"{code} has ended"))
            told.discard(code)
        self._seen[vault_id] = sequence


def _tripped(vault_id: str, trip: Trip) -> Notice:
    severity: Severity = "critical" if trip.breaker in _CRITICAL else "warning"
    end = "until a person ends it" if trip.until is None else f"until {trip.until:%Y-%m-%d %H:%M:%S} UTC"
    text = f"{trip.breaker} tripped, {end}: {trip.cause}"
    return _notice(vault_id, int(trip.since.timestamp() * _NS_PER_S), severity, trip.breaker, text)


def _notice(vault_id: str, at_ns: int, severity: Severity, code: str, text: str) -> Notice:
    at = datetime.fromtimestamp(at_ns / _NS_PER_S, UTC).isoformat()
    return Notice(vault_id, at_ns, at, severity, code, text)
