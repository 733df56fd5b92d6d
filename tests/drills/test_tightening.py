"""What is advised was tried, and the same seed gives the same answer."""

import asyncio
from dataclasses import replace
from pathlib import Path

from gxrisk.cli.output import as_json
from gxrisk.drills import SCENARIOS, drill
from gxrisk.drills.losses import losses
from gxrisk.drills.run import run
from gxrisk.drills.words import sentences

from .conftest import STUBBORN, plan


def test_the_advised_limit_keeps_the_loss_within_the_operators_own(tmp_path: Path) -> None:
    asked = replace(plan(max_daily_loss="0.02"), models=(STUBBORN,))
    (found,) = asyncio.run(drill(asked, [SCENARIOS["flash-crash"]]))
    assert not found.losses.is_within
    assert found.tightening is not None
    change = found.tightening.change
    assert change is not None
    again = asyncio.run(run(found.scenario, asked.tightened(change.field, change.value), STUBBORN, tmp_path))
    assert losses(again) == change.losses
    assert losses(again).is_within
    assert any(one.startswith(f"Tighten {change.field} from") for one in sentences(found))


def test_where_nothing_helps_it_says_why() -> None:
    asked = replace(plan(max_daily_loss="0.00001", stop_risk_budget=1), models=(STUBBORN,))
    (found,) = asyncio.run(drill(asked, [SCENARIOS["flash-crash"]]))
    assert found.tightening is not None
    assert found.tightening.change is None
    assert found.tightening.why
    assert found.tightening.best is not None


def test_the_same_seed_gives_the_same_json_and_another_seed_another() -> None:
    chosen = [SCENARIOS["flash-crash"], SCENARIOS["venue-fills-late"]]

    def said(seed: int) -> str:
        found = asyncio.run(drill(replace(plan(), seed=seed, assets=("BTC", "ETH")), chosen))
        return as_json([one.to_dict() for one in found])

    first = said(7)
    assert first == said(7)
    assert first != said(8)


def test_a_venue_that_gives_no_answer_can_be_searched_too() -> None:
    """A candidate is given up while the fault lasts, and the owner leaves as it ends: neither ends the drill."""
    asked = replace(plan(max_daily_loss="0.004"), models=(STUBBORN,))
    (found,) = asyncio.run(drill(asked, [SCENARIOS["venue-hangs"]]))
    assert found.held, found.checks
    assert not found.losses.is_within
    assert found.tightening is not None
    assert found.tightening.change is not None
