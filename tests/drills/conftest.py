"""Runs of scenarios, each done once for all tests that look at it."""

import asyncio
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from gxrisk import Limits
from gxrisk.drills import SCENARIOS, Plan
from gxrisk.drills.run import run
from gxrisk.drills.seen import Ran

STUBBORN = "gxrisk.drills.models:Stubborn"
MOMENTUM = "gxrisk.agent.momentum:Momentum"
SEED = 1
Runs = Callable[..., Ran]


def plan(data_quality: bool = False, **limits: Any) -> Plan:
    """A Growth vault with some limits set otherwise."""
    return Plan(Limits.for_tier("growth").replace(**limits), data_quality=data_quality, seed=SEED)


@cache
def _ran(scenario: str, model: str, data_quality: bool, limits: tuple[tuple[str, Any], ...]) -> Ran:
    sys.stdout.write(f"{scenario}: seed {SEED}\n")
    with TemporaryDirectory() as folder:
        return asyncio.run(run(SCENARIOS[scenario], plan(data_quality, **dict(limits)), model, Path(folder)))


@pytest.fixture
def ran() -> Runs:
    """A scenario's run: `ran("black-monday", data_quality=True, max_drawdown="0.05")`."""

    def once(scenario: str, model: str = STUBBORN, data_quality: bool = False, **limits: Any) -> Ran:
        return _ran(scenario, model, data_quality, tuple(sorted(limits.items())))

    return once
