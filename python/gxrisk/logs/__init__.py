"""Structured logs: one JSON object a line, whatever a model wrote, and without secrets (docs/metrics.md)."""

from gxrisk.logs.beside import Beside
from gxrisk.logs.configure import configure_logs, hide

__all__ = ["Beside", "configure_logs", "hide"]
