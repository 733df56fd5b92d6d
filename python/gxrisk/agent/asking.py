"""How a strategy is asked: beside everything else and in bounded time; whatever is no answer is named."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from threading import Thread
from typing import Final, NamedTuple

from gxrisk.agent.strategy import Strategy, View


class Failure(NamedTuple):
    """Why there is no answer: what the strategy did instead."""

    reason: str


LATE: Final = Failure("gave no answer in time")
BUSY: Final = Failure("is still busy with an earlier question")


class Respondent:
    """A strategy that is asked one question after the other.

    A `decide` that is no coroutine function runs in a thread of its own, named `thread`, so that it holds up nobody
    else. What is late is left behind: a thread cannot be ended, but it is a daemon, which keeps no process alive. While
    it still runs the strategy is asked nothing more, and each question is `BUSY` at once.

    >>> class Lost:
    ...     def decide(self, view):
    ...         raise RuntimeError("no idea")
    >>> async def ask():
    ...     return await Respondent(Lost()).answer(None, asyncio.get_running_loop().time() + 5)
    >>> asyncio.run(ask())
    Failure(reason='raised RuntimeError: no idea')
    """

    def __init__(self, strategy: Strategy, thread: str = "strategy") -> None:
        self._strategy = strategy
        self._thread = thread
        self.left: asyncio.Future[object] | None = None  # what still ran when its question was given up

    async def answer(self, view: View, until: float, ending: "asyncio.Future[object] | None" = None) -> object:
        """Whatever the strategy answers, or a `Failure`: `LATE` at `until` (by the loop), or once `ending` is done."""
        if self.left is not None:
            await asyncio.sleep(0)  # what was cancelled has its turn first
            if not self.left.done():
                return BUSY
            self.left = None
        try:
            decide = self._strategy.decide
            answer: object
            if inspect.iscoroutinefunction(decide):
                answer = decide(view)
            else:
                answer = await self._in_time(in_thread(partial(decide, view), self._thread), until, ending)
            if inspect.isawaitable(answer):
                answer = await self._in_time(asyncio.ensure_future(_awaited(answer)), until, ending)
        except (Exception, SystemExit) as error:
            return _raised(error)
        return answer

    async def _in_time(
        self, work: "asyncio.Future[object]", until: float, ending: "asyncio.Future[object] | None"
    ) -> object:
        """What comes of `work`, or `LATE`; a strategy that refuses to be cancelled is not waited for."""
        awaited = {work} if ending is None else {work, ending}
        left_s = max(0.0, until - asyncio.get_running_loop().time())
        try:
            await asyncio.wait(awaited, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not work.done():
                self.left = work
                work.add_done_callback(_let_go)
                if isinstance(work, asyncio.Task):
                    work.cancel()
        return work.result() if work.done() else LATE


def said(error: BaseException) -> str:
    """The message of an error; anyone's error may raise even when it is asked for that."""
    try:
        return str(error)
    except Exception:
        return "(its message raised too)"


def _raised(error: BaseException) -> Failure:
    return Failure(f"raised {type(error).__name__}: {said(error)}")


def in_thread(call: Callable[[], object], name: str) -> "asyncio.Future[object]":
    """What `call` returns, as a future of this loop; a failure where it raises, whatever that is.

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

    Thread(target=work, name=name, daemon=True).start()
    return future


async def _awaited(answer: Awaitable[object]) -> object:
    """The answer as a result in any case: what is no `Exception` would end the event loop, and with it every vault."""
    try:
        return await answer
    except asyncio.CancelledError:
        return Failure("was cancelled, or cancelled itself")
    except (Exception, SystemExit) as error:
        return _raised(error)


def _let_go(work: "asyncio.Future[object]") -> None:
    if not work.cancelled():
        _close(work.result())


def _close(answer: object) -> None:
    """A coroutine that nobody will await is closed, or it would warn of that."""
    if inspect.iscoroutine(answer):
        answer.close()
