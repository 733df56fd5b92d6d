"""The model guards: what sizes a model's wishes sanely and takes it off the wheel when it is no longer itself."""

from gxrisk.protection.data_quality import DataQuality
from gxrisk.protection.data_quality_words import DataQualityError, Print, Quality, QualityChange, QualitySettings
from gxrisk.protection.drift import Drift, DriftError, DriftReference, DriftSettings, FeatureDrift
from gxrisk.protection.health import Health, HealthChange, HealthMonitor
from gxrisk.protection.health_settings import Bounds, HealthSettings
from gxrisk.protection.health_vitals import ClosedTrade, HealthError, Vitals
from gxrisk.protection.predictor import FailurePredictor, FailureRisk, PredictorSettings
from gxrisk.protection.predictor_evaluation import Evaluation
from gxrisk.protection.predictor_forest import PredictorError
from gxrisk.protection.risk import RISK_LEVELS, RiskLevel

__all__ = [
    "RISK_LEVELS",
    "Bounds",
    "ClosedTrade",
    "DataQuality",
    "DataQualityError",
    "Drift",
    "DriftError",
    "DriftReference",
    "DriftSettings",
    "Evaluation",
    "FailurePredictor",
    "FailureRisk",
    "FeatureDrift",
    "Health",
    "HealthChange",
    "HealthError",
    "HealthMonitor",
    "HealthSettings",
    "PredictorError",
    "PredictorSettings",
    "Print",
    "Quality",
    "QualityChange",
    "QualitySettings",
    "RiskLevel",
    "Vitals",
]
