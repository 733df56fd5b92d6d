"""What a run has met: rules, trips and ends of breakers, and the pairs of rules that one order can violate together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from .model import BREAKERS

RULES = (
    "trading_state", "duplicate_order", "unknown_asset", "stale_price", "reduce_only", "leverage", "position_size",
    "stop_loss_required", "stop_loss_distance", "daily_loss", "drawdown", "concentration", "correlated_exposure",
    "liquidation_buffer", "stop_risk_budget", "price_collar", "order_notional", "order_rate", "open_orders",
)  # fmt: skip
OPENING_ONLY = (
    "stale_price", "leverage", "position_size", "stop_loss_required", "stop_loss_distance", "daily_loss", "drawdown",
    "concentration", "correlated_exposure", "liquidation_buffer", "stop_risk_budget", "order_notional", "order_rate",
    "open_orders",
)  # fmt: skip
NEEDS_A_RIGHT_STOP = ("stop_loss_distance", "liquidation_buffer", "stop_risk_budget")


def pair(one: str, other: str) -> tuple[str, str]:
    """Two rules in the order of the table."""
    return (one, other) if RULES.index(one) < RULES.index(other) else (other, one)


# No order can violate these two at once. Every other pair must be met.
IMPOSSIBLE: dict[tuple[str, str], str] = {
    **{pair("reduce_only", rule): "an order is either reduce-only or opening" for rule in OPENING_ONLY},
    **{
        pair("stop_loss_required", rule): "it applies only to a stop on the right side, which is all that is required"
        for rule in NEEDS_A_RIGHT_STOP
    },
}
# Their breakers trip at the same threshold, so the state refuses the order, too.
NEVER_ALONE = ("daily_loss", "drawdown")
POSSIBLE = tuple(both for both in combinations(RULES, 2) if both not in IMPOSSIBLE)


@dataclass
class Counts:
    """Counters that add up over sequences and processes."""

    sequences: int = 0
    steps: int = 0
    orders: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    breakers: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, step: Mapping[str, Any], answer: Any, history: Iterable[tuple[str, str]]) -> None:
        """One step, what it answered, and the breakers that tripped or ended since the step before."""
        self.steps += 1
        self.operations[step["op"] + (" refused" if answer == "error" else "")] += 1
        self.breakers.update(history)
        if step["op"] in ("authorize", "validate_order") and isinstance(answer, dict):
            self.orders += 1
            violated = answer["violations"]
            self.outcomes[answer["outcome"]] += 1
            self.rules.update(violated)
            self.pairs.update(combinations(violated, 2))
            if len(violated) == 1:
                self.alone.update(violated)

    def merge(self, other: Counts) -> None:
        """Adds another run."""
        self.sequences += other.sequences
        self.steps += other.steps
        self.orders += other.orders
        for name in ("operations", "outcomes", "rules", "alone", "pairs", "breakers"):
            getattr(self, name).update(getattr(other, name))

    def missing(self) -> list[str]:
        """Whatever should have been met and was not."""
        events = [(event, code) for code in BREAKERS for event in ("trip", "end")]
        found = [f"rule {rule} alone" for rule in RULES if not self.alone[rule] and rule not in NEVER_ALONE]
        found += [f"pair {one} + {other}" for one, other in POSSIBLE if not self.pairs[one, other]]
        found += [f"{event} of {code}" for event, code in events if not self.breakers[event, code]]
        found += [f"outcome {outcome}" for outcome in ("approved", "rejected", "held") if not self.outcomes[outcome]]
        impossible = [both for both in self.pairs if both in IMPOSSIBLE]
        return found + [f"impossible pair {one} + {other}" for one, other in impossible]

    def lines(self) -> list[str]:
        """The counts for a person."""
        rarest = sorted(POSSIBLE, key=lambda both: self.pairs[both])[:5]
        operations = sorted(self.operations.items())
        return [
            f"{self.orders} orders in {self.steps} steps of {self.sequences} sequences: "
            + ", ".join(f"{n} {outcome}" for outcome, n in sorted(self.outcomes.items())),
            "rules (alone): " + ", ".join(f"{rule} {self.rules[rule]} ({self.alone[rule]})" for rule in RULES),
            "breakers (trips/ends): "
            + ", ".join(f"{b} {self.breakers['trip', b]}/{self.breakers['end', b]}" for b in BREAKERS),
            f"pairs: {sum(self.pairs[both] > 0 for both in POSSIBLE)} of {len(POSSIBLE)} possible met, rarest "
            + ", ".join(f"{one} + {other} {self.pairs[one, other]}" for one, other in rarest),
            "operations: " + ", ".join(f"{name} {n}" for name, n in operations),
        ]
