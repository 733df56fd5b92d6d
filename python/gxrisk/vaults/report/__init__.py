"""Weekly reports: a vault's journal as a page for people and as JSON for programs.

>>> import json, tempfile
>>> from gxrisk import Gate, Limits, ManualClock
>>> clock = ManualClock("2020-03-12T00:00:00Z")
>>> with tempfile.TemporaryDirectory() as folder:
...     with Gate("demo", Limits.for_tier("growth"), clock=clock, journal=f"{folder}/demo.gxr") as gate:
...         gate.deposit(10_000)
...     report = report_from(f"{folder}/demo.gxr")
>>> report.span.name, report.figures.deposits
('2020-W11', Decimal('10000'))
>>> json.loads(as_json(report))["schema"]
'gxrisk.report/1'
>>> page(report).startswith("<!DOCTYPE html>")
True
"""

from gxrisk.vaults.report.document import SCHEMA, as_json, document
from gxrisk.vaults.report.making import report_from, report_writer
from gxrisk.vaults.report.page import page
from gxrisk.vaults.report.report import Report, report_of
from gxrisk.vaults.report.spans import ReportError, Span

__all__ = [
    "SCHEMA",
    "Report",
    "ReportError",
    "Span",
    "as_json",
    "document",
    "page",
    "report_from",
    "report_of",
    "report_writer",
]
