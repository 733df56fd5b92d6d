"""Runs random sequences and counts what they met."""

from __future__ import annotations

import signal
from random import Random

from .compare import BOTH, Makers, Match, Mismatch, differences, shrink
from .coverage import Counts
from .sequences import Sequence, start
from .sides import ModelSide

STEPS = 150
CHUNK = 500  # orders that one process does at a time; the sequences do not depend on the number of processes
SEQUENCES_OF_A_CHUNK = 1_000_000

Result = tuple[Counts, str | None]


def run_sequence(seed: str, makers: Makers = BOTH) -> tuple[Counts, Mismatch | None]:
    """One sequence, compared after every step; the model is among the sides, for the generator looks into it."""
    random, counts = Random(seed), Counts(sequences=1)
    scenario = start(random)
    match = Match(scenario, makers)
    side = match.sides[-1]
    assert isinstance(side, ModelSide)
    for index, step in enumerate(Sequence(random, side)):
        if index == STEPS:
            break
        known = len(side.model.history)
        scenario.steps.append(step)
        answers, views = match.step(step), match.views()
        counts.add(step, answers[-1], side.model.history[known:])
        found = differences(answers, views) if len(answers) > 1 else {}
        if found:
            return counts, Mismatch(scenario, index, found)
    return counts, None


def run(seed: int, first: int, orders: int, makers: Makers = BOTH) -> Result:
    """Sequences of one seed from number `first` on, until so many orders are compared or the first mismatch."""
    counts = Counts()
    while counts.orders < orders:
        name = f"{seed}/{first + counts.sequences}"
        more, mismatch = run_sequence(name, makers)
        counts.merge(more)
        if mismatch is not None:
            return counts, explain(name, mismatch, makers)
    return counts, None


def explain(name: str, mismatch: Mismatch, makers: Makers = BOTH) -> str:
    """The seed, the step and both answers, and a short sequence that shows the same."""
    short = shrink(mismatch, makers)
    return f"sequence {name}: {mismatch}\nshrunk to {short}\n{short.scenario.to_json()}"


def chunk(seed: int, index: int, orders: int, model_only: bool) -> Result:
    """One process's share of a long run."""
    return run(seed, index * SEQUENCES_OF_A_CHUNK, orders, (ModelSide,) if model_only else BOTH)


def ignore_interrupts() -> None:
    """The parent decides; a child ends its chunk."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
