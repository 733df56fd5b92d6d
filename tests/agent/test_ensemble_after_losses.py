"""Consensus after losses: who is asked, and that the journal alone says when, whatever is restarted in between."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from gxrisk import Gate, Limits, ManualClock, Order, VaultError
from gxrisk.agent import Close, Hold, Open, View
from gxrisk.agent.ensemble import Ensemble
from gxrisk.agent.ensemble_after_losses import ConsensusAfterLosses
from gxrisk.feeds import Candle, Moment
from gxrisk.vaults import Fleet, StrategyVersion, VaultSettings
from gxrisk.vaults import consensus as consensus_file
from gxrisk.vaults.consensus import TOPIC, Consensus
from gxrisk.venues.paper import PaperVenue
from hypothesis import given, settings
from hypothesis import strategies as st

from .bars import MINUTE_MS, START_MS, view, walk
from .members import BUY, Raises, Says

BARS = walk(7, 70)


def answer(lead: Any, *others: Any, **portfolio: Any) -> Any:
    """What a lead with these others says."""
    members = {"lead": lead, **{str(number): Says(one) for number, one in enumerate(others)}}
    strategy = ConsensusAfterLosses(Ensemble(members), lead="lead")
    decided = strategy.decide(view(BARS, **portfolio))
    return asyncio.run(decided) if asyncio.iscoroutine(decided) else decided


def test_the_lead_decides_alone_until_consensus_is_required() -> None:
    calm = Hold(0.5, "calm")
    assert answer(Says(BUY), calm, calm) is BUY
    held = answer(Says(BUY), calm, calm, consensus_required=True)
    assert held == Hold(
        0.0,
        "after a losing streak: no consensus (70 % needed): lead buy 0.80 (up), 0 hold 0.50 (calm), 1 hold 0.50 (calm)",
    )
    agreed = answer(Says(BUY), BUY, BUY, consensus_required=True)
    assert isinstance(agreed, Open)
    assert agreed.reasoning.startswith("after a losing streak: consensus to buy, 3 of 3")


def test_an_exit_of_the_lead_needs_no_consensus() -> None:
    leave = Close(0.6, "turned")
    assert answer(Says(leave), BUY, BUY, BUY, quantity="2", consensus_required=True) is leave
    bought = answer(Says(leave), BUY, BUY, BUY, consensus_required=True)
    assert isinstance(bought, Open), "flat, there is nothing to leave"


def test_a_lead_that_fails_is_a_vote_against() -> None:
    broken = Raises(ValueError("no idea"))
    assert isinstance(answer(broken, BUY, BUY, consensus_required=True), Hold)
    assert isinstance(answer(broken, BUY, BUY, BUY, consensus_required=True), Open)


class Waits(Says):
    """Answers when it is let; counts how often it was asked, and how often while it still thought."""

    def __init__(self, answer: Any) -> None:
        super().__init__(answer)
        self.go_on, self.asked, self.inside, self.together = Event(), Event(), 0, 0
        self.count = 0

    def decide(self, view: View) -> Any:
        """The answer."""
        self.count += 1
        self.inside += 1
        self.together = max(self.together, self.inside)
        self.asked.set()
        self.go_on.wait(60)
        self.inside -= 1
        return self.answer


def test_an_exit_of_the_lead_waits_for_no_other_member() -> None:
    """The others never answer; the lead's close is there at once, and nothing is left behind but their threads."""

    async def main() -> None:
        leave, slow = Close(0.6, "turned"), Waits(BUY)
        strategy = ConsensusAfterLosses(Ensemble({"lead": Says(leave), "slow": slow}, timeout_s=3600), lead="lead")
        long = view(BARS, quantity="2", consensus_required=True)
        assert await asyncio.wait_for(strategy.decide(long), 30) is leave
        slow.go_on.set()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left)

    asyncio.run(main())


def test_the_lead_is_never_asked_while_it_thinks_nor_twice_for_a_question() -> None:
    """Late as a voter and then alone, or alone and then as a voter: the first question is still open."""

    async def main() -> None:
        slow = Waits(BUY)
        strategy = ConsensusAfterLosses(Ensemble({"lead": slow, "a": Says(BUY)}, timeout_s=0.05), lead="lead")
        held = await strategy.decide(view(BARS, consensus_required=True))
        assert isinstance(held, Hold)
        assert slow.count == 1
        alone = await strategy.decide(view(BARS))
        assert alone == Hold(0.0, "the strategy is still busy with an earlier question")
        assert (slow.count, slow.together) == (1, 1)
        slow.go_on.set()
        left = strategy.lead._respondent.left
        assert left is not None
        await left
        assert await strategy.decide(view(BARS)) is BUY
        assert (slow.count, slow.together) == (2, 1)

    asyncio.run(main())


def test_a_lead_that_fails_alone_is_a_hold_as_any_strategy_s() -> None:
    held = answer(Raises(ValueError("no \ud800 idea")))
    assert held == Hold(0.0, "the strategy raised ValueError: no ? idea")


def test_the_lead_must_be_a_member() -> None:
    with pytest.raises(ValueError, match="'c' was given, a member is allowed: a, b"):
        ConsensusAfterLosses(Ensemble({"a": Says(BUY), "b": Says(BUY)}), lead="c")


class Desk:
    """A gate with one round trip after the other, at prices that decide how they end."""

    def __init__(self, path: Path | None = None) -> None:
        self.clock = ManualClock(START_MS * 1_000_000)
        self.path = path
        self.gate = Gate("demo", Limits.for_tier("growth"), clock=self.clock, journal=path)
        self.gate.deposit(1_000_000)
        self.fills = 0

    def reopen(self) -> None:
        """As after a crash of the process."""
        self.gate.close()
        assert self.path is not None
        self.gate = Gate.open(self.path, clock=self.clock)

    def _fill(self, asset: str, side: Any, price: int, **fields: Any) -> None:
        self.clock.advance(5)
        for one in ("BTC", "ETH"):
            self.gate.mark(one, 100, atr=1)
        order = Order(asset, side, 1, confidence=1, reasoning="a trade", **fields)
        decision = self.gate.authorize(order, origin="protection" if order.reduce_only else "agent")
        assert decision, decision.violations
        self.fills += 1
        self.gate.apply_fill(decision.order_id, str(self.fills), 1, price)

    def open(self, asset: str) -> None:
        """Buy one."""
        self._fill(asset, "buy", 100, stop_loss=98)

    def close(self, asset: str, profit: int) -> None:
        """Sell it again."""
        self._fill(asset, "sell", 100 + profit, reduce_only=True)

    def trade(self, asset: str, profit: int) -> None:
        """A whole round trip."""
        self.open(asset)
        self.close(asset, profit)

    def wait_out_the_pause(self) -> None:
        """Half an hour, after which the breaker ends."""
        self.clock.advance(1800)
        self.gate.mark("BTC", 100, atr=1)
        assert self.gate.state == "active"


STREAK = [-1] * 5
HISTORIES = [
    # profits of round trips, whether consensus is required after them
    ([], False),
    ([-1] * 4, False),
    (STREAK, True),
    ([-1, -1, 1, -1, -1, -1], False),
    ([-1, -1, 0, -1, -1, -1], True),
    ([*STREAK, -1], True),
    ([*STREAK, 0], True),
    ([*STREAK, 1], False),
    ([*STREAK, -1, 0, 1], False),
    ([*STREAK, 1, *STREAK], True),
    ([*STREAK, *STREAK], True),
    ([*STREAK, *STREAK, 1], False),
]


@pytest.mark.parametrize(("profits", "is_required"), HISTORIES)
def test_required_from_the_trip_until_something_wins(profits: list[int], is_required: bool) -> None:
    desk = Desk()
    for profit in profits:
        if desk.gate.state != "active":
            desk.wait_out_the_pause()
        desk.trade("BTC", profit)
    assert Consensus(desk.gate).is_required() == is_required


def test_what_was_opened_before_the_trip_does_not_lift_it_when_it_wins() -> None:
    desk = Desk()
    desk.open("ETH")
    for profit in STREAK:
        desk.trade("BTC", profit)
    consensus = Consensus(desk.gate)
    assert consensus.is_required()
    desk.close("ETH", 5)
    assert consensus.is_required()
    desk.wait_out_the_pause()
    desk.trade("ETH", 1)
    assert not consensus.is_required()


@given(
    steps=st.lists(st.sampled_from(["lose", "lose", "win", "scratch", "look", "restart"]), max_size=30),
    kept_every=st.sampled_from([1, 7, 10_000]),
)
@settings(max_examples=60, deadline=None)
def test_a_restart_anywhere_changes_nothing(steps: list[str], kept_every: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consensus_file, "KEPT_EVERY", kept_every)
        desk, streak, is_required = Desk(), 0, False
        consensus = Consensus(desk.gate)
        for step in steps:
            if step == "look":
                assert consensus.is_required() == is_required
            elif step == "restart":
                consensus = Consensus(desk.gate)  # the gate's notes and events are all that it has
            else:
                if desk.gate.state != "active":
                    desk.wait_out_the_pause()
                    streak = 0
                profit = {"lose": -1, "win": 1, "scratch": 0}[step]
                desk.trade("BTC", profit)
                streak = streak + 1 if profit < 0 else 0 if profit > 0 else streak
                is_required = (is_required and profit <= 0) or streak == 5
        assert consensus.is_required() == is_required
        assert Consensus(desk.gate).is_required() == is_required


def test_what_is_held_while_the_note_is_written_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consensus_file, "KEPT_EVERY", 1)
    desk = Desk()
    desk.open("ETH")
    for profit in STREAK:
        desk.trade("BTC", profit)
    assert Consensus(desk.gate).is_required()
    desk.close("ETH", 5)
    assert Consensus(desk.gate).is_required(), "it was opened before the trip"
    desk.wait_out_the_pause()
    desk.open("ETH")
    assert Consensus(desk.gate).is_required()
    desk.close("ETH", 1)
    assert not Consensus(desk.gate).is_required()


@pytest.mark.parametrize("is_looked_at", [True, False])
def test_it_survives_in_the_journal(tmp_path: Path, is_looked_at: bool) -> None:
    desk = Desk(tmp_path / "journal.gxr")
    for profit in STREAK:
        if is_looked_at:
            Consensus(desk.gate).is_required()
        desk.trade("BTC", profit)
        desk.reopen()
    assert Consensus(desk.gate).is_required()
    desk.wait_out_the_pause()
    desk.open("BTC")
    desk.reopen()
    assert Consensus(desk.gate).is_required()
    desk.close("BTC", 1)
    desk.reopen()
    assert not Consensus(desk.gate).is_required()
    desk.gate.close()


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", '{"sequence": 1, "tripped": null, "held": [{}]}'])
def test_a_damaged_note_is_an_error_and_no_permission(text: str) -> None:
    desk = Desk()
    desk.gate.note(TOPIC, text or "?")
    with pytest.raises(VaultError, match="'consensus' is damaged"):
        Consensus(desk.gate)


def minute(number: int, opened: str, close: str) -> Moment:
    """A minute that goes from one price to another, with room for a stop."""
    prices = Decimal(opened), Decimal(close)
    high, low = max(prices) + Decimal("0.5"), min(prices) - Decimal("0.5")
    candle = Candle("BTC", START_MS + number * MINUTE_MS, MINUTE_MS, prices[0], high, low, prices[1], 1e6)
    return Moment(candle.end_ms, closed=(candle,))


def test_a_vault_that_churns_is_paused_and_then_needs_consensus_over_a_restart_until_it_wins(tmp_path: Path) -> None:
    numbers: Iterator[int] = iter(range(10_000))

    def fleet() -> Fleet:
        clock = ManualClock(START_MS * 1_000_000)
        return Fleet(tmp_path / "vaults", PaperVenue(folder=tmp_path / "accounts"), clock=clock)

    async def live() -> list[dict[str, Any]]:
        one = fleet()
        version = StrategyVersion.of("tests.agent.losing:make", "1")
        vault = await one.create("ann", VaultSettings("growth", version, bar_s=60))
        await vault.fund("first", Decimal(100_000))

        async def still(until: Any, price: str = "100") -> None:
            for number in numbers:
                await one.step(minute(number, price, price))
                if until():
                    return

        def count(kind: str) -> int:
            return sum(event["kind"] == kind for event in vault.gate.events(since=before))

        await still(lambda: vault.gate.state == "halted")
        await still(lambda: vault.gate.state == "active")
        await one.close()
        one = fleet()
        vault = await one.open("ann")
        before = vault.gate.sequence

        def holds() -> list[str]:
            told = [event["reasoning"] for event in vault.gate.events(since=before) if event["kind"] == "hold"]
            return [text for text in told if "no range yet" not in text]

        await still(lambda: len(holds()) == 10)
        assert all(text.startswith("after a losing streak: no consensus (70 % needed): churn buy") for text in holds())
        assert not vault.gate.snapshot().positions

        # A rise on which all agree, and another one that makes it win.
        await one.step(minute(next(numbers), "100", "103"))
        await one.step(minute(next(numbers), "103", "107"))
        await still(lambda: count("fill") == 3, "107")
        events = vault.gate.events(since=before)
        await one.close()
        assert not one.failed
        return events

    events = asyncio.run(live())
    opened = [
        event["order"]["reasoning"]
        for event in events
        if event["kind"] == "decision" and event["outcome"] == "approved" and not event["order"]["reduce_only"]
    ]
    assert opened[0].startswith("after a losing streak: consensus to buy, 3 of 3")
    assert opened[1] == "churn", "it has won: the lead decides alone again"
