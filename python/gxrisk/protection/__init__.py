"""The model guards: what sizes a model's wishes sanely and takes it off the wheel when it is no longer itself."""

from gxrisk.protection.data_quality import DataQuality
from gxrisk.protection.data_quality_words import DataQualityError, Print, Quality, QualityChange, QualitySettings
from gxrisk.protection.risk import RISK_LEVELS, RiskLevel

__all__ = [
    "RISK_LEVELS",
    "DataQuality",
    "DataQualityError",
    "Print",
    "Quality",
    "QualityChange",
    "QualitySettings",
    "RiskLevel",
]
