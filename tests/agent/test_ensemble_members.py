"""Members of an ensemble: what is no answer counts against, and nothing that one does holds up the others."""

import asyncio
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from gxrisk.agent import Close, Hold, Open, Strategy, View
from gxrisk.agent.ensemble import Ensemble

from .members import (
    BUY,
    FLAT,
    Hangs,
    HangsLater,
    Raises,
    RaisesLater,
    Says,
    SaysLater,
    Stubborn,
    Unspeakable,
    asked,
    opening,
)


@pytest.fixture
def hanging() -> Iterator[Hangs]:
    """A member whose thread ends with the test."""
    member = Hangs()
    yield member
    member.free.set()


NO_ANSWERS = {
    "nothing": Says(None),
    "a word": Says("buy"),
    "an exception": Raises(ValueError("no idea")),
    "an exception without words": Raises(Unspeakable()),
    "the end of the process": Raises(SystemExit(1)),
    "an interrupt in its thread": Raises(KeyboardInterrupt()),
    "an exception, later": RaisesLater(ValueError("no idea")),
    "the end of the process, later": RaisesLater(SystemExit(1)),
    "its own cancellation": RaisesLater(asyncio.CancelledError()),
    "nothing, later": SaysLater(None),
    "confidence nan": Says(opening(confidence=float("nan"))),
    "confidence above 1": Says(Hold(1.01, "sure")),
    "confidence below 0": Says(Close(-0.01, "sure")),
    "confidence true": Says(Hold(True, "sure")),
    "confidence in words": Says(Hold("high", "sure")),
    "reasoning that is no text": Says(Hold(0.5, None)),
    "another side": Says(opening(side="long")),
    "no quantity": Says(opening(quantity=0)),
    "a quantity below 0": Says(opening(quantity=Decimal(-1))),
    "quantity nan": Says(opening(quantity=Decimal("NaN"))),
    "quantity signalling": Says(opening(quantity=Decimal("sNaN"))),
    "an infinite quantity": Says(opening(quantity=float("inf"))),
    "a quantity that is missing": Says(opening(quantity=None)),
    "quantity true": Says(opening(quantity=True)),
    "a stop that is nan": Says(opening(stop_loss=float("nan"))),
    "a stop of 0": Says(opening(stop_loss=0)),
    "leverage in words": Says(opening(leverage="much")),
}


@pytest.mark.parametrize("broken", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_a_member_without_an_answer_counts_against_and_is_named(broken: Strategy) -> None:
    three = [Says(BUY)] * 3
    assert isinstance(asked([*three, broken]), Open), "three of four are enough, whatever the fourth does"
    action = asked([*three[:2], broken])
    assert isinstance(action, Hold)
    assert ", c failed (" in action.reasoning


def test_numbers_of_every_kind_are_understood() -> None:
    kinds = [np.float64(0.5), np.float32(0.5), 1, Decimal("0.75"), 0.6]
    action = asked([Says(opening(quantity=one, confidence=np.float64(0.5))) for one in kinds])
    assert isinstance(action, Open)
    assert action.quantity == 0.5


def test_all_are_asked_at_once() -> None:
    in_threads, in_loop = threading.Barrier(3), asyncio.Barrier(3)

    class Meets:
        def decide(self, view: View) -> Any:
            in_threads.wait(30)
            return BUY

    class MeetsLater:
        async def decide(self, view: View) -> Any:
            await in_loop.wait()
            return BUY

    action = asked([Meets(), MeetsLater()] * 3, timeout_s=30.0)
    assert isinstance(action, Open), "one after the other, none would have come through its barrier"


def test_who_is_late_counts_against_and_holds_up_nobody(hanging: Hangs) -> None:
    cancelled = HangsLater()
    started = time.monotonic()
    action = asked([Says(BUY), hanging, cancelled], timeout_s=0.05)
    assert time.monotonic() - started < 10
    assert cancelled.was_cancelled
    assert isinstance(action, Hold)
    assert action.reasoning == (
        "no consensus (70 % needed): a buy 0.80 (up), b failed (gave no answer within 0.05 s), "
        "c failed (gave no answer within 0.05 s)"
    )


def test_who_is_still_busy_is_asked_nothing_more_and_comes_back_when_free(hanging: Hangs) -> None:
    async def three_questions() -> None:
        stubborn = Stubborn()
        ensemble = Ensemble({"thread": hanging, "task": stubborn}, timeout_s=0.05)
        try:
            first, second = await ensemble.votes(FLAT), await ensemble.votes(FLAT)
            left = [one for member in ensemble.members if (one := member._respondent.left) is not None]
        finally:
            hanging.free.set()
            stubborn.free.set()
        assert [one.failure for one in first] == ["gave no answer within 0.05 s"] * 2
        assert [one.failure for one in second] == ["is still busy with an earlier question"] * 2
        assert hanging.asked == 1
        assert len(left) == 2
        await asyncio.wait_for(asyncio.gather(*left), 30)
        assert [one.action for one in await ensemble.votes(FLAT)] == [BUY, BUY]

    asyncio.run(three_questions())


def test_a_coroutine_that_comes_too_late_is_closed_and_warns_of_nothing() -> None:
    free = threading.Event()

    class Late:
        def decide(self, view: View) -> Any:
            free.wait(60)
            return SaysLater(BUY).decide(view)

    async def question() -> None:
        ensemble = Ensemble({"late": Late()}, timeout_s=0.05)
        assert [one.choice for one in await ensemble.votes(FLAT)] == ["failed"]
        left = ensemble.members[0]._respondent.left
        assert left is not None
        free.set()
        await asyncio.wait_for(asyncio.wait({left}), 30)

    asyncio.run(question())


def test_an_ensemble_that_is_cancelled_cancels_its_members() -> None:
    async def question() -> HangsLater:
        member = HangsLater()
        asking = asyncio.ensure_future(Ensemble({"a": member}, timeout_s=60.0).decide(FLAT))
        await member.was_asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        while not member.was_cancelled:
            await asyncio.sleep(0)
        return member

    assert asyncio.run(asyncio.wait_for(question(), 30)).was_cancelled
