"""One watch over all vaults: silent feeds, breakers about to end, the day's reconciliation, the week's report."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gxrisk.vaults.fleet_notes import FleetNotes
from gxrisk.vaults.notices import Notebook, Notices, Notify, Severity
from gxrisk.vaults.vault import Vault

LOOK_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_log = logging.getLogger("gxrisk.vaults")

WriteReport = Callable[[Vault, datetime], Awaitable[None]]
"""Writes the report of the vault's week that ended at that time (a Monday, 00:00 UTC)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the monitor does what: seconds after midnight UTC; how early a breaker's end is told; the feed's silence in
    seconds; after how many seconds without a look the process is said to hang."""

    reconcile_s: int = 300
    report_s: int = 600
    ending_s: int = 300
    silence_s: int = 120
    hang_s: float = 60


class Monitor:
    """Looks once a minute of the clock's time at every vault. What one look costs and finds touches no other vault.

    The fleet calls `look` with the feed's time in a replay and each second when live; `beat_ms` shows that it is alive.
    `told` counts the notices of the fleet itself, by severity and code; in `notes` they wait until somebody took them.
    What is missed while nothing runs is caught up with: reconciliation runs at each opening, and the last week's report
    is due until it was written.
    """

    def __init__(
        self,
        vaults: Mapping[str, Vault],
        notify: Notify,
        *,
        schedule: Schedule | None = None,
        write_report: WriteReport | None = None,
        notes: Notebook | None = None,
    ) -> None:
        self._vaults = vaults
        self._notify = notify
        self._notices = Notices(notes or FleetNotes())
        self._telling = asyncio.Lock()
        self._schedule = schedule or Schedule()
        self._write_report = write_report
        self._reconciled_day: int | None = None
        self._reported_week = 0
        self._unreported: dict[str, int] = {}  # by vault: when to write its report
        self._told: set[tuple[str, str, datetime]] = set()
        self._is_silent = False
        self.told: Counter[tuple[Severity, str]] = Counter()
        self.beat_ms = 0
        self.heard_ms: int | None = None

    def heard(self, at_ms: int) -> None:
        """The feed gave a moment."""
        self.heard_ms = at_ms

    async def look(self, now_ms: int) -> None:
        """Do what is due now; nothing within a minute of the last look."""
        if now_ms - self.beat_ms < LOOK_MS:
            return
        self.beat_ms = now_ms
        if self._notices.waiting:
            await self._deliver()
        await self._watch_feed(now_ms)
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        day, of_day_s = divmod(now_ms // 1000, DAY_MS // 1000)
        if self._reconciled_day is None:
            self._reconciled_day = day
        is_reconciling = day > self._reconciled_day and of_day_s >= self._schedule.reconcile_s
        if _week(now) > self._reported_week and (now.weekday() or of_day_s >= self._schedule.report_s):
            self._reported_week = _week(now)
            self._unreported = dict.fromkeys(self._vaults, now_ms)
        for vault in tuple(self._vaults.values()):
            try:
                self._watch_breakers(vault, now)
                if is_reconciling:
                    await vault.reconcile()
                await self._report(vault, now_ms)
            except Exception:
                _log.exception("%s: the monitor's look failed", vault.vault_id)
        if is_reconciling:
            self._reconciled_day = day

    async def _report(self, vault: Vault, now_ms: int) -> None:
        """Write the report of the week before, where that is due; what fails is tried again an hour later."""
        due_ms = self._unreported.get(vault.vault_id)
        if self._write_report is None or due_ms is None or now_ms < due_ms:
            return
        self._unreported[vault.vault_id] = now_ms + HOUR_MS
        await self._write_report(vault, _monday(datetime.fromtimestamp(now_ms / 1000, UTC)))
        del self._unreported[vault.vault_id]

    def _watch_breakers(self, vault: Vault, now: datetime) -> None:
        """Tell once of each timed breaker that ends soon."""
        trips = vault.gate.trips
        if not trips:
            return
        soon = now + timedelta(seconds=self._schedule.ending_s)
        for trip in trips:
            key = (vault.vault_id, trip.breaker, trip.since)
            if trip.until is not None and trip.until <= soon and key not in self._told:
                self._told.add(key)
                vault.notices.add(
                    now.isoformat(),
                    "info",
                    "breaker_ending",
                    f"{trip.breaker} ends at {trip.until:%H:%M:%S} UTC",
                    trip.breaker,
                )
        self._told = {key for key in self._told if key[2] > now - timedelta(days=2)}

    async def _watch_feed(self, now_ms: int) -> None:
        if self.heard_ms is None:
            return
        is_silent = now_ms - self.heard_ms > self._schedule.silence_s * 1000
        if is_silent and not self._is_silent:
            silent_s = (now_ms - self.heard_ms) // 1000
            await self.tell(now_ms, "critical", "feed_silent", f"the feed has told nothing for {silent_s} s")
        elif self._is_silent and not is_silent:
            await self.tell(now_ms, "info", "feed_back", "the feed is back")
        self._is_silent = is_silent

    async def tell(self, now_ms: int, severity: Severity, code: str, text: str, subject: str = "") -> None:
        """Tell of something that no single vault's journal can keep; what nobody takes is told again at each look."""
        self.told[severity, code] += 1
        self._notices.add(datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(), severity, code, text, subject)
        await self._deliver()

    async def _deliver(self) -> None:
        async with self._telling:
            await self._notices.deliver(self._notify)


def _week(now: datetime) -> int:
    """Weeks since the first Monday of 1970's calendar; the week changes on Monday, 00:00 UTC."""
    return (now.toordinal() - 1) // 7


def _monday(now: datetime) -> datetime:
    return datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=now.weekday())
