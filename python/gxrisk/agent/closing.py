"""A strategy that holds something open, an HTTP client for example, is closed with its vault."""

import asyncio
import inspect
import logging
from typing import Final

from gxrisk.agent.asking import LATE, Failure, in_thread, said
from gxrisk.agent.strategy import Strategy

CLOSE_S: Final = 5.0
_log = logging.getLogger("gxrisk.agent")


async def close_strategy(strategy: Strategy, within_s: float = CLOSE_S) -> None:
    """Call the strategy's `aclose`, else its `close`, where it has one; neither takes arguments, both are optional.

    What it raises is logged, and what takes longer than `within_s` seconds is left behind. A `close` that is no
    coroutine function runs in a thread of its own.

    >>> class Client:
    ...     def decide(self, view): ...
    ...     def close(self):
    ...         print("closed")
    >>> asyncio.run(close_strategy(Client()))
    closed
    """
    closing = asyncio.ensure_future(_closed(strategy))
    await asyncio.wait({closing}, timeout=within_s)
    if closing.cancel():
        failure: object = LATE
    else:
        failure = closing.result()
    if isinstance(failure, Failure):
        _log.warning("%s could not be closed: it %s", type(strategy).__name__, failure.reason)


async def _closed(strategy: Strategy) -> object:
    try:
        close = getattr(strategy, "aclose", None) or getattr(strategy, "close", None)
        if not callable(close):
            return None
        answer = close() if inspect.iscoroutinefunction(close) else await in_thread(close, "close")
        return await answer if inspect.isawaitable(answer) else answer
    except (Exception, SystemExit) as error:
        return Failure(f"raised {type(error).__name__}: {said(error)}")
