"""A vault's strategy is asked in bounded time; whatever it does but answer becomes a hold."""

import asyncio
from typing import Final

from gxrisk.agent.asking import BUSY, LATE, Failure, Respondent
from gxrisk.agent.strategy import REASONING_CHARS_MAX, Action, Close, Hold, Open, Strategy, View

_CLOSED: Final = "the strategy gave no answer before the vault was closed"


class Asking:
    """One vault's strategy, asked one question after the other, each answered within `timeout_s`.

    It runs as a `Respondent` does, in a thread of its own where it is no coroutine function. While it still thinks
    about a question that was given up, each question is answered with a hold at once.

    >>> class Lost:
    ...     def decide(self, view):
    ...         raise RuntimeError("no idea")
    >>> asyncio.run(Asking(Lost()).answer(None))
    Hold(confidence=0.0, reasoning='the strategy raised RuntimeError: no idea')
    """

    def __init__(self, strategy: Strategy, timeout_s: float = 30.0) -> None:
        self.timeout_s = timeout_s
        self._respondent = Respondent(strategy)
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
        loop = asyncio.get_running_loop()
        until = loop.time() + self.timeout_s if until is None else until
        self._ending = loop.create_future()
        answer = await self._respondent.answer(view, until, self._ending)
        if answer is LATE:
            return silence(_CLOSED if self._has_ended else f"the strategy gave no answer within {self.timeout_s:g} s")
        if answer is BUSY:
            return silence(f"the strategy {BUSY.reason}, which it did not answer in time")
        if isinstance(answer, Failure):
            return silence(f"the strategy {answer.reason}")
        if not isinstance(answer, Open | Close | Hold):
            return silence(f"the strategy answered {type(answer).__name__}, not Open, Close or Hold")
        return answer


def silence(reasoning: str) -> Hold:
    """A hold of confidence 0, its reasoning as long as a record may be, in letters that one can hold."""
    return Hold(0.0, reasoning.encode("utf-8", "replace").decode()[:REASONING_CHARS_MAX])
