"""The model guards: what sizes a model's wishes sanely and takes it off the wheel when it is no longer itself."""

from gxrisk.protection.adaptive import AdaptiveLimits, RiskScale
from gxrisk.protection.edge import Edge, estimate_edge
from gxrisk.protection.liquidation import Advice, LiquidationRisk, PortfolioRisk, PositionRisk
from gxrisk.protection.regime import REGIMES, Regime, RegimeDetector, RegimeReading, regimes
from gxrisk.protection.risk import RISK_LEVELS, RiskLevel
from gxrisk.protection.sizing import PositionSizer, Size
from gxrisk.protection.stops import DynamicStops, StopPlan
from gxrisk.protection.stress import Closing, StressRow, StressTest

__all__ = [
    "REGIMES",
    "RISK_LEVELS",
    "AdaptiveLimits",
    "Advice",
    "Closing",
    "DynamicStops",
    "Edge",
    "LiquidationRisk",
    "PortfolioRisk",
    "PositionRisk",
    "PositionSizer",
    "Regime",
    "RegimeDetector",
    "RegimeReading",
    "RiskLevel",
    "RiskScale",
    "Size",
    "StopPlan",
    "StressRow",
    "StressTest",
    "estimate_edge",
    "regimes",
]
