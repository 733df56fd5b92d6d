"""What a vault's journal says of its model: each round trip with the confidence that it was opened with."""

import json
from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from statistics import median
from typing import Any, Final

from gxrisk._native import Gate, VaultError
from gxrisk.protection.health import HealthChange, HealthMonitor
from gxrisk.protection.health_settings import HealthSettings
from gxrisk.protection.health_vitals import ClosedTrade
from gxrisk.protection.pipeline import Record
from gxrisk.vaults.performance import EXACT
from gxrisk.vaults.round_trips import RoundTrip, RoundTrips
from gxrisk.vaults.settings import TOPIC as SETTINGS

REVIEW: Final = "model_review"
TRADES_MAX: Final = 200
_CONFIDENCES_MAX: Final = 128  # of openings that may still be filled: more than may work at once
_NS_PER_MS: Final = 1_000_000


class TrackRecord:
    """The fold of a vault's journal that knows the model's last trades and its health.

    A record belongs to one strategy version: a `vault` note that names another begins a new one, and so does a person's
    review (the note `model_review`); what was opened before counts for neither. `to_json` and `from_json` give what
    folding everything would have given. Equity before a trade is what was paid in and earned by then: the gain of what
    is still held is left out.

    >>> from gxrisk import Limits, ManualClock, order
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    >>> gate.deposit(10_000)
    >>> _ = gate.mark("BTC", 100, atr=1)
    >>> opening = gate.authorize(order("BTC", "buy", 2, confidence=0.7, reasoning="cheap", stop_loss=98))
    >>> _ = gate.apply_fill(opening.order_id, "1", 2, 100, fee=1)
    >>> closing = gate.authorize(order("BTC", "sell", 2, confidence=1, reasoning="dear", reduce_only=True))
    >>> _ = gate.apply_fill(closing.order_id, "2", 2, 103, fee=1)
    >>> record = TrackRecord()
    >>> _ = record.catch_up(gate)
    >>> record.record.returns, record.record.health.vitals.confidence
    ((0.02,), 0.7)
    """

    def __init__(self, settings: HealthSettings | None = None) -> None:
        self.sequence = 0
        self._settings = settings
        self._strategy: Any = None
        self._balance = Decimal(0)
        self._round_trips = RoundTrips()
        self._confidences: dict[int, float] = {}  # by the decision that opened
        self._begin(0)

    def _begin(self, sequence: int) -> None:
        self._began = sequence
        self._trades: deque[tuple[float, float]] = deque(maxlen=TRADES_MAX)  # return, seconds
        self._health = HealthMonitor(self._settings)

    @property
    def record(self) -> Record:
        """As the pipeline's guards have it."""
        if not self._trades:
            return Record()
        returns = tuple(one for one, _ in self._trades)
        return Record(returns, median(seconds for _, seconds in self._trades), self._health.health)

    def catch_up(self, gate: Gate) -> tuple[HealthChange, ...]:
        """Fold what the journal holds beyond what was folded; what changed in the model's health."""
        changes: list[HealthChange] = []
        if gate.sequence > self.sequence:
            for event in gate.events(since=self.sequence):
                changes += self.fold(event)
        return tuple(changes)

    def fold(self, event: Mapping[str, Any]) -> tuple[HealthChange, ...]:
        """Take one event; one that was taken already changes nothing."""
        if event["sequence"] <= self.sequence:
            return ()
        self.sequence = event["sequence"]
        match event["kind"]:
            case "flow" | "funding":
                self._balance = EXACT.add(self._balance, event["amount"])
            case "withdrawal":
                self._balance = EXACT.subtract(self._balance, event["amount"])
            case "decision" if event["outcome"] == "approved" and not event["order"]["reduce_only"]:
                self._confidences[self.sequence] = float(event["order"]["confidence"])
            case "fill":
                return self._fill(event)
            case "note" if event["topic"] == REVIEW:
                self._begin(self.sequence)
            case "note" if event["topic"] == SETTINGS and event["text"]:
                strategy = json.loads(event["text"])["strategy"]
                if self._strategy not in (None, strategy):
                    self._begin(self.sequence)
                self._strategy = strategy
        return ()

    def _fill(self, event: Mapping[str, Any]) -> tuple[HealthChange, ...]:
        trip = self._round_trips.fold(event)
        if trip is None:
            return ()
        before = self._balance
        self._balance = EXACT.add(before, trip.profit)
        confidence = self._confidences.pop(trip.decision, None) if trip.decision is not None else None
        self._forget()
        if trip.opened <= self._began:
            return ()
        self._trades.append((_return(trip), trip.duration_s))
        closed = ClosedTrade(
            trip.closed_ns // _NS_PER_MS, float(trip.profit), float(before), max(trip.duration_s, 0.0), confidence
        )
        return self._health.take(closed).changes

    def _forget(self) -> None:
        """Openings that were never filled: the oldest, but of what is held."""
        held = {one.decision for one in self._round_trips.held.values()}
        waiting = [one for one in self._confidences if one not in held]
        for sequence in waiting[: max(0, len(waiting) - _CONFIDENCES_MAX)]:
            del self._confidences[sequence]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "sequence": self.sequence,
            "began": self._began,
            "strategy": self._strategy,
            "balance": str(self._balance),
            "trades": [list(one) for one in self._trades],
            "health": self._health.to_json(),
            "held": self._round_trips.to_rows(),
            "confidences": list(self._confidences.items()),
        }

    @classmethod
    def of_dict(cls, kept: Mapping[str, Any], settings: HealthSettings | None = None) -> "TrackRecord":
        """The inverse of `to_dict`. Raises `VaultError` for anything else."""
        made = cls(settings)
        try:
            made.sequence, made._began, made._strategy = int(kept["sequence"]), int(kept["began"]), kept["strategy"]
            made._balance = Decimal(kept["balance"])
            made._trades.extend((float(one), float(seconds)) for one, seconds in kept["trades"])
            made._health = HealthMonitor.from_json(kept["health"], settings)
            made._round_trips = RoundTrips.of_rows(kept["held"])
            made._confidences = {int(one): float(said) for one, said in kept["confidences"]}
        except (ValueError, TypeError, KeyError, ArithmeticError) as error:
            raise VaultError(f"the journal's track record is damaged: {type(error).__name__}: {error}") from error
        return made


def _return(trip: RoundTrip) -> float:
    return float(EXACT.divide(trip.profit, trip.entry_value)) if trip.entry_value else 0.0
