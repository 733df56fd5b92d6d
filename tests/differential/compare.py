"""Compares gate and model after every step, and makes a mismatch short."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction as F
from typing import Any

from .model import SECOND
from .sides import PLAIN_FIELDS, ROUNDED_FIELDS, GateSide, ModelSide, Scenario, Side, Step, View, nanoseconds

Makers = Sequence[Callable[[Scenario], Side]]
BOTH: Makers = (GateSide, ModelSide)


def differences(answers: Sequence[Any], views: Sequence[View]) -> dict[str, tuple[Any, Any]]:
    """Where the gate (first) and the model (second) differ."""
    gate, model = views
    found = {} if answers[0] == answers[1] else {"answer": (answers[0], answers[1])}
    for name in (*PLAIN_FIELDS, "state", "positions", "exposures", "working", "trips"):
        if gate[name] != model[name]:
            found[name] = (gate[name], model[name])
    for name in ROUNDED_FIELDS:
        if abs(gate[name] - model[name]) > F(1, 10**9):
            found[name] = (gate[name], model[name])
    return found


class Match:
    """One scenario on several sides, step by step. With a single side it only drives that one."""

    def __init__(self, scenario: Scenario, makers: Makers) -> None:
        self.sides = [make(scenario) for make in makers]
        self.clock = self.now = nanoseconds(scenario.start)

    def step(self, step: Step) -> list[Any]:
        """The sides' answers."""
        if step["op"] in ("advance", "set_clock"):
            back_or_on = int(Decimal(step["seconds"]) * SECOND)
            self.clock = (self.clock if step["op"] == "advance" else self.now) + back_or_on
            self.now = max(self.now, self.clock)
            for side in self.sides:
                side.set_clock(self.clock)
            return [None for _ in self.sides]
        return [side.do(step, self.now) for side in self.sides]

    def views(self) -> list[View]:
        """What the sides show."""
        return [side.view() for side in self.sides]


@dataclass(frozen=True)
class Mismatch:
    """The first step at which the sides differ."""

    scenario: Scenario
    index: int
    found: dict[str, tuple[Any, Any]]

    def __str__(self) -> str:
        lines = [f"step {self.index}: {json.dumps(self.scenario.steps[self.index])}"]
        lines += [f"  {name}: gate {shown(gate)}, model {shown(model)}" for name, (gate, model) in self.found.items()]
        return "\n".join(lines)


def shown(value: Any) -> str:
    """Fractions as decimals where they are decimals."""
    if isinstance(value, F):
        text = f"{Decimal(value.numerator) / Decimal(value.denominator)}"
        return text if F(text) == value else f"{text} ({value})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(shown(v) for v in value) + ")"
    return repr(value)


def first_mismatch(scenario: Scenario, makers: Makers = BOTH) -> Mismatch | None:
    """Runs a whole scenario."""
    match = Match(scenario, makers)
    for index, step in enumerate(scenario.steps):
        found = differences(match.step(step), match.views())
        if found:
            return Mismatch(scenario, index, found)
    return None


def shrink(mismatch: Mismatch, makers: Makers = BOTH, tries: int = 3000) -> Mismatch:
    """Drops steps, first many at a time, as long as the same things still differ at the end."""
    best, kinds = mismatch, set(mismatch.found)
    old = mismatch.scenario
    steps = old.steps[: mismatch.index + 1]
    size = max(1, len(steps) // 2)
    while size and tries:
        position, dropped = 0, False
        while position < len(steps) and tries:
            tries -= 1
            fewer = steps[:position] + steps[position + size :]
            found = first_mismatch(Scenario(old.tier, old.limits, old.start, fewer), makers) if fewer else None
            if found is not None and kinds & set(found.found):
                best, steps, dropped = found, fewer[: found.index + 1], True
            else:
                position += size
        size = size if dropped and size == 1 else size // 2
    limits = dict(old.limits)
    for name in list(limits):
        without = {k: v for k, v in limits.items() if k != name}
        found = first_mismatch(Scenario(old.tier, without, old.start, steps), makers)
        if found is not None and kinds & set(found.found):
            best, limits = found, without
    return best
