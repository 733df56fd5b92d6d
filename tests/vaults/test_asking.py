"""A strategy is asked beside everything else, in bounded time, and in order."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from gxrisk.agent import Action, Hold, Portfolio, View
from gxrisk.vaults.asking import Asking

VIEW = View("BTC", datetime(2020, 3, 12, tzinfo=UTC), (), None, Portfolio(Decimal(1)))
PATIENCE_S = 60


class Told:
    """A strategy whose `decide` is the given function."""

    def __init__(self, decide: Callable[[View], Any]) -> None:
        self._decide = decide

    def decide(self, view: View) -> Any:
        """As told."""
        return self._decide(view)


@pytest.fixture
def doors() -> Iterator[Event]:
    """What blocked strategies wait for; open at the end, so that no thread is left."""
    opened = Event()
    yield opened
    opened.set()
    for one in threading.enumerate():
        if one.name == "strategy":
            one.join(PATIENCE_S)


def reasons(*answers: Action) -> list[str]:
    """What the answers say."""
    return [one.reasoning for one in answers]


def test_a_blocking_strategy_leaves_the_loop_alone_and_is_asked_in_order() -> None:
    """In another thread; the loop turns meanwhile, and the second question comes after the first answer."""
    log: list[Any] = []
    met = Event()

    def decide(view: View) -> Action:
        log.append(threading.current_thread())
        assert met.wait(PATIENCE_S), "the loop stood still"
        met.clear()
        log.append(f"answer {len(log)}")
        return Hold(1.0, str(log[-1]))

    async def ask_twice() -> list[Action]:
        asking = Asking(Told(decide))
        answers = []
        for _ in range(2):
            asked = asyncio.ensure_future(asking.answer(VIEW))
            await asyncio.sleep(0)
            met.set()
            answers.append(await asked)
        return answers

    assert reasons(*asyncio.run(ask_twice())) == ["answer 1", "answer 3"]
    assert threading.main_thread() not in log


def test_what_hangs_is_not_asked_again_until_it_comes_back(doors: Event) -> None:
    """No second thread; each question is a hold, at once; afterwards it answers as before."""
    asked: list[int] = []

    def decide(view: View) -> Action:
        asked.append(len(asked))
        doors.wait()
        return Hold(1.0, f"answer to {asked[-1]}")

    async def ask() -> None:
        asking = Asking(Told(decide), timeout_s=0.05)
        loop = asyncio.get_running_loop()
        assert reasons(await asking.answer(VIEW)) == ["the strategy gave no answer within 0.05 s"]
        before = loop.time()
        for _ in range(20):
            assert "still busy with an earlier question" in (await asking.answer(VIEW)).reasoning
        assert loop.time() - before < 0.5
        assert asked == [0]
        assert sum(one.name == "strategy" for one in threading.enumerate()) == 1
        doors.set()
        asking.timeout_s = PATIENCE_S
        while "still busy" in (answer := await asking.answer(VIEW)).reasoning:
            pass
        assert answer == Hold(1.0, "answer to 1"), "what came too late is no answer to another question"

    asyncio.run(ask())


def test_many_that_hang_starve_nobody(doors: Event) -> None:
    """Two hundred blocked threads, and one strategy that answers while they are."""

    def block(view: View) -> Action:
        doors.wait()
        return Hold(1.0, "late")

    async def ask() -> None:
        blocked = [Asking(Told(block), timeout_s=PATIENCE_S) for _ in range(200)]
        waiting = [asyncio.ensure_future(one.answer(VIEW)) for one in blocked]
        await asyncio.sleep(0)
        quick = Asking(Told(lambda view: Hold(1.0, "quick")))
        assert await quick.answer(VIEW) == Hold(1.0, "quick")
        assert not any(one.done() for one in waiting)
        doors.set()
        assert {one.reasoning for one in await asyncio.gather(*waiting)} == {"late"}

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyboardInterrupt("stop"), "the strategy raised KeyboardInterrupt: stop"),
        (SystemExit(3), "the strategy raised SystemExit: 3"),
        (GeneratorExit(), "the strategy raised GeneratorExit: "),
        (RuntimeError("x" * 10_000), "the strategy raised RuntimeError: " + "x" * 3966),
    ],
)
def test_whatever_a_thread_raises_is_a_hold(error: BaseException, expected: str) -> None:
    def raising(view: View) -> Action:
        raise error

    assert asyncio.run(Asking(Told(raising)).answer(VIEW)) == Hold(0.0, expected)


def test_a_coroutine_that_comes_too_late_is_closed(doors: Event) -> None:
    """It would warn that nobody awaited it, and warnings are errors here."""
    made = []

    async def answer() -> Action:
        return Hold(1.0, "late")

    def decide(view: View) -> Any:
        doors.wait()
        made.append(answer())
        return made[0]

    async def ask() -> None:
        asking = Asking(Told(decide), timeout_s=0.01)
        await asking.answer(VIEW)
        doors.set()
        while "busy" in (await asking.answer(VIEW)).reasoning and not made:
            pass
        while made[0].cr_frame is not None:
            await asyncio.sleep(0)

    asyncio.run(ask())


def test_the_end_of_a_vault_answers_what_is_asked(doors: Event) -> None:
    """At once, whether it blocks or waits; afterwards nothing is asked."""

    def block(view: View) -> Action:
        doors.wait()
        return Hold(1.0, "late")

    async def wait(view: View) -> Action:
        await asyncio.Event().wait()
        return Hold(1.0, "late")

    async def ask(decide: Callable[[View], Any]) -> None:
        asking = Asking(Told(decide), timeout_s=PATIENCE_S)
        asked = asyncio.ensure_future(asking.answer(VIEW))
        await asyncio.sleep(0)
        asking.end()
        expected = ["the strategy gave no answer before the vault was closed"]
        assert reasons(await asked) == reasons(await asking.answer(VIEW)) == expected

    asyncio.run(ask(block))
    asyncio.run(ask(wait))


def test_a_blocked_strategy_keeps_no_process_alive() -> None:
    """The process ends by itself, with its thread still blocked."""
    program = """
import asyncio, threading
from gxrisk.vaults.asking import Asking

class Blocked:
    def decide(self, view):
        threading.Event().wait()

print(asyncio.run(Asking(Blocked(), timeout_s=0.05).answer(None)).reasoning)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert ended.stdout == "the strategy gave no answer within 0.05 s\n"
    assert ended.stderr == ""
