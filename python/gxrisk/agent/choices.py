"""What a learner may choose from: a numbered table of actions."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final, Literal

from gxrisk.agent.strategy import Action, Close, Hold, Open, View

_UNIT: Final = Decimal("1e-9")


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
        close = view.candles[-1].close
        distance = self.stop_atr * (view.atr or 0.0)
        stop_loss = float(close) - distance if self.side == "buy" else float(close) + distance
        quantity = (view.portfolio.equity * self.fraction / close).quantize(_UNIT, rounding=ROUND_DOWN)
        if quantity <= 0 or distance <= 0 or stop_loss <= float(_UNIT):
            return Hold(self.confidence, f"chosen: {self}, but there is no room for a position with a stop")
        return Open(self.side, quantity, self.confidence, f"chosen: {self}", stop_loss=stop_loss)

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
