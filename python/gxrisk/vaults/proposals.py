"""From a strategy's answer to an order at the venue: through the gate, with what came of it on record."""

import asyncio
import inspect
from collections.abc import Awaitable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk._native import ApprovalError, Decision, Gate, InvalidOrder, Order
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
        if isinstance(action, Hold):
            return self._hold(view.asset, action)
        try:
            order = _order(view.asset, action, position)
            resize = isinstance(action, Open) and bool(action.resize)
        except Exception as error:  # its fields may be anything
            malformed = _silence(f"the strategy's {type(action).__name__} is malformed: {_said(error)}")
            return self._hold(view.asset, malformed)
        return await self.propose(order, resize=resize)

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
                answer = await self._awaited(answer)
        except (Exception, SystemExit) as error:
            return _silence(f"the strategy raised {type(error).__name__}: {_said(error)}")
        if not isinstance(answer, Open | Close | Hold):
            return _silence(f"the strategy answered {type(answer).__name__}, not Open, Close or Hold")
        return answer

    async def _awaited(self, answer: Awaitable[Action]) -> Action:
        """The answer in time. A strategy that refuses to be cancelled is left behind, not waited for."""
        task = asyncio.ensure_future(_contained(answer))
        try:
            await asyncio.wait({task}, timeout=self.timeout_s)
        finally:
            is_late = task.cancel()
        return _silence(f"the strategy gave no answer within {self.timeout_s:g} s") if is_late else task.result()

    def _hold(self, asset: str, hold: Hold) -> Decision:
        try:
            return self.gate.hold(hold.confidence, hold.reasoning, asset=asset)
        except InvalidOrder as error:
            malformed = _silence(f"the strategy's Hold is malformed: {error}")
            return self.gate.hold(malformed.confidence, malformed.reasoning, asset=asset)


async def send(decision: Decision, account: Account) -> None:
    """Take an approval to the venue. One that may no longer be used stays on record as such, and ends by itself."""
    if decision.approval is None:
        return
    try:
        await account.submit(decision.approval)
    except ApprovalError:
        # The vault became stricter in between: the reservation ends with the approval.
        return


async def _contained(answer: Awaitable[Action]) -> Action:
    """The answer as a result in any case: what is no `Exception` would end the event loop, and with it every vault."""
    try:
        return await answer
    except SystemExit as error:
        return _silence(f"the strategy raised SystemExit: {_said(error)}")
    except asyncio.CancelledError:
        return _silence("the strategy was cancelled, or cancelled itself")
    except Exception as error:
        return _silence(f"the strategy raised {type(error).__name__}: {_said(error)}")


def _silence(reasoning: str) -> Hold:
    return Hold(0.0, reasoning.encode("utf-8", "replace").decode()[:REASONING_CHARS_MAX])


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message raised too)"


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
