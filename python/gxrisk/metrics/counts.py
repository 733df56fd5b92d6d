"""What a vault's journal counts to, record by record: the same number before and after a restart."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

from gxrisk._native import BREAKERS, RULES, Gate, JournalReader
from gxrisk.metrics.labels import one_of
from gxrisk.vaults.notices import TOPIC as NOTICES

OUTCOMES: Final = ("approved", "rejected", "held")
VIOLATIONS: Final = (*RULES, "arithmetic_overflow", "engine_halted")
SEVERITIES: Final = ("info", "warning", "critical")
NOTICE_CODES: Final = MappingProxyType(
    {
        "breaker_ending": "info",
        "drawdown": "critical",
        "drawdown_ended": "info",
        "exits_only": "critical",
        "exits_only_ended": "info",
        "feed_returned": "info",
        "feed_suspended": "critical",
        "graduated": "info",
        "guard_back": "info",
        "guard_failed": "critical",
        "model_idle": "warning",
        "model_reviewed": "info",
        "reconciled": "info",
        "reconciliation": "critical",
        "trailed_stop": "info",
        "withdrawal_paid": "info",
        "withdrawal_refused": "warning",
        "withdrawal_slow": "warning",
        "withdrawal_unpaid": "critical",
    }
)
CHUNK: Final = 100  # records of one read: a read holds up the other threads of the process for about a millisecond


class Counts:
    """The totals of one vault up to the record `sequence`.

    >>> counts = Counts()
    >>> counts.fold({"sequence": 7, "kind": "trip", "breaker": "drawdown"})
    >>> counts.sequence, counts.trips["drawdown"]
    (7, 1)
    """

    def __init__(self) -> None:
        self.sequence = 0
        self.is_whole = False
        self.decisions: Counter[str] = Counter()
        self.holds = 0
        self.violations: Counter[str] = Counter()
        self.trips: Counter[str] = Counter()
        self.notices: Counter[tuple[str, str]] = Counter()
        self.confidence: float | None = None
        self._notice = 0

    def read(self, gate: Gate, journal: Path, until: float) -> int:
        """Count what the journal holds by now; after `until` (of the monotonic clock) one chunk at the most.

        How many records are left. `is_whole` once none was, since from then on the counters only follow.
        """
        target = gate.sequence
        if 0 < target - self.sequence <= CHUNK:
            self.fold_all(gate.events(since=self.sequence))
        elif target > self.sequence:
            reader = JournalReader(journal)
            while self.sequence < target and (records := reader.events(self.sequence, CHUNK)):
                self.fold_all(records)
                if monotonic() >= until:
                    break
        self.is_whole |= self.sequence >= target
        return max(0, target - self.sequence)

    def fold_all(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Count records, in order."""
        for record in records:
            self.fold(record)

    def fold(self, record: Mapping[str, Any]) -> None:
        """Count one record."""
        match record["kind"]:
            case "decision":
                self.decisions[one_of(record["outcome"], OUTCOMES)] += 1
                self.violations.update(one_of(one["rule"], VIOLATIONS) for one in record["violations"])
                if record["origin"] == "agent":
                    self.confidence = float(record["order"]["confidence"])
            case "hold":
                self.holds += 1
                self.confidence = float(record["confidence"])
            case "trip":
                self.trips[one_of(record["breaker"], BREAKERS)] += 1
            case "note" if record["topic"] == NOTICES:
                self._fold_notices(record["text"])
        self.sequence = record["sequence"]

    def _fold_notices(self, text: str) -> None:
        """Each notice is in the note that was written when it was added, and in each one until somebody took it."""
        try:
            new = [one for one in json.loads(text)["waiting"] if one["number"] > self._notice]
            self.notices.update((one_of(one["code"], NOTICE_CODES), one_of(one["severity"], SEVERITIES)) for one in new)
            self._notice = max([self._notice, *(one["number"] for one in new)])
        except (ValueError, KeyError, TypeError):
            return  # a note by that name which no vault wrote
