"""Metrics of a fleet for Prometheus (docs/metrics.md)."""

from gxrisk.metrics.exposition import MetricsApp, metrics_text, registry_of, serve_metrics
from gxrisk.metrics.fleet import FleetMetrics
from gxrisk.metrics.table import METRICS, SERVER_METRICS, Metric

__all__ = [
    "METRICS",
    "SERVER_METRICS",
    "FleetMetrics",
    "Metric",
    "MetricsApp",
    "metrics_text",
    "registry_of",
    "serve_metrics",
]
