"""`python -m tests.load`: the long run. 1 where something was lost, or where time or memory grew."""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .plan import Plan
from .running import run

P99_GROWTH_MAX = 1.5
MEMORY_GROWTH_MAX = 1.2


def main() -> int:
    """Run it, print what was seen as JSON, and judge it."""
    options = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    options.add_argument("--agents", type=int, default=200)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--rate", type=float, default=0.2, help="requests a second of each agent")
    options.add_argument("--kills", type=int, default=1)
    options.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = options.parse_args()
    plan = Plan(given.agents, given.seconds, given.rate, given.kills, given.seed)
    print(plan, file=sys.stderr)  # noqa: T201
    with TemporaryDirectory() as folder:
        told = run(plan, Path(folder)).told()
    print(json.dumps(told, indent=1))  # noqa: T201
    grew = [
        f"{name} grew {told[name]} times, {most} is allowed"
        for name, most in (("p99_late_over_early", P99_GROWTH_MAX), ("memory_late_over_early", MEMORY_GROWTH_MAX))
        if told[name] is None or told[name] > most
    ]
    if not told["kept_up"]:
        grew.append(
            "it did not keep up with the load, so the figures of time say nothing: ask less, or find a faster machine"
        )
    print("\n".join(grew) or "nothing lost, nothing twice; time and memory stayed flat", file=sys.stderr)  # noqa: T201
    return 1 if grew else 0


if __name__ == "__main__":
    sys.exit(main())
