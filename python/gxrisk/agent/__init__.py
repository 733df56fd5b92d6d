"""The model's side: what a strategy sees, what it answers, and one small momentum model."""

from gxrisk.agent.classifier import Classifier
from gxrisk.agent.ensemble import Ensemble
from gxrisk.agent.ensemble_after_losses import ConsensusAfterLosses
from gxrisk.agent.features import Features, feature_hash
from gxrisk.agent.llm import LlmStrategy
from gxrisk.agent.loading import ModelFactory, load_model
from gxrisk.agent.momentum import Momentum
from gxrisk.agent.policy import HoldPolicy, Wish
from gxrisk.agent.predictions import Logged, PredictionLog
from gxrisk.agent.reward import Reward
from gxrisk.agent.strategy import (
    Action,
    Close,
    Hold,
    ModelError,
    Objection,
    Open,
    Portfolio,
    Strategy,
    Verdict,
    View,
)

__all__ = [
    "Action",
    "Classifier",
    "Close",
    "ConsensusAfterLosses",
    "Ensemble",
    "Features",
    "Hold",
    "HoldPolicy",
    "LlmStrategy",
    "Logged",
    "ModelError",
    "ModelFactory",
    "Momentum",
    "Objection",
    "Open",
    "Portfolio",
    "PredictionLog",
    "Reward",
    "Strategy",
    "Verdict",
    "View",
    "Wish",
    "feature_hash",
    "load_model",
]
