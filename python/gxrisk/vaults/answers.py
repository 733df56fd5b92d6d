"""What a vault's model asked for, as its journal has it: signed confidence, of which drift is found."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from gxrisk.agent.policy import Wish
from gxrisk.agent.predictions_entry import signed
from gxrisk.protection.pipeline_reasoning import refused_side


class Answers:
    """The fold of a journal that keeps the model's last `most` predictions, the oldest first.

    A prediction is an opening that the model asked for, whatever came of it; one that a policy or a guard held counts
    as well. Asked for again, with no hold or close about the asset in between, it is the same one: how often a model
    repeats itself depends on whether it is let in, and would make each refusal look like drift.
    """

    def __init__(self, most: int | None = None) -> None:
        self.values: deque[float] = deque(maxlen=most)
        self._sides: dict[str, str] = {}  # by asset, while the model asks for nothing else

    def fold(self, event: Mapping[str, Any]) -> None:
        """Take one event, in the journal's order."""
        match event["kind"]:
            case "hold" if event["asset"] is not None:
                self._take(event["asset"], _held_side(event), float(event["confidence"]))
            case "decision" if event["origin"] == "agent":
                order = event["order"]
                side = None if order["reduce_only"] else order["side"]
                self._take(order["asset"], side, float(order["confidence"]))

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {"values": list(self.values), "sides": self._sides}

    @classmethod
    def of_dict(cls, kept: Mapping[str, Any], most: int | None = None) -> "Answers":
        """The inverse of `to_dict`."""
        made = cls(most)
        made.values.extend(float(one) for one in kept["values"])
        made._sides = {str(asset): str(side) for asset, side in kept["sides"].items()}
        return made

    def _take(self, asset: str, side: str | None, confidence: float) -> None:
        before = self._sides.pop(asset, None)
        if side is None:
            return
        self._sides[asset] = side
        if side != before:
            self.values.append(signed(side, confidence))


def signed_predictions(events: Iterable[Mapping[str, Any]]) -> list[float]:
    """The predictions of a vault's model among a journal's events, for a reference: see `Answers`.

    >>> from gxrisk import Gate, Limits, ManualClock, order
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    >>> _ = gate.mark("BTC", 100, atr=1)
    >>> idea = order("BTC", "sell", 2, confidence=0.7, reasoning="dear", stop_loss=102)
    >>> for _ in range(3):
    ...     decision = gate.authorize(idea)
    >>> decision.outcome, signed_predictions(gate.events())
    ('rejected', [-0.7])
    """
    answers = Answers()
    for event in events:
        answers.fold(event)
    return list(answers.values)


def _held_side(event: Mapping[str, Any]) -> str | None:
    wish = Wish.told(event["reasoning"], event["confidence"])
    return refused_side(event["reasoning"]) if wish is None else wish.side
