"""Interleaved rounds: every subject runs once a round, so that what disturbs the machine disturbs them alike.

A ratio is taken within a round and its median over the rounds; times by themselves are not reported.
"""

import gc
import statistics
import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Subject:
    """A statement to be timed: `names` are its variables, `calls` how often it runs in a round."""

    statement: str
    names: dict[str, Any] = field(default_factory=dict)
    calls: int = 100_000
    repeats: int = 1
    """How often a round prepares anew and runs the calls."""
    prepare: Callable[[], dict[str, Any]] | None = None
    """Untimed; gives variables anew."""

    def run(self) -> float:
        """Nanoseconds a call, the loop included."""
        seconds = 0.0
        for _ in range(self.repeats):
            names = self.names | (self.prepare() if self.prepare else {})
            # As locals of the timed function: a global costs a look-up that is nobody's work.
            setup = "; ".join(f"{name} = _names[{name!r}]" for name in names) or "pass"
            seconds += timeit.Timer(self.statement, setup, globals={"_names": names}).timeit(self.calls)
        return seconds / self.calls / self.repeats * 1e9


@dataclass(frozen=True, slots=True)
class Ratio:
    """A quotient's median over the rounds, and its ends."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, quotients: list[float]) -> "Ratio":
        """From one quotient a round."""
        return cls(statistics.median(quotients), min(quotients), max(quotients))

    def __str__(self) -> str:
        def short(value: float) -> str:
            return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"

        return f"{short(self.median)} ({short(self.least)} to {short(self.most)})"


class Rounds:
    """What each subject took in each round."""

    def __init__(self, subjects: Mapping[str, Subject], count: int, *, warm: int = 1) -> None:
        self.times: dict[str, list[float]] = {name: [] for name in subjects}
        for number in range(count + warm):
            for name, subject in subjects.items():
                took = subject.run()
                if number >= warm:
                    self.times[name].append(took)
            gc.collect()

    def ratio(self, subject: str, base: str, *, less: str | None = None) -> Ratio:
        """The subject in units of the base; `less` names what is taken off both: the empty loop."""
        off = self.times[less] if less else [0.0] * len(self.times[base])
        triples = zip(self.times[subject], self.times[base], off, strict=True)
        return Ratio.of([(one - loop) / (unit - loop) for one, unit, loop in triples])

    def flatness(self, subjects: list[str]) -> Ratio:
        """The dearest of the subjects in units of the cheapest, by their medians and round by round."""
        rows = list(zip(*(self.times[name] for name in subjects), strict=True))
        medians = [statistics.median(self.times[name]) for name in subjects]
        quotients = [max(row) / min(row) for row in rows]
        return Ratio(max(medians) / min(medians), min(quotients), max(quotients))

    def fastest(self, subjects: list[str]) -> str:
        """The subject with the smallest median."""
        return min(subjects, key=lambda name: statistics.median(self.times[name]))
