"""No request is made that question or day cannot pay for; what was used is counted to the token."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from gxrisk.agent.llm import Budget, LlmStrategy, Prices
from gxrisk.agent.llm.budget import Ledger, OverBudget, Tokens
from gxrisk.agent.strategy import Action, Hold, ModelError
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from tests.agent.llm.models import constantly
from tests.agent.llm.views import HOLD, ask, view

NOON = datetime(2020, 3, 12, 12, tzinfo=UTC)
PRICES = Prices(input=2, output=10)


def held(action: Action) -> str:
    """The reasoning of a hold without its mark."""
    assert isinstance(action, Hold)
    return action.reasoning.rpartition(" [")[0]


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (
            Budget(question_tokens_max=2_000),
            "the strategy gave no answer: over budget: of the question's 2,000 tokens 0 are spent",
        ),
        (
            Budget(day_tokens_max=2_000),
            "the strategy gave no answer: over budget: of the day's 2,000 tokens 0 are spent",
        ),
        (
            Budget(question_cost_max="0.001"),
            "the strategy gave no answer: over budget: of the question's cost of 0.001 0 is spent",
        ),
        (
            Budget(day_cost_max="0.001"),
            "the strategy gave no answer: over budget: of the day's cost of 0.001 0 is spent",
        ),
    ],
)
def test_over_budget_is_a_hold_and_no_request(budget: Budget, said: str) -> None:
    strategy = constantly(HOLD, budget=budget, prices=PRICES)
    action = ask(strategy)
    assert held(action).startswith(said)
    assert action.confidence == 0
    assert (strategy.usage.over_budget, strategy.usage.requests, strategy.usage.tokens.total) == (1, 0, 0)


@pytest.mark.usefixtures("data_dir")
def test_the_day_ends_at_midnight_utc_and_never_returns() -> None:
    strategy = constantly(HOLD, budget=Budget(day_tokens_max=20_000))
    today = view()
    while held(ask(strategy, today)) == "no clear move":
        assert strategy.usage.questions < 100
    asked = strategy.usage.requests
    assert asked > 1
    assert strategy.usage.tokens.total <= 20_000
    one_before = datetime(2020, 3, 12, 23, 59, 59, 999_999, tzinfo=UTC)
    assert held(ask(strategy, replace(today, at=one_before))).startswith(
        "the strategy gave no answer: over budget: of the day's"
    )
    midnight = one_before + timedelta(microseconds=1)
    assert held(ask(strategy, replace(today, at=midnight))) == "no clear move"
    assert strategy.today[0].isoformat() == "2020-03-13"
    spent = strategy.today[1].total
    assert held(ask(strategy, today)) == "no clear move"  # counted on the new day
    assert strategy.today[0].isoformat() == "2020-03-13"
    assert strategy.today[1].total == 2 * spent
    assert strategy.usage.requests == asked + 2


@pytest.mark.usefixtures("data_dir")
def test_questions_at_the_same_time_share_one_budget() -> None:
    waiting: list[int] = []

    async def all_at_once() -> list[Action]:
        release = asyncio.Event()

        async def respond(_: list[ModelMessage], __: AgentInfo) -> ModelResponse:
            waiting.append(1)
            await release.wait()
            return ModelResponse(parts=[ToolCallPart(HOLD[0], HOLD[1])])

        strategy = LlmStrategy(FunctionModel(respond), budget=Budget(day_tokens_max=20_000))
        asked = [asyncio.ensure_future(strategy.decide(view())) for _ in range(8)]
        while len(waiting) + strategy.usage.over_budget < 8:
            await asyncio.sleep(0)
        release.set()
        return await asyncio.gather(*asked)

    answers = [held(one) for one in asyncio.run(all_at_once())]
    assert 1 <= len(waiting) < 8
    assert answers.count("no clear move") == len(waiting)
    assert sum("over budget" in one for one in answers) == 8 - len(waiting)


@pytest.mark.usefixtures("data_dir")
def test_the_figures_are_copies() -> None:
    strategy = constantly(HOLD, prices=PRICES)
    ask(strategy)
    usage = strategy.usage
    assert usage.cost == (2 * usage.tokens.input + 10 * usage.tokens.output) / Decimal(1_000_000)
    usage.tokens.input = usage.questions = -1
    strategy.today[1].input = -1
    assert strategy.usage.questions == 1
    assert strategy.usage.tokens.input == strategy.today[1].input > 0
    assert constantly(HOLD).usage.cost is None


REQUESTS = st.lists(
    st.tuples(st.integers(1, 500), st.integers(1, 500), st.integers(0, 3), st.sampled_from(["less", "all", "silent"])),
    max_size=30,
)


@given(REQUESTS)
def test_nothing_is_ever_spent_beyond_the_budget(requests: list[tuple[int, int, int, str]]) -> None:
    budget = Budget(question_tokens_max=900, day_tokens_max=2_000, question_cost_max="0.005", day_cost_max="0.012")
    ledger = Ledger(budget, PRICES)
    question = ledger.question(NOON)
    booked = Tokens()
    for tokens_in, tokens_out, how_new, what in requests:
        if how_new == 0:
            question = ledger.question(NOON)
        most = Tokens(tokens_in, tokens_out)
        before = question.tokens.total, ledger.day_tokens.total
        try:
            question.reserve(most)
        except OverBudget:
            assert (question.tokens.total, ledger.day_tokens.total) == before
            continue
        used = Tokens(tokens_in // 2, tokens_out // 2) if what == "less" else most
        if what != "silent":
            question.settle(most, used)
        booked.input += used.input
        booked.output += used.output
        assert question.tokens.total <= 900
        assert ledger.day_tokens.total <= 2_000
        assert PRICES.cost(question.tokens) <= Decimal("0.005")
        assert PRICES.cost(ledger.day_tokens) <= Decimal("0.012")
    usage = ledger.reported()
    assert (usage.tokens, usage.cost) == (booked, PRICES.cost(booked))
    assert ledger.day_tokens == booked


@pytest.mark.parametrize(
    ("limits", "most", "fits"),
    [
        ({"question_tokens_max": 100}, Tokens(60, 39), True),
        ({"question_tokens_max": 100}, Tokens(60, 40), True),
        ({"question_tokens_max": 100}, Tokens(60, 41), False),
        ({"day_tokens_max": 100}, Tokens(60, 40), True),
        ({"day_tokens_max": 100}, Tokens(61, 40), False),
        ({"question_cost_max": "0.001"}, Tokens(0, 100), True),
        ({"question_cost_max": "0.001"}, Tokens(1, 100), False),
        ({"day_cost_max": "0.001"}, Tokens(495, 1), True),
        ({"day_cost_max": "0.001"}, Tokens(496, 1), False),
        ({"question_tokens_max": None, "day_tokens_max": None}, Tokens(10**12, 10**12), True),
    ],
)
def test_exactly_at_the_limit_fits_and_one_token_more_does_not(
    limits: dict[str, Any], most: Tokens, fits: bool
) -> None:
    question = Ledger(Budget(**limits), PRICES).question(NOON)
    if fits:
        question.reserve(most)
        assert question.tokens == most
    else:
        with pytest.raises(OverBudget):
            question.reserve(most)


def test_a_late_bill_is_booked_on_the_day_of_its_question() -> None:
    ledger = Ledger(Budget(), None)
    question = ledger.question(NOON)
    question.reserve(Tokens(100, 50))
    ledger.question(NOON + timedelta(days=1))
    question.settle(Tokens(100, 50), Tokens(70, 20))
    assert (ledger.day_tokens, ledger.usage.tokens) == (Tokens(), Tokens(70, 20))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Budget(question_tokens_max=0), "question_tokens_max is 0"),
        (lambda: Budget(day_tokens_max=-1), "day_tokens_max is -1"),
        (lambda: Budget(day_tokens_max=True), "day_tokens_max is True"),
        (lambda: Budget(day_tokens_max=1.5), "day_tokens_max is 1.5"),
        (lambda: Budget(day_cost_max=0), "day_cost_max is 0"),
        (lambda: Budget(day_cost_max="NaN"), "day_cost_max is 'NaN'"),
        (lambda: Budget(question_cost_max="Infinity"), "question_cost_max is 'Infinity'"),
        (lambda: Budget(question_cost_max=0.1), "question_cost_max is 0.1"),
        (lambda: Budget(question_cost_max="a lot"), "question_cost_max is 'a lot'"),
        (lambda: Prices(-1, 1), "the price input is -1"),
        (lambda: Prices(1, "NaN"), "the price output is 'NaN'"),
        (lambda: Prices(None, 1), "the price input is None"),
    ],
)
def test_a_budget_that_limits_nothing_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        make()
