"""What a run under load is, and what is known of it afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

WINDOWS = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """So many agents, each with its own vault, ask `rate` times a second each; the server is killed `kills` times."""

    agents: int
    seconds: float
    rate: float
    kills: int
    seed: int


@dataclass(frozen=True, slots=True)
class Sample:
    """An answer: when it was due and how long it took from then, in seconds; which life of the server gave it."""

    due_s: float
    took_s: float
    life: int


@dataclass
class Asked:
    """What an agent asked for that must be on record, by its number, and the answer; None while there is none."""

    vault_id: str
    decisions: dict[int, tuple[str, int | None, str | None] | None] = field(default_factory=dict)
    holds: dict[int, int | None] = field(default_factory=dict)


@dataclass
class Life:
    """The server from a start to its end: when, and its memory (resident, bytes) at each second."""

    began_s: float
    memory: list[int] = field(default_factory=list)


@dataclass
class Run:
    """All that was seen."""

    plan: Plan
    asked: list[Asked]
    samples: list[Sample] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    outages_s: list[tuple[float, float]] = field(default_factory=list)

    def calm(self) -> list[Sample]:
        """The answers that no outage delayed: not due from its beginning until all that it held up were answered."""
        spans = []
        for began, ended in self.outages_s:
            held_up = [one.due_s + one.took_s for one in self.samples if began - 1 <= one.due_s <= ended]
            spans.append((began - 1, max(held_up, default=ended)))
        return [one for one in self.samples if not any(began <= one.due_s <= ended for began, ended in spans)]

    def windows(self) -> list[dict[str, Any]]:
        """The calm answers in order of time, in tenths: how many, and their percentiles in milliseconds."""
        calm = sorted(self.calm(), key=lambda one: one.due_s)
        size = max(1, len(calm) // WINDOWS)
        parts = [calm[at : at + size] for at in range(0, size * WINDOWS, size)]
        return [
            {
                "from_s": round(part[0].due_s, 1),
                "answers": len(part),
                **{f"p{share}": percentile([one.took_s * 1000 for one in part], share) for share in (50, 99)},
            }
            for part in parts
            if part
        ]

    def told(self) -> dict[str, Any]:
        """The figures."""
        windows = self.windows()
        early, late = windows[: len(windows) // 2], windows[len(windows) // 2 :]
        memory = self.lives[-1].memory
        return {
            "agents": self.plan.agents,
            "seconds": self.plan.seconds,
            "answers": len(self.samples),
            "decisions": sum(len(one.decisions) for one in self.asked),
            "holds": sum(len(one.holds) for one in self.asked),
            "kills": len(self.lives) - 1,
            "outages_s": [round(ended - began, 1) for began, ended in self.outages_s],
            "windows": windows,
            "kept_up": bool(windows) and max(one["p50"] for one in windows) < 1000 / self.plan.rate,
            "p99_late_over_early": ratio([one["p99"] for one in late], [one["p99"] for one in early]),
            "memory_mb": [[round(at / 1e6) for at in thinned(life.memory)] for life in self.lives],
            "memory_late_over_early": ratio(memory[-len(memory) // 4 :], memory[len(memory) // 4 : len(memory) // 2]),
        }


def percentile(values: Sequence[float], share: int) -> float:
    """The nearest rank, to a tenth."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 1)


def ratio(late: Sequence[float], early: Sequence[float]) -> float | None:
    """Of the medians; None where there is too little."""
    if not late or not early:
        return None
    return round(percentile(late, 50) / max(percentile(early, 50), 0.1), 2)


def thinned(memory: Sequence[int]) -> Sequence[int]:
    """At most a dozen of them."""
    return memory[:: max(1, len(memory) // 12)]
