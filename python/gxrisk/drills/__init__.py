"""Drills: an operator's own limits and models in a crash, an outage, and beside a broken model or venue."""

from gxrisk.drills.config import ConfigError, read_config
from gxrisk.drills.drill import Drilled, drill
from gxrisk.drills.invariants import Check
from gxrisk.drills.losses import Losses
from gxrisk.drills.plan import Plan
from gxrisk.drills.scenarios import SCENARIOS, Scenario
from gxrisk.drills.tightening import Tightening

__all__ = [
    "SCENARIOS",
    "Check",
    "ConfigError",
    "Drilled",
    "Losses",
    "Plan",
    "Scenario",
    "Tightening",
    "drill",
    "read_config",
]
