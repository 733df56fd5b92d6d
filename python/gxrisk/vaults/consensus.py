"""Whether a vault's model may decide alone: not after a losing streak, until a trade that was opened since has won."""

import json
from collections.abc import Mapping
from typing import Any, Final

from gxrisk._native import Gate, VaultError
from gxrisk.vaults.round_trips import RoundTrips

TOPIC: Final = "consensus"
KEPT_EVERY: Final = 10_000  # records; so many are folded anew at an opening, at the most


class Consensus:
    """The fold of a gate's journal that knows of `consecutive_losses` and of what has won since.

    The journal is the truth, and the note `consensus` only spares reading all of it again: written when the answer
    changes, and now and then. Raises `VaultError` where the note is damaged.

    >>> from gxrisk import Limits, ManualClock
    >>> Consensus(Gate("demo", Limits.for_tier("growth"), clock=ManualClock(0))).is_required()
    False
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._sequence = 0
        self._tripped: int | None = None  # the record of the last trip, until something won
        self._round_trips = RoundTrips()
        if TOPIC in gate.notes:
            self._resume(gate.notes[TOPIC])
        self._kept = self._sequence

    def is_required(self) -> bool:
        """Whether consensus is required now."""
        if self._gate.sequence > self._sequence:
            before = self._tripped
            for event in self._gate.events(since=self._sequence):
                self._fold(event)
            if self._tripped != before or self._sequence - self._kept >= KEPT_EVERY:
                self._keep()
        return self._tripped is not None

    def _fold(self, event: Mapping[str, Any]) -> None:
        self._sequence = event["sequence"]
        match event["kind"]:
            case "trip" if event["breaker"] == "consecutive_losses":
                self._tripped = self._sequence
            case "fill":
                ended = self._round_trips.fold(event)
                # What was opened before the trip may win by itself, and shows nothing of what was agreed on since.
                if ended is not None and self._tripped is not None and ended.profit > 0:
                    self._tripped = self._tripped if ended.opened < self._tripped else None

    def _keep(self) -> None:
        held = self._round_trips.to_rows()
        self._gate.note(TOPIC, json.dumps({"sequence": self._sequence, "tripped": self._tripped, "held": held}))
        self._kept = self._sequence

    def _resume(self, text: str) -> None:
        try:
            kept = json.loads(text)
            self._sequence, self._tripped = int(kept["sequence"]), kept["tripped"]
            self._round_trips = RoundTrips.of_rows(kept["held"])
        except (ValueError, TypeError, KeyError, ArithmeticError) as error:
            raise VaultError(f"the journal's note {TOPIC!r} is damaged: {type(error).__name__}: {error}") from error
