"""The history: journals told to a database, for everything that asks what happened.

>>> import tempfile
>>> from gxrisk import Gate, Limits, ManualClock, order
>>> folder = tempfile.TemporaryDirectory()
>>> clock = ManualClock("2020-03-12T00:00:00Z")
>>> with Gate("demo", Limits.for_tier("growth"), clock=clock, journal=f"{folder.name}/demo.gxr") as gate:
...     gate.deposit(10_000)
...     _ = gate.mark("BTC", 7_900, atr=50)
...     _ = gate.authorize(order("BTC", "buy", 1, confidence=0.9, reasoning="all in", stop_loss=7_800))
>>> with History.open(f"{folder.name}/history.db") as history:
...     _ = Projector(history, [f"{folder.name}/demo.gxr"]).catch_up()
...     for decision in history.decisions("demo", outcome="rejected").rows:
...         print(decision.reasoning, [violation.rule for violation in decision.violations])
all in ['position_size', 'concentration']
>>> folder.cleanup()
"""

from gxrisk.history.errors import HistoryError
from gxrisk.history.projector import Projector
from gxrisk.history.queries import History
from gxrisk.history.rows import (
    Control,
    Decision,
    EquityPoint,
    Fill,
    Flow,
    Note,
    Order,
    Page,
    Position,
    Totals,
    Trade,
    Trip,
    UnknownRecord,
    VaultRow,
    Violation,
)

__all__ = [
    "Control",
    "Decision",
    "EquityPoint",
    "Fill",
    "Flow",
    "History",
    "HistoryError",
    "Note",
    "Order",
    "Page",
    "Position",
    "Projector",
    "Totals",
    "Trade",
    "Trip",
    "UnknownRecord",
    "VaultRow",
    "Violation",
]
