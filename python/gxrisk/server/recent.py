"""A vault's last decisions, followed record by record: enough for an overview that asks no database."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gxrisk._native import Gate, JournalReader

CONFIDENCES: Final = 20  # decisions and holds of the agent that the mean is of
LOOKED_BACK: Final = 200  # records of a vault that is seen for the first time
CHUNK: Final = 200  # records of one read, which holds up other threads for about a millisecond


@dataclass(frozen=True, slots=True)
class LastDecision:
    """The newest decision or hold; `rules` are those that it violated."""

    sequence: int
    time_ns: int
    outcome: str
    asset: str | None
    side: str | None
    rules: tuple[str, ...]


class Recent:
    """The last decisions of one vault up to the record `sequence`.

    Of what was before this process the last 200 records are looked at, so that the first look at a long journal costs
    no more than that.

    >>> recent = Recent()
    >>> recent.fold({"sequence": 7, "time_ns": 1, "kind": "hold", "asset": None, "confidence": "0.4"})
    >>> recent.last.outcome, recent.confidence
    ('held', 0.4)
    """

    def __init__(self) -> None:
        self.sequence = 0
        self.last: LastDecision | None = None
        self._confidences: deque[float] = deque(maxlen=CONFIDENCES)

    @property
    def confidence(self) -> float | None:
        """The mean of what the agent said last; None where it said nothing yet."""
        return sum(self._confidences) / len(self._confidences) if self._confidences else None

    def read(self, gate: Gate, journal: Path) -> None:
        """Take what is new."""
        target = gate.sequence
        if target < self.sequence:  # another journal: it was put back from a copy
            self.__init__()  # type: ignore[misc]
        if target == self.sequence:
            return
        self.sequence = max(self.sequence, target - LOOKED_BACK if self.sequence == 0 else 0)
        reader = JournalReader(journal)
        while self.sequence < target and (records := reader.events(self.sequence, CHUNK)):
            for record in records:
                self.fold(record)

    def fold(self, record: Mapping[str, Any]) -> None:
        """Take one record."""
        self.sequence = record["sequence"]
        match record["kind"]:
            case "hold":
                self._confidences.append(float(record["confidence"]))
                self.last = LastDecision(self.sequence, record["time_ns"], "held", record["asset"], None, ())
            case "decision":
                order = record["order"]
                if record["origin"] == "agent":
                    self._confidences.append(float(order["confidence"]))
                rules = tuple(one["rule"] for one in record["violations"])
                self.last = LastDecision(
                    self.sequence, record["time_ns"], record["outcome"], order["asset"], order["side"], rules
                )
