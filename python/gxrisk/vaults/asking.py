"""How a strategy is asked: beside everything else, bounded in time; whatever it does but answer becomes a hold."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from threading import Thread
from typing import Final

from gxrisk.agent.strategy import Action, Close, Hold, Open, Strategy, View

REASONING_CHARS_MAX: Final = 4000
_LATE: Final = object()
_CLOSED: Final = "the strategy gave no answer before the vault was closed"


class Asking:
    """One vault's strategy, asked one question after the other, each answered within `timeout_s`.

    A `decide` that is no coroutine function runs in a thread of its own, so that it holds up nobody else. What is late
    is left behind: a thread cannot be ended, but it is a daemon, which keeps no process alive. While it still runs the
    strategy is asked nothing more, and each question is answered with a hold at once.

    >>> class Lost:
    ...     def decide(self, view):
    ...         raise RuntimeError("no idea")
    >>> asyncio.run(Asking(Lost()).answer(None))
    Hold(confidence=0.0, reasoning='the strategy raised RuntimeError: no idea')
    """

    def __init__(self, strategy: Strategy, timeout_s: float = 30.0) -> None:
        self.timeout_s = timeout_s
        self._strategy = strategy
        self._left: asyncio.Future[object] | None = None  # what still ran when its question was given up
        self._ending: asyncio.Future[object] | None = None
        self._has_ended = False

    def end(self) -> None:
        """Answer the question in hand, and each to come, with a hold: the vault is being closed."""
        self._has_ended = True
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(None)

    async def answer(self, view: View, until: float | None = None) -> Action:
        """The strategy's answer, or a hold that says why there is none; `until` is a time of the loop's clock."""
        if self._has_ended:
            return silence(_CLOSED)
        if self._left is not None:
            await asyncio.sleep(0)  # what was cancelled has its turn first
            if not self._left.done():
                return silence("the strategy is still busy with an earlier question, which it did not answer in time")
            self._left = None
        loop = asyncio.get_running_loop()
        until = loop.time() + self.timeout_s if until is None else until
        self._ending = loop.create_future()
        answer = await self._decided(view, until, self._ending)
        if answer is _LATE:
            return silence(_CLOSED if self._has_ended else f"the strategy gave no answer within {self.timeout_s:g} s")
        if not isinstance(answer, Open | Close | Hold):
            return silence(f"the strategy answered {type(answer).__name__}, not Open, Close or Hold")
        return answer

    async def _decided(self, view: View, until: float, ending: asyncio.Future[object]) -> object:
        try:
            decide = self._strategy.decide
            answer: object
            if inspect.iscoroutinefunction(decide):
                answer = decide(view)
            else:
                answer = await self._in_time(_in_thread(partial(decide, view)), until, ending)
            if inspect.isawaitable(answer):
                answer = await self._in_time(asyncio.ensure_future(_awaited(answer)), until, ending)
        except (Exception, SystemExit) as error:
            return _raised(error)
        return answer

    async def _in_time(self, work: asyncio.Future[object], until: float, ending: asyncio.Future[object]) -> object:
        """What comes of `work`, or `_LATE`; a strategy that refuses to be cancelled is not waited for."""
        left_s = max(0.0, until - asyncio.get_running_loop().time())
        try:
            await asyncio.wait({work, ending}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not work.done():
                self._left = work
                work.add_done_callback(_let_go)
                if isinstance(work, asyncio.Task):
                    work.cancel()
        return work.result() if work.done() else _LATE


def silence(reasoning: str) -> Hold:
    """A hold of confidence 0, its reasoning as long as a record may be, in letters that one can hold."""
    return Hold(0.0, reasoning.encode("utf-8", "replace").decode()[:REASONING_CHARS_MAX])


def said(error: BaseException) -> str:
    """The message of an error; anyone's error may raise even when it is asked for that."""
    try:
        return str(error)
    except Exception:
        return "(its message raised too)"


def _raised(error: BaseException) -> Hold:
    return silence(f"the strategy raised {type(error).__name__}: {said(error)}")


def _in_thread(call: Callable[[], object]) -> "asyncio.Future[object]":
    """What `call` returns, as a future of this loop; a hold where it raises, whatever that is.

    No pool: threads that hang would fill one, and an executor's threads are waited for when the process ends.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()

    def work() -> None:
        try:
            answer = call()
        except BaseException as error:
            answer = _raised(error)
        try:
            loop.call_soon_threadsafe(future.set_result, answer)
        except RuntimeError:  # the loop was closed: nobody waits for it any more
            _close(answer)

    Thread(target=work, name="strategy", daemon=True).start()
    return future


async def _awaited(answer: Awaitable[object]) -> object:
    """The answer as a result in any case: what is no `Exception` would end the event loop, and with it every vault."""
    try:
        return await answer
    except asyncio.CancelledError:
        return silence("the strategy was cancelled, or cancelled itself")
    except (Exception, SystemExit) as error:
        return _raised(error)


def _let_go(work: "asyncio.Future[object]") -> None:
    if not work.cancelled():
        _close(work.result())


def _close(answer: object) -> None:
    """A coroutine that nobody will await is closed, or it would warn of that."""
    if inspect.iscoroutine(answer):
        answer.close()
