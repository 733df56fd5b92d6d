"""Every metric: its name, type, labels, unit and meaning, and how those without a label of their own are joined."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Kind = Literal["gauge", "counter", "histogram"]
Source = Literal["now", "journal", "process"]
Join = Literal["sum", "max", "min"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `name` is as Prometheus shows it, but for a histogram's `_bucket`, `_sum` and `_count`.

    `source` says what a value is of: `now`, of this instant; `journal`, counted from the journals' first records, so
    that a restart changes nothing; `process`, counted since the process started. `join` is what the label value `other`
    holds of all that are beyond the bound of labels.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    about: str
    source: Source = "now"
    join: Join = "sum"


def _vault(name: str, unit: str, about: str, join: Join = "sum", label: str | None = None) -> Metric:
    labels = ("vault",) if label is None else ("vault", label)
    return Metric(f"gxrisk_vault_{name}", "gauge", labels, unit, about, join=join)


def _counted(name: str, unit: str, about: str, label: str | None = None) -> Metric:
    labels = ("vault",) if label is None else ("vault", label)
    return Metric(f"gxrisk_vault_{name}_total", "counter", labels, unit, about, "journal")


METRICS: Final = (
    Metric("gxrisk_vaults", "gauge", ("status",), "vaults", "Vaults that run, and vaults that were taken out."),
    _vault("up", "0 or 1", "Whether the vault runs and answers; 0 for one that was taken out.", "min"),
    _vault("state", "0 or 1", "1 for the vault's trading state (`other`: how many vaults).", label="state"),
    _vault("paused", "0 or 1", "Whether the vault is paused.", "max"),
    _vault("killed", "0 or 1", "Whether the kill switch is on.", "max"),
    _vault("breaker_active", "0 or 1", "Whether the breaker is tripped (`other`: how many vaults).", label="breaker"),
    _vault("equity", "money", "Equity at the last marks."),
    _vault("collateral", "money", "Deposits less withdrawals."),
    _vault("pnl", "money", "P&L since the beginning by part; the parts sum to equity less collateral.", label="part"),
    _vault("day_loss", "money", "Opening equity of the UTC day less equity; below zero for a gain."),
    _vault("day_loss_ratio", "ratio", "Day loss as a share of the day's opening equity.", "max"),
    _vault("day_loss_limit_ratio", "ratio", "Where the breaker `daily_loss` trips.", "min"),
    _vault("drawdown_ratio", "ratio", "The share of the drawdown base that is lost.", "max"),
    _vault("drawdown_limit_ratio", "ratio", "Where the breaker `drawdown` trips.", "min"),
    _vault("gross_exposure", "money", "The sum of all assets' exposures, working orders counted."),
    _vault("positions", "positions", "Open positions."),
    _vault("working_orders", "orders", "Approved orders that are not finished."),
    _vault("daily_trades", "orders", "Opening orders approved in the UTC day.", "max"),
    _vault("daily_trades_limit", "orders", "Where the breaker `trade_limit` trips.", "min"),
    _vault("risk_scale_ratio", "ratio", "What the guards leave of the size limits: 1 is all.", "min"),
    _vault("confidence_ratio", "ratio", "Confidence of the agent's last order or hold.", "min"),
    _vault("waiting_notices", "notices", "Notices that nobody took yet."),
    _vault("unread_records", "records", "Records not counted yet; before the first 0 the vault has no counters."),
    _counted("journal_records", "records", "Records in the journal."),
    _counted("decisions", "decisions", "Decisions on orders, of every origin, by outcome.", "outcome"),
    _counted("holds", "holds", "Holds by the model itself, or because it gave no answer."),
    Metric(
        "gxrisk_violations_total", "counter", ("rule",), "violations",
        "Violated rules, of all vaults; an order can violate several.", "journal",
    ),
    Metric("gxrisk_breaker_trips_total", "counter", ("breaker",), "trips", "Trips, of all vaults.", "journal"),
    Metric(
        "gxrisk_vault_notices_total", "counter", ("code", "severity"), "notices",
        "Notices (alerts) of all vaults by type.", "journal",
    ),
    Metric(
        "gxrisk_fleet_notices_total", "counter", ("code", "severity"), "notices",
        "Notices of the fleet itself, which belong to no vault.", "process",
    ),
    Metric("gxrisk_feed_age_seconds", "gauge", ("asset",), "seconds", "Since the feed told a price last.", join="max"),
    Metric(
        "gxrisk_feed_quality_ratio", "gauge", ("asset",), "ratio",
        "Score of the data quality: 1 is faultless.", join="min",
    ),
    Metric(
        "gxrisk_feed_suspended", "gauge", ("asset",), "0 or 1",
        "Whether the feed is suspended until a review (`other`: how many).",
    ),
    Metric(
        "gxrisk_monitor_heartbeat_age_seconds", "gauge", (), "seconds",
        "Since the monitor looked last, by the fleet's clock; it looks once a minute.",
    ),
    Metric(
        "gxrisk_decision_duration_seconds", "histogram", (), "seconds",
        "From a proposal to its decision, on record and signed.", "process",
    ),
    Metric(
        "gxrisk_journal_append_duration_seconds", "histogram", (), "seconds",
        "Making one record durable that decides nothing.", "process",
    ),
    Metric(
        "gxrisk_venue_submit_duration_seconds", "histogram", (), "seconds",
        "Sending an approved order to the venue.", "process",
    ),
    Metric(
        "gxrisk_collect_duration_seconds", "gauge", (), "seconds",
        "What gathering these numbers took, of the scrape that shows it.",
    ),
    Metric("gxrisk_build_info", "gauge", ("version",), "1", "The version that runs."),
)  # fmt: skip

# What `gxrisk serve` has beside its fleet's.
SERVER_METRICS: Final = (
    Metric("gxrisk_open_streams", "gauge", ("kind",), "streams", "Event streams and order streams that are open."),
    Metric(
        "gxrisk_streamed_events_total", "counter", (), "records",
        "Records sent over event streams, to each reader of them.", "process",
    ),
    Metric(
        "gxrisk_streams_cut_off_total", "counter", ("kind",), "streams",
        "Streams that were cut off since their client took nothing.", "process",
    ),
    Metric(
        "gxrisk_event_loop_lag_seconds", "histogram", (), "seconds",
        "How late the event loop came to a timer of each quarter of a second.", "process",
    ),
    Metric(
        "gxrisk_redis_away", "gauge", (), "0 or 1", "With `redis_url`: whether Redis cannot be reached.",
    ),
    Metric(
        "gxrisk_redis_events_total", "counter", (), "records", "With `redis_url`: records written to Redis.", "process",
    ),
    Metric(
        "gxrisk_redis_events_dropped_total", "counter", (), "records",
        "With `redis_url`: records that Redis never had.", "process",
    ),
)  # fmt: skip

BY_NAME: Final = MappingProxyType({metric.name: metric for metric in (*METRICS, *SERVER_METRICS)})
