"""Structured logs: one JSON object a line, whatever a model wrote, and without secrets (docs/metrics.md)."""

from gxrisk.logs.configure import configure_logs, hide

__all__ = ["configure_logs", "hide"]
