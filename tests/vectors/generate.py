"""Writes the vectors anew: `python -m tests.vectors.generate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import approval_cases, reactivation_cases, reactivation_scenarios, redeem_cases, withdrawal_cases
from .scenario import OPENING, SEEDS, START
from .signing import Key

FOLDER = Path(__file__).parent


def files() -> dict[str, Any]:
    """What each file holds."""
    people = {
        name: {"seed": Key.of(byte).seed.hex(), "public": Key.of(byte).public.hex()} for name, byte in SEEDS.items()
    }
    common = {"format": 1, "readme": "README.md"}
    setting = {"start": START, "tier": "growth", "keys": people, "opening": OPENING}
    return {
        "approvals.json": {**common, "cases": approval_cases.cases()},
        "withdrawals.json": {**common, **setting, "cases": withdrawal_cases.cases()},
        "reactivations.json": {
            **common,
            **setting,
            "cases": reactivation_cases.cases(),
            "scenarios": reactivation_scenarios.scenarios(),
        },
        "redeem.json": {**common, **setting, "scenarios": redeem_cases.scenarios()},
    }


def text(content: Any) -> str:
    """A file's text: one case a line, so that a change is a line of a diff."""
    lines = []
    for name, value in content.items():
        if isinstance(value, list):
            items = ",\n".join(f"    {json.dumps(item)}" for item in value)
            lines.append(f"  {json.dumps(name)}: [\n{items}\n  ]")
        else:
            lines.append(f"  {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_text(text(content), encoding="utf-8")
