"""Work that takes long and that many may ask for at once: done once, and finished when nobody waits any more."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar, cast

AT_ONCE: Final = 2  # threads of them that are busy, so that decisions find one free
_Result = TypeVar("_Result")


class Shared:
    """Results by key. Who asks while one is being made gets that one; so does who asks within `keep_s` seconds of it.

    A request that is given up after its time (504) leaves the work running, and the next one finds it, or its result.
    What failed is not kept.

    >>> async def twice():
    ...     shared, made = Shared(), []
    ...     async def make():
    ...         made.append("once")
    ...         return len(made)
    ...     return await asyncio.gather(shared.get("key", make, keep_s=60), shared.get("key", make, keep_s=60))
    >>> asyncio.run(twice())
    [1, 1]
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, tuple[asyncio.Task[Any], float]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def get(self, key: Hashable, make: Callable[[], Awaitable[_Result]], *, keep_s: float) -> _Result:
        """The result of `make`."""
        self._forget()
        known = self._made.get(key)
        if known is None:
            task = asyncio.create_task(self._make(key, make, keep_s))
            self._made[key] = task, float("inf")
        else:
            task = known[0]
        return cast(_Result, await asyncio.shield(task))

    async def close(self) -> None:
        """End what waits for its turn; what is in a thread goes on until it is done, and is given to nobody."""
        tasks = [task for task, _ in self._made.values() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._made.clear()

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[_Result]], keep_s: float) -> _Result:
        until = 0.0
        try:
            async with self._turns:
                result = await make()
            until = time.monotonic() + keep_s
            return result
        finally:
            task = asyncio.current_task()
            if task is not None and key in self._made:
                self._made[key] = task, until

    def _forget(self) -> None:
        """What is over and old: few enough at any time to be looked through."""
        now = time.monotonic()
        for key in [key for key, (_, until) in self._made.items() if until <= now]:
            del self._made[key]
