"""What a vault's journal says of its model: each round trip, with the confidence and the data it was opened with."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any, Final

from gxrisk._native import Gate, VaultError
from gxrisk.protection.health import HealthChange, HealthMonitor
from gxrisk.protection.health_settings import HealthSettings
from gxrisk.protection.health_vitals import ClosedTrade
from gxrisk.protection.pipeline import Record
from gxrisk.vaults.answers import Answers
from gxrisk.vaults.performance import EXACT
from gxrisk.vaults.round_trips import RoundTrip, RoundTrips
from gxrisk.vaults.settings import TOPIC as SETTINGS

REVIEW: Final = "model_review"
SCORES: Final = "feed_scores"
TRADES_MAX: Final = 200
_OPENINGS_MAX: Final = 128  # that may still be filled: more than may work at once
_NS_PER_MS: Final = 1_000_000
_Said = tuple[float | None, float | None]  # the model's confidence, the feed's score


@dataclass(frozen=True, slots=True)
class Opening:
    """What began a position: the record of its first fill, the model's confidence then (None where nobody said it)."""

    sequence: int
    confidence: float | None


class TrackRecord:
    """The fold of a vault's journal that knows the model's last trades and its health.

    A record belongs to one strategy version: a `vault` note that names another begins a new one, and so does a person's
    review (the note `model_review`); what was opened before counts for neither. The note `feed_scores` says how good
    the feed was when something was opened, by asset. `to_dict` and `of_dict` give what folding everything would have
    given. Equity before a trade is what was paid in and earned by then: the gain of what
    is still held is left out. Of the model's predictions the last `answers` are kept, none by default.

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

    def __init__(self, settings: HealthSettings | None = None, answers: int = 0) -> None:
        self.sequence = 0
        self._answers_max = answers
        self._settings = settings
        self._strategy: Any = None
        self._balance = Decimal(0)
        self._round_trips = RoundTrips()
        self._openings: dict[int, _Said] = {}  # by the decision that opened
        self._scores: dict[str, float] = {}
        self._begin(0)

    def _begin(self, sequence: int) -> None:
        self._began = sequence
        self._trades: deque[tuple[float, float]] = deque(maxlen=TRADES_MAX)  # return, seconds
        self._health = HealthMonitor(self._settings)
        self._answers = Answers(self._answers_max)

    @property
    def record(self) -> Record:
        """As the pipeline's guards have it."""
        predictions = tuple(self._answers.values)
        if not self._trades:
            return Record(predictions=predictions)
        returns = tuple(one for one, _ in self._trades)
        return Record(returns, median(seconds for _, seconds in self._trades), self._health.health, predictions)

    def opening(self, asset: str) -> Opening | None:
        """What began the position in an asset; None where nothing is held."""
        held = self._round_trips.held.get(asset)
        if held is None:
            return None
        said = None if held.decision is None else self._openings.get(held.decision)
        return Opening(held.opened, None if said is None else said[0])

    def score(self, gate: Gate, asset: str, score: float) -> None:
        """Note how good an asset's feed is as something is opened, to two digits, where that has changed."""
        seen = round(score, 2)
        if self._scores.get(asset) != seen:
            gate.note(SCORES, json.dumps(self._scores | {asset: seen}, sort_keys=True))

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
        if self._answers_max:
            self._answers.fold(event)
        match event["kind"]:
            case "flow" | "funding":
                self._balance = EXACT.add(self._balance, event["amount"])
            case "withdrawal":
                self._balance = EXACT.subtract(self._balance, event["amount"])
            case "decision" if event["outcome"] == "approved" and not event["order"]["reduce_only"]:
                order = event["order"]
                self._openings[self.sequence] = (float(order["confidence"]), self._scores.get(order["asset"]))
            case "fill":
                return self._fill(event)
            case "note" if event["topic"] == SCORES:
                self._scores = {asset: float(score) for asset, score in json.loads(event["text"]).items()}
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
        unknown: _Said = (None, None)
        said = unknown if trip.decision is None else self._openings.pop(trip.decision, unknown)
        self._forget()
        if trip.opened <= self._began:
            return ()
        self._trades.append((_return(trip), trip.duration_s))
        closed = ClosedTrade(
            trip.closed_ns // _NS_PER_MS, float(trip.profit), float(before), max(trip.duration_s, 0.0), *said
        )
        return self._health.take(closed).changes

    def _forget(self) -> None:
        """Openings that were never filled: the oldest, but of what is held."""
        held = {one.decision for one in self._round_trips.held.values()}
        waiting = [one for one in self._openings if one not in held]
        for sequence in waiting[: max(0, len(waiting) - _OPENINGS_MAX)]:
            del self._openings[sequence]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        kept: dict[str, Any] = {
            "sequence": self.sequence,
            "began": self._began,
            "strategy": self._strategy,
            "balance": str(self._balance),
            "trades": [list(one) for one in self._trades],
            "health": self._health.to_json(),
            "held": self._round_trips.to_rows(),
            "openings": [[sequence, *said] for sequence, said in self._openings.items()],
            "scores": self._scores,
        }
        return kept | {"answers": self._answers.to_dict()} if self._answers_max else kept

    @classmethod
    def of_dict(
        cls, kept: Mapping[str, Any], settings: HealthSettings | None = None, answers: int = 0
    ) -> "TrackRecord":
        """The inverse of `to_dict`. Raises `VaultError` for anything else."""
        made = cls(settings, answers)
        try:
            made.sequence, made._began, made._strategy = int(kept["sequence"]), int(kept["began"]), kept["strategy"]
            made._balance = Decimal(kept["balance"])
            made._trades.extend((float(one), float(seconds)) for one, seconds in kept["trades"])
            made._health = HealthMonitor.from_json(kept["health"], settings)
            made._round_trips = RoundTrips.of_rows(kept["held"])
            made._openings = {int(one): (_number(said), _number(score)) for one, said, score in kept["openings"]}
            made._scores = {str(asset): float(score) for asset, score in kept["scores"].items()}
            if answers and "answers" in kept:
                made._answers = Answers.of_dict(kept["answers"], answers)
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
            raise VaultError(f"the journal's track record is damaged: {type(error).__name__}: {error}") from error
        return made


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _return(trip: RoundTrip) -> float:
    return float(EXACT.divide(trip.profit, trip.entry_value)) if trip.entry_value else 0.0
