"""How often a key may ask: a sliding window of a minute, in memory, by a clock that nobody sets."""

from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import Final

from gxrisk.server.keys import ApiKey
from gxrisk.server.problems import Problem

_WINDOW_S: Final = 60


class Rates:
    """So many a minute of each key: what the minute before had counts for the part of it that the last 60 s reach into.

    One or two counters a key, as Cloudflare's limiter has them; asked at every request and every streamed order.

    >>> rates = Rates(2, clock=lambda: 0.0)
    >>> [rates.is_within("00aa") for _ in range(3)], rates.is_within("00ab")
    ([True, True, False], True)
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._counts: dict[str, tuple[int, int, int]] = {}  # the minute, how many in it, how many in the one before

    def is_within(self, key_id: str) -> bool:
        """Take one; False where none is left, which takes none."""
        return self._take(key_id) > 0

    def take(self, key: ApiKey) -> dict[str, str]:
        """Take one request; the headers that tell of the limit. Raises `Problem` 429 where none is left."""
        left = self._take(key.id)
        reset_s = str(max(1, ceil(_WINDOW_S - self._clock() % _WINDOW_S)))
        headers = {
            "RateLimit-Limit": str(self.per_minute),
            "RateLimit-Remaining": str(max(0, left - 1)),
            "RateLimit-Reset": reset_s,
        }
        if left <= 0:
            text = f"more than {self.per_minute} requests came in a minute; ask again in {reset_s} s"
            raise Problem(429, "rate_limited", text, headers={**headers, "Retry-After": reset_s})
        return headers

    def _take(self, key_id: str) -> int:
        """How many were left before this one."""
        minute, into_s = divmod(self._clock(), _WINDOW_S)
        seen, count, before = self._counts.get(key_id, (0, 0, 0))
        if seen != minute:
            count, before = 0, count if seen == minute - 1 else 0
        left = self.per_minute - count - ceil(before * (1 - into_s / _WINDOW_S))
        self._counts[key_id] = int(minute), count + (left > 0), before
        return left
