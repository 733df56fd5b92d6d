"""The real client of OpenAI's wire format against a real server: what a provider can answer, and what comes of it."""

import asyncio
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from gxrisk.agent.closing import close_strategy
from gxrisk.agent.llm import Budget, LlmStrategy, Prices
from gxrisk.agent.strategy import Close, Hold, Open
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from tests.agent.llm.server import Reply, Scripted, call, completion, failure, say, serving
from tests.agent.llm.views import CLOSE, HOLD, OPEN, ask, opening, view

pytestmark = pytest.mark.usefixtures("data_dir")

PRICES = Prices(input=2, output=10)
COST = Decimal("0.003")  # of one response of the server: 1,000 tokens in at 2 a million, 100 out at 10


def strategy(server: Scripted, *, http_retries: int = 0, **more: Any) -> LlmStrategy:
    """A strategy that asks the server, through the client as it is."""
    model = OpenAIChatModel(
        "scripted",
        provider=OpenAIProvider(base_url=server.url, api_key="none"),
        settings=ModelSettings(max_retries=http_retries),
    )
    return LlmStrategy(model, **{"prices": PRICES, "timeout_s": 20, **more})


def test_a_tool_call_is_an_open_a_close_or_a_hold() -> None:
    with serving(call(opening(leverage=2, price=7100.5, take_profit=7900)), call(CLOSE), call(HOLD)) as server:
        one = strategy(server)
        opened, closed, held = ask(one), ask(one), ask(one)
    assert isinstance(opened, Open)
    assert (opened.side, opened.quantity, opened.stop_loss, opened.leverage) == ("buy", 0.01, 7000, 2)
    assert (opened.price, opened.take_profit, opened.confidence, opened.ask_again) == (7100.5, 7900, 0.7, True)
    assert isinstance(closed, Close)
    assert closed.reasoning.startswith("the move has turned [openai:scripted ")
    assert isinstance(held, Hold)
    assert held.confidence == 0.6
    usage = one.usage
    assert (usage.questions, usage.answers, usage.requests, usage.invalid_outputs) == (3, 3, 3, 0)
    assert (usage.tokens.input, usage.tokens.output, usage.cost) == (3000, 300, 3 * COST)


def test_what_goes_over_the_wire_is_instructions_schema_and_page() -> None:
    with serving(call(HOLD)) as server:
        one = strategy(server, settings={"temperature": 0.2, "max_tokens": 777})
        ask(one)
        (sent,) = server.asked
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert "A risk gate decides each of your orders" in sent["messages"][0]["content"]
    assert sent["messages"][1]["content"] == one.prompt_of(view()).text
    assert {tool["function"]["name"] for tool in sent["tools"]} == {"open_position", "close_position", "hold"}
    assert (sent["tool_choice"], sent["temperature"], sent["max_completion_tokens"]) == ("required", 0.2, 777)


@pytest.mark.parametrize("mode", ["native", "prompted"])
def test_a_json_answer_where_the_model_calls_no_tools(mode: str) -> None:
    text = '{"result": {"kind": "HoldAnswer", "data": {"confidence": 0.5, "reasoning": "flat"}}}'
    with serving(say(text)) as server:
        held = ask(strategy(server, mode=mode))
        (sent,) = server.asked
    assert isinstance(held, Hold)
    assert (held.confidence, held.reasoning.split(" [")[0]) == (0.5, "flat")
    assert "tools" not in sent


INVALID: dict[str, Reply] = {
    "truncated JSON": call(("hold", '{"confidence": 0.5, "reaso')),
    "no JSON": call(("hold", "buy, buy, buy")),
    "wrong schema": call(("open_position", {"buy": "BTC", "all": True})),
    "unknown field": call(opening(approved=True)),
    "unknown tool": call(("approve_order", {"order": 1})),
    "text instead of a decision": say("I would buy here."),
    "JSON as text instead of a call": say('{"confidence": 1, "reasoning": "buy"}'),
    "nothing": completion({"content": ""}, finish="stop"),
    "confidence above 1": call(opening(confidence=1.000001)),
    "confidence below 0": call(("hold", {"confidence": -0.000001, "reasoning": "x"})),
    "confidence as a text": call(("hold", {"confidence": "0.5", "reasoning": "x"})),
    "confidence true": call(("hold", {"confidence": True, "reasoning": "x"})),
    "confidence missing": call(("hold", {"reasoning": "x"})),
    "no reasoning": call(("hold", {"confidence": 0.5, "reasoning": ""})),
    "reasoning of 4,001 characters": call(("hold", {"confidence": 0.5, "reasoning": "x" * 4001})),
    "half a surrogate": call(("hold", '{"confidence": 0.5, "reasoning": "\\ud800"}')),
    "quantity 0": call(opening(quantity=0)),
    "quantity below one unit": call(opening(quantity=9e-10)),
    "quantity negative": call(opening(quantity=-1)),
    "quantity above 1e18": call(opening(quantity=1.1e18)),
    "quantity NaN": call(("open_position", '{"quantity": NaN}')),
    "stop infinite": call(opening(stop_loss=float("inf"))),
    "no stop": call(("open_position", {name: value for name, value in OPEN[1].items() if name != "stop_loss"})),
    "leverage below 1": call(opening(leverage=0.99)),
    "side unknown": call(opening(side="long")),
}


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_answer_may_be_mended(name: str) -> None:
    with serving(INVALID[name], call(HOLD)) as server:
        one = strategy(server)
        held = ask(one)
        assert len(server.asked) == 2
    assert isinstance(held, Hold)
    assert held.reasoning.startswith("no clear move [")
    usage = one.usage
    assert (usage.answers, usage.requests, usage.invalid_outputs, usage.cost) == (1, 2, 1, 2 * COST)


@pytest.mark.parametrize("name", INVALID)
def test_an_answer_that_stays_invalid_is_a_hold_after_the_retries(name: str) -> None:
    with serving(INVALID[name]) as server:
        one = strategy(server, retries=1)
        held = ask(one)
        assert len(server.asked) == 2
    assert isinstance(held, Hold)
    assert held.confidence == 0
    assert held.reasoning.startswith("the strategy gave no answer: ")
    assert one.prompt_of(view()).tag in held.reasoning
    usage = one.usage
    assert (usage.answers, usage.failures, usage.requests, usage.invalid_outputs) == (0, 1, 2, 2)
    assert usage.cost == 2 * COST


def test_the_reason_says_what_was_wrong_with_the_answer() -> None:
    with serving(INVALID["unknown field"]) as server:
        held = ask(strategy(server, retries=0))
    assert "approved Extra inputs are not permitted" in held.reasoning


def test_two_decisions_at_once_are_none() -> None:
    with serving(call(OPEN, HOLD)) as server:
        held = ask(strategy(server))
    assert isinstance(held, Hold)
    assert "2 decisions at once" in held.reasoning


FAILED: dict[str, tuple[Reply, str]] = {
    "429": (failure(429, "slow down"), "429"),
    "500": (failure(500, "oops"), "500"),
    "401": (failure(401, "who are you?"), "401"),
    "503 without JSON": (Reply(b"<html>busy</html>", 503), "503"),
    "200 without JSON": (Reply(b"<html>hello</html>"), "the strategy gave no answer: "),
    "200 with other JSON": (Reply(b'{"hello": 1}'), "the strategy gave no answer: "),
    "cut off by its length": (
        call(("hold", '{"confidence": 0.5, "reas'), finish="length"),
        "the strategy gave no answer: ",
    ),
    "refused": (completion({"refusal": "I cannot help with trading."}, finish="stop"), "the strategy gave no answer: "),
    "filtered": (completion({"content": ""}, finish="content_filter"), "the strategy gave no answer: "),
}


@pytest.mark.parametrize("name", FAILED)
def test_a_failing_provider_is_a_hold(name: str) -> None:
    reply, said = FAILED[name]
    with serving(reply) as server:
        one = strategy(server)
        held = ask(one)
    assert isinstance(held, Hold)
    assert held.confidence == 0
    assert said in held.reasoning
    assert len(held.reasoning) < 1000
    assert (one.usage.answers, one.usage.failures) == (0, 1)


def test_an_error_that_passes_is_asked_again_by_the_client() -> None:
    with serving(failure(429, "slow down"), failure(500, "oops"), call(HOLD)) as server:
        held = ask(strategy(server, http_retries=2))
        assert len(server.asked) == 3
    assert isinstance(held, Hold)
    assert held.confidence == 0.6


NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize("usage", [None, NOTHING], ids=["silent", "zeros"])
def test_errors_are_not_billed_and_silence_is(usage: dict[str, int] | None) -> None:
    with serving(failure(500, "oops"), call(HOLD, usage=usage)) as server:
        one = strategy(server, settings={"max_tokens": 500})
        ask(one)
        assert (one.usage.tokens.total, one.usage.cost, one.usage.unmeasured) == (0, 0, 0)
        ask(one)
        sent = len(one.prompt_of(view()).text.encode())
    assert one.usage.unmeasured == 1
    assert one.usage.tokens.input > sent  # one token for each byte, where nobody says how many it were
    assert one.usage.tokens.output == 500


@pytest.mark.parametrize(("status", "unmeasured"), [(400, 0), (429, 0), (502, 0), (408, 1), (504, 1), (524, 1)])
def test_behind_a_gateways_timeout_a_model_may_have_worked(status: int, unmeasured: int) -> None:
    with serving(failure(status, "no")) as server:
        one = strategy(server)
        assert isinstance(ask(one), Hold)
    assert one.usage.unmeasured == unmeasured
    assert (one.usage.tokens.total > 0) == bool(unmeasured)


def test_a_provider_that_hangs_is_a_hold_in_time_and_stays_on_the_bill() -> None:
    with serving(Reply(hangs=True)) as server:
        one = strategy(server, timeout_s=0.5)
        held = ask(one)
        assert server.hanging.is_set()
    assert isinstance(held, Hold)
    assert held.confidence == 0
    assert held.reasoning.startswith("the strategy gave no answer: the model took longer than 0.5 s [")
    assert (one.usage.timeouts, one.usage.failures, one.usage.unmeasured) == (1, 0, 1)
    assert one.usage.tokens.total > 2000


def test_a_provider_that_is_not_there_is_a_hold() -> None:
    with serving(call(HOLD)) as server:
        pass
    held = ask(strategy(server))
    assert isinstance(held, Hold)
    assert "ModelConnectionError" in held.reasoning


def test_a_huge_answer_is_not_paid_for_twice() -> None:
    with serving(call(("hold", {"confidence": 0.5, "reasoning": "buy " * 1_000_000}))) as server:
        one = strategy(server, budget=Budget(question_tokens_max=50_000))
        held = ask(one)
        assert len(server.asked) == 1  # mending it would send the four million characters back
    assert isinstance(held, Hold)
    assert held.reasoning.startswith(
        "the strategy gave no answer: over budget: of the question's 50,000 tokens 1,100 are spent"
    )
    assert (one.usage.over_budget, one.usage.invalid_outputs) == (1, 1)


def test_connections_are_closed_with_the_last_strategy_that_shares_them() -> None:
    """A vault that closes takes them from no other vault; one that never asked has none."""

    async def share() -> list[bool]:
        one = strategy(server)
        other, silent = deepcopy(one), deepcopy(one)
        client = one._asker._model.client._client  # type: ignore[attr-defined]
        for each in (one, other):
            assert isinstance(await each.decide(view()), Hold)
        closed = []
        for each in (silent, one, one, other):
            await close_strategy(each)
            closed.append(client.is_closed)
        return closed

    with serving(call(HOLD), call(HOLD)) as server:
        assert asyncio.run(share()) == [False, False, False, True]
