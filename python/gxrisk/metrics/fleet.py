"""A fleet as a source of metrics, read when they are asked for."""

import time
from collections.abc import Iterator, Mapping
from threading import Lock
from types import MappingProxyType
from typing import Final

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from gxrisk._native import GxriskError, __version__
from gxrisk.metrics.counts import Counts
from gxrisk.metrics.labels import OTHER, Bounded
from gxrisk.metrics.readings import read_counts, read_gate, read_totals
from gxrisk.metrics.sheet import Sheet, blank
from gxrisk.metrics.table import METRICS
from gxrisk.vaults.fleet import JOURNAL, Fleet
from gxrisk.vaults.notices import Severity
from gxrisk.vaults.vault import Vault

READ_S: Final = 1.0  # of one scrape, for records that were not counted yet
GIVE_WAY_S: Final = 0.000_05
FLEET_CODES: Final[Mapping[str, Severity]] = MappingProxyType(
    {"feed_back": "info", "feed_silent": "critical", "vault_failed": "critical"}
)
_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000


class FleetMetrics(Collector):
    """The metrics of a fleet (docs/metrics.md), for a `prometheus_client.CollectorRegistry`.

    At most `vaults_max` vaults and `assets_max` assets have a label of their own; the others are joined as `other`.
    May be collected in any thread while the fleet runs, and should be in another one than the fleet's: it gives way
    after each vault, and takes no lock of the fleet's. Counters that come from journals are shown once all records
    are counted, which for a long journal takes some scrapes, a second in each.

    >>> import asyncio, tempfile
    >>> from gxrisk.metrics import FleetMetrics, metrics_text
    >>> from gxrisk.venues.paper import PaperVenue
    >>> from prometheus_client import CollectorRegistry
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry = CollectorRegistry()
    ...     registry.register(FleetMetrics(Fleet(folder, PaperVenue())))
    ...     print(metrics_text(registry).decode().splitlines()[2])
    gxrisk_vaults{status="running"} 0.0
    """

    def __init__(self, fleet: Fleet, *, vaults_max: int = 1_000, assets_max: int = 100) -> None:
        self._fleet = fleet
        self._vault_label = Bounded(vaults_max)
        self._asset_label = Bounded(assets_max)
        self._counts: dict[str, Counts] = {}
        self._lock = Lock()

    def describe(self) -> Iterator[Family]:
        """Every metric, without values."""
        return map(blank, METRICS)

    def collect(self) -> Iterator[Family]:
        """Every metric as it is now."""
        with self._lock:
            began = time.perf_counter()
            sheet = Sheet()
            self._read_vaults(sheet)
            self._read_feeds(sheet)
            self._read_fleet(sheet)
            sheet.put("gxrisk_collect_duration_seconds", time.perf_counter() - began)
        return sheet.families()

    def _read_vaults(self, sheet: Sheet) -> None:
        until = time.monotonic() + READ_S
        vaults, failed = sorted(self._fleet.vaults.items()), list(self._fleet.failed)
        sheet.put_each("gxrisk_vaults", (("running", len(vaults)), ("failed", len(failed))))
        for vault_id in failed:
            sheet.put("gxrisk_vault_up", 0, self._vault_label(vault_id))
        for _, vault in vaults:
            self._read_vault(sheet, vault, until)
            time.sleep(GIVE_WAY_S)  # the interpreter is let go of, so that a decision never waits for a whole scrape
        self._put_counts(sheet, {vault_id for vault_id, _ in vaults})

    def _read_vault(self, sheet: Sheet, vault: Vault, until: float) -> None:
        label = self._vault_label(vault.vault_id)
        counts = self._counts.setdefault(vault.vault_id, Counts())
        if counts.sequence > vault.gate.sequence:  # another journal: it was put back from a copy
            counts = self._counts[vault.vault_id] = Counts()
        try:
            read_gate(sheet, label, vault.gate)
            unread = counts.read(vault.gate, self._fleet.folder / vault.vault_id / JOURNAL, until)
        except GxriskError:  # it is being closed, or broken, which the fleet will say itself
            sheet.put("gxrisk_vault_up", 0, label)
            return
        sheet.put("gxrisk_vault_unread_records", unread, label)
        sheet.put("gxrisk_vault_waiting_notices", len(vault.notices.waiting), label)

    def _put_counts(self, sheet: Sheet, running: set[str]) -> None:
        """The counters, once their records are all counted: half of them would look like a burst as the rest comes.

        What went away stays in the sums, which would fall without it.
        """
        incomplete = {vault_id for vault_id in running if not self._counts[vault_id].is_whole}
        hidden = {self._vault_label(vault_id) for vault_id in incomplete}
        for vault_id, counts in self._counts.items():
            label = self._vault_label(vault_id)
            if label not in hidden and (vault_id in running or label == OTHER):
                read_counts(sheet, label, counts)
                time.sleep(GIVE_WAY_S)
        if not incomplete:
            read_totals(sheet, self._counts.values())

    def _read_feeds(self, sheet: Sheet) -> None:
        now_ms = self._fleet.clock.now_ns / _NS_PER_MS
        for asset, told_ms in sorted(self._fleet.market.told_ms.items()):
            sheet.put("gxrisk_feed_age_seconds", max(0.0, now_ms - told_ms) / 1000, self._asset_label(asset))
        quality = self._fleet.data_quality
        if quality is None:
            return
        for asset, latest in sorted(quality.latest.items()):
            label = self._asset_label(asset)
            if latest.score is not None:
                sheet.put("gxrisk_feed_quality_ratio", latest.score, label)
            sheet.put("gxrisk_feed_suspended", latest.is_suspended, label)

    def _read_fleet(self, sheet: Sheet) -> None:
        monitor, timings = self._fleet.monitor, self._fleet.timings
        if monitor.beat_ms:
            age_s = self._fleet.clock.now_ns / _NS_PER_S - monitor.beat_ms / 1000
            sheet.put("gxrisk_monitor_heartbeat_age_seconds", max(0.0, age_s))
        for code, severity in FLEET_CODES.items():
            sheet.put("gxrisk_fleet_notices_total", monitor.told[severity, code], code, severity)
        sheet.put("gxrisk_build_info", 1, __version__)
        sheet.put_timing("gxrisk_decision_duration_seconds", timings.decision)
        sheet.put_timing("gxrisk_journal_append_duration_seconds", timings.journal)
        sheet.put_timing("gxrisk_venue_submit_duration_seconds", timings.venue)
