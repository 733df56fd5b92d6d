"""From a strategy's answer to an order at the venue: through the gate, with what came of it on record."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Final

from gxrisk._native import AgentGate, ApprovalError, Decision, Gate, GxriskError, InvalidOrder, Order
from gxrisk.agent.asking import said
from gxrisk.agent.strategy import Action, Close, Hold, Objection, Open, Portfolio, Strategy, Verdict, View
from gxrisk.protection.pipeline import GATE, Assessment
from gxrisk.protection.pipeline_reasoning import explained, refusal
from gxrisk.tracing import span
from gxrisk.vaults.asking import Asking, silence
from gxrisk.vaults.consensus import Consensus
from gxrisk.vaults.protecting import Protection
from gxrisk.vaults.timings import Timings
from gxrisk.venues.protocol import Account

SIZE_RULES: Final = frozenset(
    {"leverage", "position_size", "concentration", "correlated_exposure", "stop_risk_budget", "order_notional"}
)
PROPOSALS_MAX: Final = 3


class Proposer:
    """A strategy at its gate and venue. Whatever goes wrong in the strategy becomes a recorded hold.

    Answers are carried out in the vault's `turn`; strategy and guards think outside of it, so that marks do not wait
    for them. What came of its last order in an asset is the `verdict` of its next view; that is not kept over a
    restart. With `protection` the guards see each opening before the gate: what they refuse is a hold on record, and
    exits never come before them.
    """

    def __init__(
        self,
        strategy: Strategy,
        gate: Gate,
        account: Account,
        turn: asyncio.Lock,
        *,
        protection: Protection | None = None,
        timings: Timings | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self.account = account
        self.asking = Asking(strategy, timeout_s)
        self._gate = gate
        self._turn = turn
        self._protection = protection
        self._timings = timings or Timings()
        self._consensus = Consensus(gate)
        self._verdicts: dict[str, Verdict] = {}

    def portfolio(self) -> Portfolio:
        """The account as the strategy may see it."""
        snapshot = self._gate.snapshot()
        stops = {asset: one.stop_loss for asset, one in snapshot.positions.items() if one.stop_loss is not None}
        positions = dict(snapshot.positions)
        return Portfolio(snapshot.equity, positions, stops, snapshot.state, self._consensus.is_required())

    async def ask(self, view: View) -> Decision:
        """Ask the strategy about one asset and carry its answer out; the last decision that is on record for it.

        All answers to one question, of which there are at most three, come within the time for one.
        """
        until = asyncio.get_running_loop().time() + self.asking.timeout_s
        for proposal in range(1, PROPOSALS_MAX + 1):
            verdict = self._verdicts.get(view.asset)
            view = replace(view, portfolio=self.portfolio(), verdict=verdict)
            action = await self.asking.answer(view, until)
            found = await self._assessed(view, action)
            async with self._turn:
                decision, ask_again = await self._carry_out(view.asset, action, found)
            if not ask_again or proposal == PROPOSALS_MAX:
                break
        return decision

    async def propose(self, order: Order, *, resize: bool = False, guards: tuple[Objection, ...] = ()) -> Decision:
        """Put an order before the gate, once more at the largest size where it was too large, and send it on.

        `guards` are those that changed it before.
        """
        with span("propose", asset=order.asset, side=order.side, reduce_only=order.reduce_only) as step:
            decision, quantity_max = self._judged(order)
            if resize and quantity_max > 0 and is_only_too_large(decision):
                order = order.replace(quantity=min(quantity_max, order.quantity), client_order_id=None)
                decision, quantity_max = self._judged(order)
            self._verdicts[order.asset] = Verdict(order, decision.outcome, decision.violations, quantity_max, guards)
            rules = ",".join(one.rule for one in decision.violations)
            step.tell(outcome=decision.outcome, order_id=decision.order_id, rules=rules or None)
            if decision.approval is not None:
                with span("submit", order_id=decision.order_id), self._timings.venue.measure():
                    await send(decision, self.account)
        return decision

    async def _assessed(self, view: View, action: Action) -> Assessment | None:
        """What the guards leave of an opening; None where nothing is to be asked of them."""
        if self._protection is None or not isinstance(action, Open):
            return None
        try:
            order = action.order(view.asset)
        except Exception:  # its fields may be anything: carrying it out says what is wrong
            return None
        return None if order.reduce_only else await self._protection.assess(order, view)

    async def _carry_out(self, asset: str, action: Action, found: Assessment | None) -> tuple[Decision, bool]:
        """The decision on an answer, and whether the strategy is to be asked again."""
        # Stops may have closed the position while the strategy thought.
        position = Decimal(self._gate.snapshot().positions.get(asset, 0))
        if isinstance(action, Close) and not position:
            action = Hold(action.confidence, action.reasoning)
        if isinstance(action, Hold):
            return self._hold(asset, action), False
        try:
            order = _order(asset, action, position)
            resize = isinstance(action, Open) and bool(action.resize)
            ask_again = isinstance(action, Open) and bool(action.ask_again)
        except Exception as error:  # its fields may be anything
            malformed = silence(f"the strategy's {type(action).__name__} is malformed: {said(error)}")
            return self._hold(asset, malformed), False
        if self._protection is None or order.reduce_only:
            decision = await self.propose(order, resize=resize)
            return decision, ask_again and not decision
        if found is None:  # it became an order only after it was asked about: nobody has judged it
            return self._hold(asset, silence("the order is not the one that the guards were asked about")), False
        if found.refused_by not in (None, GATE):
            self._verdicts[asset] = Verdict(order, "held", (), found.quantity_max, found.objections)
            held = self._hold(asset, Hold(float(order.confidence), refusal(order, found)))
            return held, ask_again and found.quantity_max > 0
        decision = await self.propose(explained(found), resize=resize, guards=found.objections)
        return decision, ask_again and not decision

    def _judged(self, order: Order) -> tuple[Decision, Decimal]:
        """The gate's decision, and the largest quantity of the order that passes."""
        # One native call decides and waits for the record, so that no caller can come between; neither can a span.
        with span("authorize") as step, self._timings.decision.measure():
            decision = self._gate.authorize(order)
            step.tell(outcome=decision.outcome, sequence=decision.sequence)
        return decision, order.quantity if decision else largest(self._gate, order)

    def _hold(self, asset: str, hold: Hold) -> Decision:
        try:
            with span("hold", asset=asset), self._timings.journal.measure():
                return self._gate.hold(hold.confidence, hold.reasoning, asset=asset)
        except InvalidOrder as error:
            malformed = silence(f"the strategy's Hold is malformed: {error}")
            return self._gate.hold(malformed.confidence, malformed.reasoning, asset=asset)


async def send(decision: Decision, account: Account) -> None:
    """Take an approval to the venue. One that may no longer be used stays on record as such, and ends by itself."""
    if decision.approval is None:
        return
    try:
        await account.submit(decision.approval)
    except ApprovalError:
        # The vault became stricter in between: the reservation ends with the approval.
        return


def _order(asset: str, action: Open | Close, position: Decimal) -> Order:
    if isinstance(action, Close):
        return exit_order(asset, position, action.confidence, action.reasoning)
    return action.order(asset)


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


def largest(gate: Gate | AgentGate, order: Order) -> Decimal:
    """The largest quantity of a refused order that would pass, 0 where none would or nobody can tell."""
    try:
        return gate.max_quantity(order)
    except GxriskError:
        return Decimal(0)


def is_only_too_large(decision: Decision) -> bool:
    """Whether an order was refused for its size and for nothing else."""
    return decision.outcome == "rejected" and all(one.rule in SIZE_RULES for one in decision.violations)
