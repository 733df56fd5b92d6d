"""How the members of an ensemble are asked: all at once, each in bounded time; whatever is no answer is a failure."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from threading import Thread
from typing import Final, Literal, NamedTuple

from gxrisk.agent.strategy import Action, Close, Hold, Open, Strategy, View

Choice = Literal["buy", "sell", "close", "hold", "failed"]
_LATE: Final = object()


class _Failure(NamedTuple):
    """Why a member has no answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class Vote:
    """What one member said: its action, or None and why there is none."""

    member: str
    action: Action | None
    failure: str = ""

    @property
    def choice(self) -> Choice:
        """The action in one word.

        >>> Vote("trend", Close(0.9, "turned")).choice, Vote("forest", None, "gave no answer within 5 s").choice
        ('close', 'failed')
        """
        return "failed" if self.action is None else chosen(self.action)

    def told(self, reasoning_chars_max: int) -> str:
        """The vote in a few words.

        >>> Vote("trend", Hold(0.25, "could be chance: +0.1 %")).told(15)
        'trend hold 0.25 (could be chance)'
        """
        if self.action is None:
            return f"{self.member} failed ({self.failure[:reasoning_chars_max]})"
        return (
            f"{self.member} {self.choice} {self.action.confidence:.2f} ({self.action.reasoning[:reasoning_chars_max]})"
        )


def chosen(action: Action) -> Literal["buy", "sell", "close", "hold"]:
    """An action in one word.

    >>> chosen(Open("buy", 1, 0.8, "up"))
    'buy'
    """
    if isinstance(action, Open):
        return action.side
    return "close" if isinstance(action, Close) else "hold"


class Member:
    """A strategy with its name, asked one question after the other.

    A `decide` that is no coroutine function runs in a thread of its own. What is late is left behind (a thread cannot
    be ended, but it is a daemon and keeps no process alive); while it still runs, the member is asked nothing more.
    """

    def __init__(self, name: str, strategy: Strategy) -> None:
        self.name = name
        self.strategy = strategy
        self._left: asyncio.Future[object] | None = None

    async def vote(self, view: View, timeout_s: float) -> Vote:
        """The member's vote, a failure after `timeout_s` at the latest."""
        if self._left is not None:
            await asyncio.sleep(0)  # what was cancelled has its turn first
            if not self._left.done():
                return Vote(self.name, None, "is still busy with an earlier question")
            self._left = None
        until = asyncio.get_running_loop().time() + timeout_s
        answer: object
        if inspect.iscoroutinefunction(self.strategy.decide):
            answer = self.strategy.decide(view)
        else:
            answer = await self._in_time(_in_thread(self.strategy.decide, view), until)
        if inspect.isawaitable(answer):
            answer = await self._in_time(asyncio.ensure_future(_awaited(answer)), until)
        if answer is _LATE:
            return Vote(self.name, None, f"gave no answer within {timeout_s:g} s")
        return _vote(self.name, answer)

    async def _in_time(self, work: "asyncio.Future[object]", until: float) -> object:
        """What comes of `work`, or `_LATE`; one that refuses to be cancelled is not waited for."""
        try:
            await asyncio.wait({work}, timeout=max(0.0, until - asyncio.get_running_loop().time()))
        finally:
            if not work.done():
                self._left = work
                work.add_done_callback(_let_go)
                if isinstance(work, asyncio.Task):
                    work.cancel()
        return work.result() if work.done() else _LATE


def _in_thread(decide: Callable[[View], object], view: View) -> "asyncio.Future[object]":
    """What `decide` returns. No pool: hung threads would fill it, and the end of the process waits for a pool's."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()

    def work() -> None:
        try:
            answer = decide(view)
        except BaseException as error:
            answer = _Failure(f"raised {_said(error)}")
        try:
            loop.call_soon_threadsafe(future.set_result, answer)
        except RuntimeError:  # the loop was closed: nobody waits for it any more
            _close(answer)

    Thread(target=work, name="member", daemon=True).start()
    return future


async def _awaited(answer: Awaitable[object]) -> object:
    """The answer as a result in any case: what is no `Exception` would end the event loop, and with it every vault."""
    try:
        return await answer
    except asyncio.CancelledError:
        return _Failure("was cancelled, or cancelled itself")
    except (Exception, SystemExit) as error:
        return _Failure(f"raised {_said(error)}")


def _let_go(work: "asyncio.Future[object]") -> None:
    if not work.cancelled():
        _close(work.result())


def _close(answer: object) -> None:
    """A coroutine that nobody will await is closed, or it would warn of that."""
    if inspect.iscoroutine(answer):
        answer.close()


def _vote(name: str, answer: object) -> Vote:
    if isinstance(answer, _Failure):
        return Vote(name, None, answer.reason)
    if not isinstance(answer, Open | Close | Hold):
        return Vote(name, None, f"answered {type(answer).__name__}, not Open, Close or Hold")
    try:
        problem = _problem(answer)
    except Exception as error:  # its fields may be anything
        problem = _said(error)
    return (
        Vote(name, None, f"answered a malformed {type(answer).__name__}: {problem}") if problem else Vote(name, answer)
    )


def _problem(action: Action) -> str:
    """What is wrong with an action's fields; empty where nothing is."""
    if isinstance(action.confidence, bool) or not 0 <= float(action.confidence) <= 1:
        return f"confidence {action.confidence!r}, 0 to 1 is allowed"
    if not isinstance(action.reasoning, str):
        return f"reasoning of the type {type(action.reasoning).__name__}"
    if not isinstance(action, Open):
        return ""
    if action.side not in ("buy", "sell"):
        return f"side {action.side!r}, buy or sell is allowed"
    given = [one for one in (action.stop_loss, action.price, action.take_profit) if one is not None]
    wrong = [one for one in (action.quantity, action.leverage, *given) if not exact(one) > 0]
    return f"{wrong[0]!r}, a number above 0 is allowed" if wrong else ""


def exact(value: Decimal | float) -> Decimal:
    """A number to compare others with, 0 for what is none; a float is taken as it is written.

    >>> exact(0.1) == Decimal("0.1"), exact(float("nan"))
    (True, Decimal('0'))
    """
    if isinstance(value, bool):
        return Decimal(0)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def _said(error: BaseException) -> str:
    """The name and message of an error; anyone's error may raise even when it is asked for that."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__
