"""The model's side: what a strategy sees, what it answers, and one small momentum model."""

from gxrisk.agent.llm import LlmStrategy
from gxrisk.agent.loading import ModelFactory, load_model
from gxrisk.agent.momentum import Momentum
from gxrisk.agent.policy import HoldPolicy, Wish
from gxrisk.agent.reward import Reward
from gxrisk.agent.strategy import Action, Close, Hold, ModelError, Open, Portfolio, Strategy, Verdict, View

__all__ = [
    "Action",
    "Close",
    "Hold",
    "LlmStrategy",
    "HoldPolicy",
    "ModelError",
    "ModelFactory",
    "Momentum",
    "Open",
    "Portfolio",
    "Reward",
    "Strategy",
    "Verdict",
    "View",
    "Wish",
    "load_model",
]
