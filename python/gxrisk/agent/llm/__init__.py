"""A language model as a strategy, behind the gate: provider-agnostic, budgeted, on record with its prompt's hash."""

from gxrisk.agent.llm.budget import Budget, Prices, Tokens, Usage
from gxrisk.agent.llm.prompt import Prompt
from gxrisk.agent.llm.strategy import LlmStrategy, News

__all__ = ["Budget", "LlmStrategy", "News", "Prices", "Prompt", "Tokens", "Usage"]
