"""From a strategy's answer to an order at the venue: through the gate, with what came of it on record."""

import asyncio
import inspect
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk._native import ApprovalError, Decision, Gate, Order
from gxrisk.agent.strategy import Action, Close, Hold, Open, Strategy, View
from gxrisk.venues.protocol import Account

SIZE_RULES: Final = frozenset(
    {"leverage", "position_size", "concentration", "correlated_exposure", "stop_risk_budget", "order_notional"}
)
REASONING_CHARS_MAX: Final = 4000


@dataclass(frozen=True, slots=True)
class Proposer:
    """A strategy at its gate and venue. Whatever goes wrong in the strategy becomes a recorded hold."""

    strategy: Strategy
    gate: Gate
    account: Account
    timeout_s: float = 30.0

    async def ask(self, view: View) -> Decision:
        """Ask the strategy about one asset and carry its answer out; the decision that is on record for it."""
        action = await self._answer(view)
        position = view.portfolio.quantity(view.asset)
        if isinstance(action, Close) and not position:
            action = Hold(action.confidence, action.reasoning)
        try:
            if isinstance(action, Hold):
                return self.gate.hold(action.confidence, action.reasoning)
            order = _order(view.asset, action, position)
        except (TypeError, ValueError) as error:
            return self._hold(f"the strategy's {type(action).__name__} is malformed: {error}")
        return await self.propose(order, resize=isinstance(action, Open) and action.resize)

    async def propose(self, order: Order, *, resize: bool = False) -> Decision:
        """Put an order before the gate, once more at the largest size where it was too large, and send it on."""
        decision = self.gate.authorize(order)
        if not decision and resize and _is_only_too_large(decision):
            quantity = self.gate.max_quantity(order)
            if quantity > 0:
                decision = self.gate.authorize(order.replace(quantity=quantity, client_order_id=None))
        await send(decision, self.account)
        return decision

    async def _answer(self, view: View) -> Action:
        try:
            answer = self.strategy.decide(view)
            if inspect.isawaitable(answer):
                answer = await asyncio.wait_for(answer, self.timeout_s)
        except TimeoutError:
            return _silence(f"the strategy gave no answer within {self.timeout_s:g} s")
        except Exception as error:
            return _silence(f"the strategy raised {type(error).__name__}: {error}")
        if not isinstance(answer, Open | Close | Hold):
            return _silence(f"the strategy answered {type(answer).__name__}, not Open, Close or Hold")
        return answer

    def _hold(self, reasoning: str) -> Decision:
        hold = _silence(reasoning)
        return self.gate.hold(hold.confidence, hold.reasoning)


async def send(decision: Decision, account: Account) -> None:
    """Take an approval to the venue. One that may no longer be used stays on record as such, and ends by itself."""
    if decision.approval is None:
        return
    try:
        await account.submit(decision.approval)
    except ApprovalError:
        # The vault became stricter in between: the reservation ends with the approval.
        return


def _silence(reasoning: str) -> Hold:
    return Hold(0.0, reasoning[:REASONING_CHARS_MAX])


def _order(asset: str, action: Open | Close, position: Decimal) -> Order:
    if isinstance(action, Close):
        return exit_order(asset, position, action.confidence, action.reasoning)
    return Order(
        asset,
        action.side,
        action.quantity,
        confidence=action.confidence,
        reasoning=action.reasoning,
        price=action.price,
        leverage=action.leverage,
        stop_loss=action.stop_loss,
        take_profit=action.take_profit,
    )


def exit_order(
    asset: str, position: Decimal, confidence: float, reasoning: str, client_order_id: str | None = None
) -> Order:
    """The market order that closes a whole position."""
    return Order(
        asset,
        "sell" if position > 0 else "buy",
        abs(position),
        confidence=confidence,
        reasoning=reasoning,
        reduce_only=True,
        client_order_id=client_order_id,
    )


def _is_only_too_large(decision: Decision) -> bool:
    return decision.outcome == "rejected" and all(one.rule in SIZE_RULES for one in decision.violations)
