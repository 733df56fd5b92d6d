"""Vaults: many at once, each with its own gate, journal and account, and an owner who is always in control."""

from gxrisk.vaults.answers import signed_predictions
from gxrisk.vaults.correlation import CorrelationSettings
from gxrisk.vaults.fleet import Fleet
from gxrisk.vaults.monitor import Monitor, Schedule
from gxrisk.vaults.notices import Notice, Notify
from gxrisk.vaults.reconciliation import Difference
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.vault import Vault
from gxrisk.vaults.version import StrategyVersion

__all__ = [
    "CorrelationSettings",
    "Difference",
    "Fleet",
    "Monitor",
    "Notice",
    "Notify",
    "Schedule",
    "StrategyVersion",
    "Vault",
    "VaultSettings",
    "signed_predictions",
]
