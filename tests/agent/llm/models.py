"""Models of the tests: pydantic-ai's own, each with a function of ours inside."""

import json
import re
from collections.abc import Callable
from typing import Any

from gxrisk.agent.llm import LlmStrategy
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolCallPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

Answered = tuple[str, dict[str, Any]]


def page_of(messages: list[ModelMessage]) -> str:
    """The question's text as the model got it."""
    first = messages[0]
    assert isinstance(first, ModelRequest)
    (prompt,) = [part for part in first.parts if isinstance(part, UserPromptPart)]
    assert isinstance(prompt.content, str)
    return prompt.content


def answering(answer: Callable[[str], Answered], name: str = "tester") -> FunctionModel:
    """A model that reads the page and calls one tool."""

    async def respond(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        tool, given = answer(page_of(messages))
        return ModelResponse(parts=[ToolCallPart(tool, json.dumps(given))])

    return FunctionModel(respond, model_name=name)


def constantly(answer: Answered, **more: Any) -> LlmStrategy:
    """A strategy whose model says always the same."""
    return LlmStrategy(answering(lambda _: answer), **more)


def number(page: str, label: str) -> float:
    """The number after a label of the page."""
    found = re.search(rf"^{re.escape(label)}: (-?[\d.]+)", page, re.MULTILINE)
    assert found is not None, label
    return float(found[1])


def last_close(page: str) -> float:
    """The close of the newest bar of the page."""
    table = page.split("start,open,high,low,close,volume\n")[1].split("\n\n")[0]
    return float(table.splitlines()[-1].split(",")[4])


def market_text(page: str) -> list[str]:
    """The quoted texts of the page, as a model would understand them."""
    if "<market_text>\n" not in page:
        return []
    inside = page.split("<market_text>\n")[1].split("</market_text>")[0]
    return [json.loads(line) for line in inside.splitlines()]
