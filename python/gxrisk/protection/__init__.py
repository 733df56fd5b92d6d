"""The model guards: what sizes a model's wishes sanely and takes it off the wheel when it is no longer itself."""

from gxrisk.protection.adaptive import AdaptiveLimits, RiskScale
from gxrisk.protection.data_quality import DataQuality
from gxrisk.protection.data_quality_words import DataQualityError, Print, Quality, QualityChange, QualitySettings
from gxrisk.protection.drift import Drift, DriftError, DriftReference, DriftSettings, FeatureDrift
from gxrisk.protection.drift_file import read_reference, write_reference
from gxrisk.protection.edge import Edge, estimate_edge
from gxrisk.protection.health import Health, HealthChange, HealthMonitor
from gxrisk.protection.health_settings import Bounds, HealthSettings
from gxrisk.protection.health_vitals import ClosedTrade, HealthError, Vitals
from gxrisk.protection.liquidation import Advice, LiquidationRisk, PortfolioRisk, PositionRisk
from gxrisk.protection.pipeline import Assessment, ProtectionPipeline
from gxrisk.protection.pipeline_guards import pipeline_of
from gxrisk.protection.predictor import FailurePredictor, FailureRisk, PredictorSettings
from gxrisk.protection.predictor_evaluation import Evaluation
from gxrisk.protection.predictor_forest import PredictorError
from gxrisk.protection.regime import REGIMES, Regime, RegimeDetector, RegimeReading, regimes
from gxrisk.protection.risk import RISK_LEVELS, RiskLevel
from gxrisk.protection.settings import ProtectionSettings
from gxrisk.protection.sizing import PositionSizer, Size
from gxrisk.protection.standing import Standing
from gxrisk.protection.stops import DynamicStops, StopPlan
from gxrisk.protection.stress import Closing, StressRow, StressTest

__all__ = [
    "REGIMES",
    "RISK_LEVELS",
    "AdaptiveLimits",
    "Advice",
    "Assessment",
    "Bounds",
    "ClosedTrade",
    "Closing",
    "DataQuality",
    "DataQualityError",
    "Drift",
    "DriftError",
    "DriftReference",
    "DriftSettings",
    "DynamicStops",
    "Edge",
    "Evaluation",
    "FailurePredictor",
    "FailureRisk",
    "FeatureDrift",
    "Health",
    "HealthChange",
    "HealthError",
    "HealthMonitor",
    "HealthSettings",
    "LiquidationRisk",
    "PortfolioRisk",
    "PositionRisk",
    "PositionSizer",
    "PredictorError",
    "PredictorSettings",
    "Print",
    "ProtectionPipeline",
    "ProtectionSettings",
    "Quality",
    "QualityChange",
    "QualitySettings",
    "Regime",
    "RegimeDetector",
    "RegimeReading",
    "RiskLevel",
    "RiskScale",
    "Size",
    "Standing",
    "StopPlan",
    "StressRow",
    "StressTest",
    "Vitals",
    "estimate_edge",
    "pipeline_of",
    "read_reference",
    "regimes",
    "write_reference",
]
