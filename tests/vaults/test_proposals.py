"""What a strategy hears of its orders, and what it may do about a refusal."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from gxrisk import Gate, Limits, ManualClock
from gxrisk.agent import Action, Close, Hold, Open, Portfolio, View
from gxrisk.vaults.proposals import PROPOSALS_MAX, Proposer
from gxrisk.venues import PaperVenue

D = Decimal
AT = datetime(2020, 3, 12, tzinfo=UTC)


class Recorder:
    """Answers with what the given function makes of each view, and keeps the views."""

    def __init__(self, answer: Callable[[View], Any]) -> None:
        self._answer = answer
        self.views: list[View] = []

    def decide(self, view: View) -> Any:
        """As told."""
        self.views.append(view)
        return self._answer(view)


def wish(quantity: Any, **more: Any) -> Open:
    """An opening at 100 with a stop; a growth vault of 10,000 may have 25 of it."""
    return Open("buy", quantity, **{"confidence": 0.9, "reasoning": "a wish", "stop_loss": 98, **more})


async def asked(strategy: Recorder, count: int = 1, assets: tuple[str, ...] = ("BTC",)) -> Gate:
    """Ask so often about each asset, at a gate where each costs 100 and moves by 1."""
    gate = Gate("ann", Limits.for_tier("growth"), clock=ManualClock(int(AT.timestamp()) * 10**9))
    gate.deposit(10_000)
    for asset in assets:
        gate.mark(asset, 100, atr=1)
    account = await PaperVenue().account("ann", gate.redeem)
    proposer = Proposer(strategy, gate, account, asyncio.Lock())
    for _ in range(count):
        for asset in assets:
            await proposer.ask(View(asset, AT, (), 1.0, Portfolio(D(0))))
    return gate


def outcomes(gate: Gate) -> list[tuple[str, Decimal]]:
    """What the gate has on record: outcome and quantity."""
    return [
        (one["outcome"], one["order"]["quantity"]) if one["kind"] == "decision" else ("hold", D(0))
        for one in gate.events()
        if one["kind"] in ("decision", "hold")
    ]


def test_a_refusal_is_heard_and_the_next_proposal_is_better() -> None:
    """The verdict says which rule, what was seen and what would have passed; that much then passes."""

    def haggle(view: View) -> Action:
        return wish(40 if view.verdict is None else view.verdict.quantity_max, ask_again=True)

    strategy = Recorder(haggle)
    gate = asyncio.run(asked(strategy))
    assert outcomes(gate) == [("rejected", D(40)), ("approved", D(25))]
    first, second = strategy.views
    assert first.verdict is None
    verdict = second.verdict
    assert verdict is not None
    assert (verdict.outcome, verdict.order.quantity, verdict.quantity_max) == ("rejected", 40, 25)
    assert [(one.rule, one.limit, one.observed) for one in verdict.violations] == [("position_size", D(2500), D(4000))]
    assert second.portfolio.equity == first.portfolio.equity == 10_000, "what the gate has, not what was asked with"


def test_three_proposals_are_the_most() -> None:
    """Of each question; the last refusal is the verdict of the next question."""
    strategy = Recorder(lambda view: wish(40 + len(strategy.views), ask_again=True))
    gate = asyncio.run(asked(strategy, count=2))
    assert outcomes(gate) == [("rejected", D(40 + number)) for number in range(1, 2 * PROPOSALS_MAX + 1)]
    assert PROPOSALS_MAX == 3
    heard = [None if one.verdict is None else int(one.verdict.order.quantity) for one in strategy.views]
    assert heard == [None, 41, 42, 43, 44, 45]


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (Hold(0.9, "better not"), ("hold", D(0))),
        (Close(0.9, "out"), ("hold", D(0))),
        ("nonsense", ("hold", D(0))),
        (wish(float("nan"), ask_again=True), ("hold", D(0))),
        (wish(40), ("rejected", D(40))),
        (wish(1, ask_again=True), ("approved", D(1))),
    ],
)
def test_asked_again_any_answer_counts(then: Any, expected: tuple[str, Decimal]) -> None:
    strategy = Recorder(lambda view: wish(50, ask_again=True) if view.verdict is None else then)
    assert outcomes(asyncio.run(asked(strategy))) == [("rejected", D(50)), expected]


@pytest.mark.parametrize("ask_again", [False, True])
def test_the_verdict_of_an_approval_a_hold_and_a_resizing(ask_again: bool) -> None:
    """Approved: its own quantity passed. Held: nothing passes at that confidence. Resized: the smaller order."""
    answers = [wish(2), wish(2, confidence=0.1), wish(90, resize=True), Hold(1.0, "enough")]
    if ask_again:
        answers = [wish(2, ask_again=True), wish(2, confidence=0.1, ask_again=True), *answers[2:]]
    strategy = Recorder(lambda view: answers[len(strategy.views) - 1])
    gate = asyncio.run(asked(strategy, count=3 if ask_again else 4))
    verdicts = [one.verdict for one in strategy.views]
    heard = [None if one is None else (one.outcome, one.order.quantity, one.quantity_max) for one in verdicts]
    assert heard == [None, ("approved", 2, 2), ("held", 2, 0), ("approved", 25, 25)]
    assert outcomes(gate)[2:] == [("rejected", D(90)), ("approved", D(25)), ("hold", D(0))]


def test_a_verdict_is_of_its_asset_alone() -> None:
    strategy = Recorder(lambda view: wish(40))
    asyncio.run(asked(strategy, count=2, assets=("BTC", "ETH")))
    heard = [(one.asset, None if one.verdict is None else one.verdict.order.asset) for one in strategy.views]
    assert heard == [("BTC", None), ("ETH", None), ("BTC", "BTC"), ("ETH", "ETH")]


def test_a_strategy_sees_what_protects_it_and_its_hold_names_the_asset() -> None:
    """The stop of the position that its order built, and of that alone."""

    async def main() -> tuple[Gate, View]:
        gate = await asked(Recorder(lambda view: wish(2)), assets=("BTC", "ETH"))
        order_id = gate.snapshot().working[0].order_id
        assert gate.apply_fill(order_id, 1, 2, 100)
        strategy = Recorder(lambda view: Hold(1.0, "in position"))
        account = await PaperVenue().account("ann", gate.redeem)
        await Proposer(strategy, gate, account, asyncio.Lock()).ask(View("ETH", AT, (), 1.0, Portfolio(D(0))))
        return gate, strategy.views[0]

    gate, view = asyncio.run(main())
    assert view.portfolio.positions == {"BTC": 2}
    assert view.portfolio.stop_losses == {"BTC": 98}
    assert gate.events()[-1]["asset"] == "ETH"


def test_all_answers_to_a_question_share_its_time() -> None:
    """The first answer took nearly all of it, by the loop's clock: the second has the rest, not as much again."""

    async def main() -> list[tuple[str, Decimal]]:
        loop = asyncio.get_running_loop()
        clock = loop.time
        skipped_s = [0.0]
        loop.time = lambda: clock() + skipped_s[0]  # type: ignore[method-assign]

        class Slow:
            async def decide(self, view: View) -> Action:
                if view.verdict is not None:
                    await asyncio.Event().wait()
                skipped_s[0] += 3599.9
                return wish(40, ask_again=True)

        gate = Gate("ann", Limits.for_tier("growth"), clock=ManualClock(0))
        gate.deposit(10_000)
        gate.mark("BTC", 100, atr=1)
        account = await PaperVenue().account("ann", gate.redeem)
        proposer = Proposer(Slow(), gate, account, asyncio.Lock(), timeout_s=3600)
        await asyncio.wait_for(proposer.ask(View("BTC", AT, (), 1.0, Portfolio(D(0)))), 3700)
        return outcomes(gate)

    assert asyncio.run(main()) == [("rejected", D(40)), ("hold", D(0))]
