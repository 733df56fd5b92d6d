"""What one vault shows: its snapshot, its limits, and what its journal counts to."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from gxrisk._native import BREAKERS, Gate
from gxrisk.metrics.counts import NOTICE_CODES, OUTCOMES, VIOLATIONS, Counts
from gxrisk.metrics.sheet import Sheet
from gxrisk.snapshot import Snapshot

STATES: Final = ("active", "reduce_only", "halted")


def read_gate(sheet: Sheet, vault: str, gate: Gate) -> None:
    """The gauges of a vault at this instant. Raises `GxriskError` where its gate cannot answer."""
    snapshot, limits = gate.snapshot(), gate.limits
    tripped = {trip.breaker for trip in gate.trips}
    gauges: dict[str, Decimal | int] = {
        "equity": snapshot.equity,
        "collateral": snapshot.collateral,
        "day_loss": snapshot.day_loss,
        "day_loss_ratio": _day_loss_ratio(snapshot),
        "day_loss_limit_ratio": limits.max_daily_loss,
        "drawdown_ratio": snapshot.drawdown,
        "drawdown_limit_ratio": limits.max_drawdown,
        "gross_exposure": snapshot.gross_exposure,
        "positions": len(snapshot.positions),
        "working_orders": len(snapshot.working),
        "daily_trades": snapshot.daily_trades,
        "daily_trades_limit": limits.max_daily_trades,
        "risk_scale_ratio": snapshot.risk_scale,
        "paused": snapshot.paused,
        "killed": snapshot.killed,
        "up": 1,
    }
    parts = {
        "realised": snapshot.realised,
        "unrealised": snapshot.unrealised,
        "fees": -snapshot.fees,
        "funding": snapshot.funding,
    }
    for name, value in gauges.items():
        sheet.put(f"gxrisk_vault_{name}", float(value), vault)
    sheet.put_each("gxrisk_vault_pnl", ((part, float(value)) for part, value in parts.items()), vault)
    sheet.put_each("gxrisk_vault_state", ((state, snapshot.state == state) for state in STATES), vault)
    sheet.put_each("gxrisk_vault_breaker_active", ((one, one in tripped) for one in BREAKERS), vault)


def read_totals(sheet: Sheet, every: Iterable[Counts]) -> None:
    """The counters of all vaults together."""
    violations = Counter(dict.fromkeys(VIOLATIONS, 0))
    trips = Counter(dict.fromkeys(BREAKERS, 0))
    notices = Counter(dict.fromkeys(NOTICE_CODES.items(), 0))
    for counts in every:
        violations.update(counts.violations)
        trips.update(counts.trips)
        notices.update(counts.notices)
    sheet.put_each("gxrisk_violations_total", violations.items())
    sheet.put_each("gxrisk_breaker_trips_total", trips.items())
    for (code, severity), count in notices.items():
        sheet.put("gxrisk_vault_notices_total", count, code, severity)


def read_counts(sheet: Sheet, vault: str, counts: Counts) -> None:
    """The counters of a vault."""
    sheet.put("gxrisk_vault_journal_records_total", counts.sequence, vault)
    sheet.put("gxrisk_vault_holds_total", counts.holds, vault)
    sheet.put_each("gxrisk_vault_decisions_total", ((one, counts.decisions[one]) for one in OUTCOMES), vault)
    if counts.confidence is not None:
        sheet.put("gxrisk_vault_confidence_ratio", counts.confidence, vault)


def _day_loss_ratio(snapshot: Snapshot) -> Decimal:
    return snapshot.day_loss / snapshot.day_opening if snapshot.day_opening > 0 else Decimal(0)
