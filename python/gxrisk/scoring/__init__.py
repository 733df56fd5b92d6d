"""Scores: a decision log against doing nothing, what its trades made, what its holds and refusals avoided and missed.

>>> import tempfile
>>> from gxrisk import Gate, Limits, ManualClock, order
>>> clock = ManualClock("2020-03-12T00:00:00Z")
>>> with tempfile.TemporaryDirectory() as folder:
...     with Gate("demo", Limits.for_tier("growth"), clock=clock, journal=f"{folder}/demo.gxr") as gate:
...         gate.deposit(10_000)
...         _ = gate.mark("BTC", 100, atr=1)
...         _ = gate.authorize(order("BTC", "buy", 10, confidence=0.1, reasoning="a feeling", stop_loss=98))
...         clock.advance(60)
...         _ = gate.mark("BTC", 98)
...         _ = gate.hold(0.5, "waits")
...     total = score(read_journal(f"{folder}/demo.gxr")).total
>>> [(one.outcome, str(one.avoided), str(one.missed)) for one in total.forgone], total.reward
([('held', '20', '0'), ('rejected', '0', '0')], 0.5)
"""

from gxrisk.scoring.journal_log import read_journal
from gxrisk.scoring.log import Log
from gxrisk.scoring.score import SCHEMA, AssetScore, Score, score
from gxrisk.scoring.table_log import read_tables

__all__ = ["SCHEMA", "AssetScore", "Log", "Score", "read_journal", "read_tables", "score"]
