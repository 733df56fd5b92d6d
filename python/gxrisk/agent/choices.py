"""What a learner may choose from: a numbered table of actions."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from gxrisk.agent.opening import opening
from gxrisk.agent.strategy import Action, Close, Hold, Open, View


@dataclass(frozen=True, slots=True)
class Choice:
    """One numbered action. An opening has a side, a fraction of equity and a confidence; the others have none of these.

    An opening is unlevered, at the market, with its stop-loss `stop_atr` average true ranges from the close.
    """

    kind: Literal["hold", "close", "open"]
    side: Literal["buy", "sell"] = "buy"
    fraction: Decimal = Decimal(0)
    confidence: float = 1.0
    stop_atr: float = 2.0

    def action(self, view: View) -> Action:
        """The action for a view; an opening for which there is no room (no price range, no equity) is a hold."""
        if self.kind == "hold":
            return Hold(self.confidence, "chosen: hold")
        if self.kind == "close":
            return Close(self.confidence, "chosen: close")
        found = opening(view, self.side, self.fraction, self.stop_atr)
        if found is None:
            return Hold(self.confidence, f"chosen: {self}, but there is no room for a position with a stop")
        return Open(self.side, found.quantity, self.confidence, f"chosen: {self}", stop_loss=found.stop_loss)

    def __str__(self) -> str:
        if self.kind != "open":
            return self.kind
        return f"{self.side} {self.fraction:%} of equity, confidence {self.confidence:g}"


def choices(
    fractions: Sequence[Decimal], confidences: Sequence[float], stop_atr: float, min_confidence: Decimal
) -> tuple[Choice, ...]:
    """Hold, close, then for each side every fraction at every confidence, the smallest of both first.

    An opening below `min_confidence` is held whatever its size, so of these there is one a side.

    >>> for number, choice in enumerate(choices([Decimal("0.1"), Decimal("0.2")], [0.1, 0.9], 2, Decimal("0.3"))):
    ...     print(number, choice)
    0 hold
    1 close
    2 buy 10% of equity, confidence 0.1
    3 buy 10% of equity, confidence 0.9
    4 buy 20% of equity, confidence 0.9
    5 sell 10% of equity, confidence 0.1
    6 sell 10% of equity, confidence 0.9
    7 sell 20% of equity, confidence 0.9
    """
    smallest = min(fractions)
    openings = [
        Choice("open", side, fraction, confidence, stop_atr)
        for side in ("buy", "sell")
        for fraction in sorted(fractions)
        for confidence in sorted(confidences)
        if fraction == smallest or Decimal(str(confidence)) >= min_confidence
    ]
    return (Choice("hold"), Choice("close"), *openings)
