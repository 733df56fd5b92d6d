"""A vault behind its gate: the model holds the agent's handle, the venue takes approvals only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from gxrisk._native import ApprovalError, Decision, Gate, Limits, ManualClock, Order, Trip
from gxrisk.agent.strategy import Hold, Strategy, Verdict
from gxrisk.feeds.candles import Candle
from gxrisk.replay.costs import UNIT, Costs, ReplayError
from gxrisk.replay.desk import Desk, Working
from gxrisk.replay.result import BreakerTrip, VaultResult
from gxrisk.vaults.consensus import Consensus
from gxrisk.vaults.proposals import is_only_too_large, largest

_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class VaultPlan:
    """A vault to be replayed: its name, its limits, and the file that keeps its records, if any."""

    name: str
    limits: Limits
    journal: Path | None = None


class GatedDesk(Desk):
    """One gate with a manual clock. Only bar closes are marked: a bar's low and high have no time of their own."""

    def __init__(
        self,
        plan: VaultPlan,
        model: Strategy,
        costs: Costs,
        deposit: Decimal,
        start_ms: int,
        groups: Mapping[str, list[str]],
    ) -> None:
        super().__init__(plan.name, model, costs, deposit)
        self._clock = ManualClock(start_ms * _NS_PER_MS)
        self.gate = Gate(plan.name, plan.limits, clock=self._clock, journal=plan.journal)
        self._agent = self.gate.agent()
        self._consensus = Consensus(self.gate)
        if groups:
            self.gate.set_correlation_groups(groups)
        self.gate.deposit(deposit)
        self._limits = plan.limits
        self._current: dict[str, Trip] = {}
        self._ended: list[BreakerTrip] = []

    def advance(self, at_ms: int) -> None:
        """Bring the gate to `at_ms`, so that timed breakers end and silence is noticed."""
        self._clock.set(at_ms * _NS_PER_MS)
        self._watch()

    def equity(self) -> Decimal:
        """Equity as the gate has it, 0 once liquidated."""
        if self.tally.liquidated is not None:
            return Decimal(0)
        equity: Decimal = self._agent.snapshot().equity
        return equity

    def result(self) -> VaultResult:
        """What the vault came to."""
        self._watch()
        still = tuple(_recorded(trip, None) for trip in self._current.values())
        trips = tuple(sorted((*self._ended, *still), key=lambda trip: (trip.since, trip.breaker)))
        limits = {name: str(value) for name, value in self._limits.to_dict().items() if value is not None}
        return self.tally.result(self.name, self.equity(), self.account.fees, trips, limits)

    def _state(self) -> str:
        return self._agent.state

    def _mark(self, candle: Candle, atr: float | None) -> None:
        known = atr if atr is not None and atr >= UNIT else None
        self.gate.mark(candle.asset, candle.close, atr=known, at=candle.end_ms * _NS_PER_MS)
        self._watch()

    def _is_consensus_required(self) -> bool:
        return self._consensus.is_required()

    def _propose(self, order: Order, resize: bool) -> Working | None:
        decision, quantity_max = self._judged(order)
        if resize and quantity_max > 0 and is_only_too_large(decision):
            order = order.replace(quantity=quantity_max)
            decision, quantity_max = self._judged(order)
            self.tally.resized += bool(decision)
        self._verdicts[order.asset] = Verdict(order, decision.outcome, decision.violations, quantity_max)
        if not decision:
            return None
        self.tally.approved += 1
        return self._sent(order, decision)

    def _judged(self, order: Order) -> tuple[Decision, Decimal]:
        """The gate's decision, which is counted where it is a refusal, and the largest quantity that passes."""
        decision = self._agent.authorize(order)
        if decision:
            return decision, order.quantity
        self._count(decision)
        return decision, largest(self._agent, order)

    def _sent(self, order: Order, decision: Decision) -> Working | None:
        """Hand the approval to the venue; an approval that may no longer be used is a cancelled order."""
        if decision.approval is None or decision.order_id is None:
            raise ReplayError(f"{self.name}: an approved decision came without an approval")
        try:
            self.gate.redeem(decision.approval)
        except ApprovalError:
            self.gate.order_cancelled(decision.order_id)
            self.tally.cancelled += 1
            return None
        self.gate.order_accepted(decision.order_id)
        self._watch()
        return Working(decision.order_id, order)

    def _protect(self, order: Order) -> Working:
        decision = self.gate.authorize(order, origin="protection")
        working = self._sent(order, decision) if decision else None
        if working is None:
            reasons = "; ".join(violation.message for violation in decision.violations)
            raise ReplayError(f"{self.name}: the gate refused an exit of protection: {reasons}")
        return working

    def _note_hold(self, asset: str, action: Hold) -> None:
        self._agent.hold(action.confidence, action.reasoning, asset=asset)

    def _book(self, working: Working, fill_id: str, price: Decimal, fee: Decimal) -> None:
        self.gate.apply_fill(working.order_id, fill_id, working.order.quantity, price, fee)
        self._watch()

    def _is_cancelled(self, working: Working) -> bool:
        """Whether the gate wants the order cancelled; the venue then confirms it."""
        wanted = {one.order_id for one in self.gate.snapshot().working if one.cancel_requested}
        if working.order_id not in wanted:
            return False
        self.gate.order_cancelled(working.order_id)
        return True

    def _count(self, decision: Decision) -> None:
        if decision.outcome == "held":
            self.tally.held += 1
        else:
            self.tally.rejected += 1
            self.tally.rejections.update(violation.rule for violation in decision.violations)

    def _watch(self) -> None:
        """Note the trips that began and those that ended since the last look."""
        trips = {trip.breaker: trip for trip in self.gate.trips}
        if not trips and not self._current:
            return
        now = self._clock.now()
        for breaker, trip in self._current.items():
            if breaker not in trips or trips[breaker].since != trip.since:
                self._ended.append(_recorded(trip, min(trip.until or now, now)))
        self._current = trips


def _recorded(trip: Trip, ended: datetime | None) -> BreakerTrip:
    return BreakerTrip(trip.breaker, trip.since, ended, trip.cause)
