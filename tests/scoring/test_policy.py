"""The hold policy: what it holds, what it says, and that the gate holds the same."""

import asyncio
import inspect
from collections.abc import Awaitable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest
from gxrisk import Gate, Limits, ManualClock, order
from gxrisk.agent import Action, Close, Hold, HoldPolicy, ModelError, Open, Portfolio, Strategy, View, Wish
from gxrisk.vaults.proposals import Proposer
from hypothesis import example, given
from hypothesis import strategies as st

START = "2020-03-12T00:00:00Z"
VIEW = View("BTC", datetime(2020, 3, 12, tzinfo=UTC), (), None, Portfolio(Decimal(10_000)))
OPENING = Open("buy", Decimal("2.5"), 0.2, "a feeling", stop_loss=98, leverage=2)

amounts = st.decimals(min_value=Decimal("1e-9"), max_value=10**18, places=9)
names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)


class Says:
    """Always the same answer."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def decide(self, view: View) -> Any:
        return self.answer


class SaysLater(Says):
    async def decide(self, view: View) -> Any:
        return self.answer


def decided(answer: object, threshold: Decimal | float = 0.3, model: type[Says] = Says) -> Action:
    got = HoldPolicy(model(answer), threshold).decide(VIEW)
    if inspect.isawaitable(got):

        async def awaited() -> Action:
            return await cast(Awaitable[Action], got)

        return asyncio.run(awaited())
    return cast(Action, got)


def vault() -> Gate:
    gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock(START))
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    return gate


@pytest.mark.parametrize("model", [Says, SaysLater])
def test_an_unsure_opening_becomes_a_hold_that_says_what_it_was(model: type[Says]) -> None:
    held = decided(OPENING, model=model)
    assert isinstance(held, Hold)
    assert held.confidence == 0.2
    assert held.reasoning == (
        "not sure enough (0.2 of 0.3), else: buy 2.5 BTC, price market, stop-loss 98, leverage 2; a feeling"
    )


@pytest.mark.parametrize("model", [Says, SaysLater])
@pytest.mark.parametrize(
    "answer",
    [
        Open("buy", 1, 0.3, "sure enough"),
        Close(0.0, "to leave is never held up"),
        Hold(0.1, "waits"),
        Open("buy", 1, float("nan"), "no confidence"),
        Open("buy", -1, 0.1, "no quantity"),
        Open("up", 1, 0.1, "no side"),  # type: ignore[arg-type]
        Open("buy", 1, 0.1, ""),
        Open("buy", 1, 0.1, None),  # type: ignore[arg-type]
        Open("buy", 1, "low", "no number"),  # type: ignore[arg-type]
        "hold",
        None,
    ],
)
def test_everything_else_goes_on_as_it_is(model: type[Says], answer: object) -> None:
    """What is malformed too: whoever carries answers out says what is wrong with it."""
    assert decided(answer, model=model) is answer


@example(Decimal("0.3"))
@example(Decimal("0.299999999"))
@example(0.2999999999)  # the gate takes a float to the nearest ninth digit
@example(0.29999999949)
@example(0.0)
@given(st.floats(0, 1) | st.decimals(0, 1, places=9))
def test_the_policy_holds_exactly_what_the_gate_would(confidence: Decimal | float) -> None:
    """One threshold: the same comparison in both, so neither an opening slips between them nor is held twice."""
    answer = Open("buy", 1, confidence, "x", stop_loss=98)  # type: ignore[arg-type]
    asked = order("BTC", "buy", 1, confidence=confidence, reasoning="x", stop_loss=98)
    assert isinstance(decided(answer), Hold) == (vault().validate_order(asked).outcome == "held")


def test_what_is_held_is_on_record_once_and_takes_no_token() -> None:
    """A hundred in one second: holds with the policy, refusals for their rate without it."""

    def outcomes(strategy: Strategy) -> list[str]:
        gate = vault()
        for _ in range(100):
            answer = strategy.decide(VIEW)
            if isinstance(answer, Hold):
                gate.hold(answer.confidence, answer.reasoning)
            else:
                assert isinstance(answer, Open)
                gate.authorize(order("BTC", answer.side, answer.quantity, confidence=answer.confidence,
                                     reasoning=answer.reasoning, stop_loss=answer.stop_loss))  # fmt: skip
        sure = gate.authorize(order("BTC", "buy", 1, confidence=1, reasoning="sure", stop_loss=98))
        kinds = [event["kind"] for event in gate.events() if event["kind"] in ("decision", "hold")]
        assert len(kinds) == 101
        return [*sorted(set(kinds)), sure.outcome, *(one.rule for one in sure.violations)]

    assert outcomes(HoldPolicy(Says(OPENING))) == ["decision", "hold", "approved"]
    assert outcomes(Says(OPENING)) == ["decision", "rejected", "order_rate"]


@pytest.mark.parametrize("model", [Says, SaysLater])
def test_in_a_vault_the_hold_is_the_record(model: type[Says]) -> None:
    """As a vault asks its strategy: one record, which says what would have been done; nothing goes to the venue."""
    gate = vault()
    proposer = Proposer(HoldPolicy(model(OPENING)), gate, cast(Any, None), asyncio.Lock())
    assert asyncio.run(proposer.ask(VIEW)).outcome == "held"
    records = [event for event in gate.events() if event["kind"] in ("decision", "hold")]
    assert [event["kind"] for event in records] == ["hold"]
    assert records[0]["confidence"] == Decimal("0.2")
    wish = Wish.told(records[0]["reasoning"], records[0]["confidence"])
    assert wish == Wish("BTC", "buy", Decimal("2.5"), None, Decimal(98), Decimal(2), Decimal("0.2"))


def test_the_threshold_is_configurable() -> None:
    unsure = Open("buy", 1, 0.59, "x")
    assert decided(unsure, 0.5) is unsure
    assert isinstance(decided(unsure, Decimal("0.6")), Hold)
    assert decided(Open("buy", 1, 0, "x"), 0) == Open("buy", 1, 0, "x")
    for threshold in (-0.1, 1.1, float("nan"), Decimal("nan")):
        with pytest.raises(ModelError, match=r"min_confidence: .* 0 to 1 is allowed"):
            HoldPolicy(Says(OPENING), threshold)


def test_a_long_reasoning_is_cut_and_still_accepted() -> None:
    held = decided(Open("sell", Decimal("1e18"), 0.1, "\U0001f680" * 4_000, stop_loss=Decimal("1e18")))
    assert isinstance(held, Hold)
    assert len(held.reasoning) == 4_000
    assert vault().hold(held.confidence, held.reasoning).outcome == "held"
    assert Wish.told(held.reasoning, Decimal("0.1")) is not None


@given(
    asset=names,
    side=st.sampled_from(["buy", "sell"]),
    quantity=amounts,
    price=st.none() | amounts,
    stop=st.none() | amounts,
    leverage=st.decimals(1, 1000, places=9),
    confidence=st.decimals(0, Decimal("0.29"), places=9),
    words=st.text(min_size=1, max_size=50).filter(lambda text: text.isprintable()),
)
def test_what_is_said_reads_back(
    asset: str,
    side: Any,
    quantity: Decimal,
    price: Decimal | None,
    stop: Decimal | None,
    leverage: Decimal,
    confidence: Decimal,
    words: str,
) -> None:
    opening = Open(side, quantity, confidence, words, stop, leverage, price=price)  # type: ignore[arg-type]
    held = HoldPolicy(Says(opening)).decide(View(asset, VIEW.at, (), None, VIEW.portfolio))
    assert isinstance(held, Hold)
    wish = Wish.told(held.reasoning, confidence)
    assert wish == Wish(asset, side, quantity, price, stop, leverage, confidence)
    assert held.reasoning.endswith(f"; {words}")


@given(st.text())
def test_other_words_are_no_wish(words: str) -> None:
    assert Wish.told(words, Decimal(0)) is None
