"""Replays: candles through a model behind gates, and once without one."""

from gxrisk.replay.account import Account
from gxrisk.replay.costs import Costs, ReplayError
from gxrisk.replay.engine import ReplaySettings, check_mark_age, replay
from gxrisk.replay.gated import VaultPlan
from gxrisk.replay.result import BreakerTrip, ReplayResult, VaultResult

__all__ = [
    "Account",
    "BreakerTrip",
    "Costs",
    "ReplayError",
    "ReplayResult",
    "ReplaySettings",
    "VaultPlan",
    "VaultResult",
    "check_mark_age",
    "replay",
]
