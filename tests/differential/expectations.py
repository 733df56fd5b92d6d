"""The hand-written sequences in `cases/`: what the specification says must come out of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction as F
from pathlib import Path
from typing import Any

from .compare import Match, shown
from .sides import Scenario, Side, Step, View

CASES = Path(__file__).parent / "cases"


def names() -> list[str]:
    """One for each file."""
    return sorted(path.stem for path in CASES.glob("*.json"))


def load(name: str) -> Scenario:
    """The sequence of that name; a key that nobody reads is an error."""
    raw = json.loads((CASES / f"{name}.json").read_text())
    if unread := set(raw) - {"about", "name", "tier", "limits", "start", "steps"}:
        raise ValueError(f"{name}: {unread}")
    return Scenario(**{k: v for k, v in raw.items() if k not in ("about", "name")})


def failures(scenario: Scenario, maker: Callable[[Scenario], Side]) -> list[str]:
    """Runs one side through the sequence; every expectation that it does not meet, with its step."""
    match, found = Match(scenario, [maker]), []
    for index, step in enumerate(scenario.steps):
        answer, view = match.step(step)[0], match.views()[0]
        for name, want, got in _unmet(step, answer, view):
            found.append(f"step {index} {step['op']}: {name} should be {shown(want)}, is {shown(got)}")
    return found


def _unmet(step: Step, answer: Any, view: View) -> list[tuple[str, Any, Any]]:
    expect = dict(step.get("expect", {}))
    pairs: list[tuple[str, Any, Any]] = [("error", expect.pop("error", False), answer == "error")]
    if "returns" in expect:
        pairs.append(("returns", plain(expect.pop("returns")), answer))
    for name in ("outcome", "violations"):
        if name in expect:
            pairs.append((name, expect.pop(name), answer[name] if isinstance(answer, dict) else answer))
    if "state" in expect:
        pairs.append(("state", expect.pop("state"), view["state"]))
    if "trips" in expect:
        pairs.append(("trips", sorted(expect.pop("trips")), sorted(view["trips"])))
    for name, value in expect.pop("shows", {}).items():
        pairs.append((name, plain(value), view[name]))
    if expect:
        raise ValueError(f"nobody reads {sorted(expect)}")
    return [(name, want, got) for name, want, got in pairs if want != got]


def plain(value: Any) -> Any:
    """Numbers are written as text; a working order is its remaining quantity, status and whether a cancel is asked."""
    if isinstance(value, str):
        return F(value)
    if isinstance(value, list):
        return (F(value[0]), *value[1:])
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value
