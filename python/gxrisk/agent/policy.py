"""The hold policy: a model that is not sure enough does nothing, and the record says what it would have done."""

import inspect
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk._native import InvalidOrder, Limits
from gxrisk.agent.closing import close_strategy
from gxrisk.agent.strategy import REASONING_CHARS_MAX, Action, Hold, ModelError, Open, Strategy, View

MIN_CONFIDENCE: Final = Limits.for_tier("growth").min_confidence
_NUMBER: Final = r"[0-9]+(?:\.[0-9]+)?"
_WISH: Final = re.compile(
    rf"not sure enough \({_NUMBER} of {_NUMBER}\), else: "
    rf"(?P<side>buy|sell) (?P<quantity>{_NUMBER}) (?P<asset>[!-~]{{1,64}}), "
    rf"price (?P<price>{_NUMBER}|market), stop-loss (?P<stop>{_NUMBER}|none), leverage (?P<leverage>{_NUMBER}); "
)


class HoldPolicy:
    """A strategy of which every opening with a confidence below `min_confidence` becomes a hold, before the gate.

    The hold keeps the opening's confidence, and its reasoning begins with what would have been done: side, quantity,
    asset, price, stop-loss, leverage (`Wish`), then the model's own words, cut to 4,000 characters in all. Closes,
    holds and malformed answers go on as they are: to leave is never held up, and what is malformed is reported as that.

    The threshold is the gate's `Limits.min_confidence`, compared as the gate does: to nine digits, below it holds. The
    gate holds what comes without a policy, so a lower threshold here changes nothing and a higher one is stricter. An
    opening is held in one place: what the policy holds never reaches the gate as an order, takes no token of
    `order_rate`, uses up no id and counts as no refusal.

    The strategy may answer at once or later, and so does this one. Raises `ModelError` for a threshold that is not
    between 0 and 1.

    >>> from gxrisk.agent.strategy import Portfolio
    >>> class Timid:
    ...     def decide(self, view: View) -> Action:
    ...         return Open("buy", 2, 0.2, "a feeling", stop_loss=98)
    >>> view = View("BTC", None, (), None, Portfolio(Decimal(1000)))
    >>> held = HoldPolicy(Timid()).decide(view)
    >>> held.confidence, held.reasoning
    (0.2, 'not sure enough (0.2 of 0.3), else: buy 2 BTC, price market, stop-loss 98, leverage 1; a feeling')
    """

    def __init__(self, strategy: Strategy, min_confidence: Decimal | float = MIN_CONFIDENCE) -> None:
        if not 0 <= float(min_confidence) <= 1:  # false for NaN, too
            raise ModelError(f"min_confidence: {min_confidence} was given, 0 to 1 is allowed")
        self.strategy = strategy
        self.min_confidence = round(Decimal(str(min_confidence)), 9).normalize()

    def decide(self, view: View) -> Action | Awaitable[Action]:
        """The strategy's answer, or the hold in its place."""
        answer = self.strategy.decide(view)
        if inspect.isawaitable(answer):
            return self._later(view.asset, answer)
        return self._judged(view.asset, answer)

    async def aclose(self) -> None:
        """Close the strategy."""
        await close_strategy(self.strategy)

    async def _later(self, asset: str, answer: Awaitable[Action]) -> Action:
        return self._judged(asset, await answer)

    def _judged(self, asset: str, action: Action) -> Action:
        if not isinstance(action, Open):
            return action
        try:
            wish = Wish.of(asset, action)
        except (InvalidOrder, TypeError, ValueError):
            return action
        if wish.confidence >= self.min_confidence:
            return action
        reasoning = f"not sure enough ({wish.confidence:f} of {self.min_confidence:f}), else: {wish}; "
        return Hold(action.confidence, (reasoning + action.reasoning)[:REASONING_CHARS_MAX])


@dataclass(frozen=True, slots=True)
class Wish:
    """An opening that a policy held: quantity in base units, prices in the quote currency; no `price` is the market's.

    >>> wish = Wish("BTC", "buy", Decimal(2), None, Decimal(98), Decimal(1), Decimal("0.2"))
    >>> str(wish)
    'buy 2 BTC, price market, stop-loss 98, leverage 1'
    """

    asset: str
    side: str
    quantity: Decimal
    price: Decimal | None
    stop_loss: Decimal | None
    leverage: Decimal
    confidence: Decimal

    @classmethod
    def of(cls, asset: str, action: Open) -> "Wish":
        """The opening, its numbers as the gate would take them. Raises `InvalidOrder` where it would not."""
        order = action.order(asset)
        return cls(
            asset, order.side, order.quantity, order.price, order.stop_loss, order.leverage, Decimal(order.confidence)
        )

    @classmethod
    def told(cls, reasoning: str, confidence: Decimal) -> "Wish | None":
        """What the reasoning of a policy's hold says; None for any other reasoning.

        >>> said = "not sure enough (0.2 of 0.3), else: sell 2 BTC, price 99.5, stop-loss none, leverage 1; a feeling"
        >>> str(Wish.told(said, Decimal("0.2"))), Wish.told("waits", Decimal("0.2"))
        ('sell 2 BTC, price 99.5, stop-loss none, leverage 1', None)
        """
        found = _WISH.match(reasoning)
        if found is None:
            return None
        price, stop = found["price"], found["stop"]
        return cls(
            asset=found["asset"],
            side=found["side"],
            quantity=Decimal(found["quantity"]),
            price=None if price == "market" else Decimal(price),
            stop_loss=None if stop == "none" else Decimal(stop),
            leverage=Decimal(found["leverage"]),
            confidence=confidence,
        )

    def __str__(self) -> str:
        price = "market" if self.price is None else f"{self.price:f}"
        stop = "none" if self.stop_loss is None else f"{self.stop_loss:f}"
        return (
            f"{self.side} {self.quantity:f} {self.asset}, price {price}, stop-loss {stop}, leverage {self.leverage:f}"
        )
