"""Models that answer later, in a replay that does not: one event loop, made when the first of them needs it."""

import asyncio
import inspect
from collections.abc import Awaitable
from types import TracebackType
from typing import Self

from gxrisk.agent.strategy import Action, ModelError, Strategy, View


class Awaiting:
    """Waits for what models answer, all of them in one event loop, so that a client may live from answer to answer.

    A replay whose models answer at once makes no loop. Raises `ModelError` where a loop already runs in this thread.

    >>> from gxrisk.agent import Hold
    >>> class Later:
    ...     async def decide(self, view: View) -> Action:
    ...         return Hold(1.0, "thought about it")
    >>> with Awaiting() as awaiting:
    ...     awaiting.model(Later()).decide(None).reasoning
    'thought about it'
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            self._runner.close()

    def model(self, model: Strategy) -> "Awaited":
        """The same model, answering at once."""
        return Awaited(model, self)

    def wait(self, answer: Awaitable[Action]) -> Action:
        """Run the loop until the answer is there."""
        if _loop_runs():
            if inspect.iscoroutine(answer):
                answer.close()
            raise ModelError(
                "the model answers later, but an event loop already runs in this thread; "
                "replay in another one: await asyncio.to_thread(replay, ...)"
            )
        if self._runner is None:
            # A loop of its own: one that was set for this thread stays as it is.
            self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        try:
            return self._runner.run(_finish(answer))
        except asyncio.CancelledError:
            raise ModelError("the model was cancelled, or cancelled itself") from None


class Awaited:
    """A model whose `decide` returns an action, whether the model's own is a coroutine or not."""

    def __init__(self, model: Strategy, awaiting: Awaiting) -> None:
        self._model = model
        self._awaiting = awaiting

    def decide(self, view: View) -> Action:
        """The model's answer, waited for where that is needed."""
        answer = self._model.decide(view)
        if not inspect.isawaitable(answer):
            return answer
        return self._awaiting.wait(answer)


async def _finish(answer: Awaitable[Action]) -> Action:
    return await answer


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
