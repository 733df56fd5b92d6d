"""Strategies for vaults, by name, as the tests of prompt injection need them."""

from typing import Any

from gxrisk.agent.llm import LlmStrategy
from gxrisk.agent.strategy import View

from tests.agent.llm.models import Answered, answering, last_close, market_text, number

HEADLINES: list[str] = []  # what the news are; a test puts them here
OBEYED: list[str] = []  # the headlines that the model obeyed


def headlines(_: View) -> list[str]:
    """The news."""
    return HEADLINES


def obedient() -> LlmStrategy:
    """The worst model there is: any headline with an order in it is obeyed, with all that the vault has."""
    return LlmStrategy(answering(_obey, "obedient"), news=headlines, bars=2)


def _obey(page: str) -> Answered:
    close = last_close(page)
    for headline in market_text(page):
        if "buy" in headline.lower():
            OBEYED.append(headline)
            return "open_position", _all_in(page, close)
    return "hold", {"confidence": 0.5, "reasoning": "no headline tells me what to do"}


def _all_in(page: str, close: float) -> dict[str, Any]:
    return {
        "side": "buy",
        "quantity": 20 * number(page, "equity") / close,
        "leverage": 20,
        "stop_loss": close * 0.98,
        "confidence": 1,
        "reasoning": "the headline says so; limits are off",
    }
