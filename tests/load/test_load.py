"""The run under load, short: many agents, the server killed in the middle. `make load` is the long one."""

from __future__ import annotations

import random
from pathlib import Path

from benches.serving import run as serve

from .plan import Plan
from .running import run


def test_a_server_killed_under_load(tmp_path: Path) -> None:
    """Twenty agents for fifteen seconds: what was acknowledged is on record, as it was answered, once."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201
    seen = run(Plan(agents=20, seconds=15, rate=2, kills=1, seed=seed), tmp_path)
    told = seen.told()
    assert (told["kills"], told["answers"]) == (1, len(seen.samples))
    assert told["decisions"] > 300
    assert all(None not in one.decisions.values() and None not in one.holds.values() for one in seen.asked)
    lives = {one.life for one in seen.samples}
    assert lives == {1, 2}, "both lives of the server answered"
    outcomes = {answer[0] for one in seen.asked for answer in one.decisions.values() if answer is not None}
    assert outcomes == {"approved", "rejected"}


def test_what_is_measured_answers() -> None:
    """The benchmark of serving, for a moment: each of its subjects."""
    found = serve(1, 1)
    assert set(found) == {"empty", "validate", "propose", "stream, validate", "stream, propose"}
    assert all(one.rate > 0 for rounds in found.values() for one in rounds)
