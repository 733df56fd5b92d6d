"""When a call is tried again, and when it is given up."""

import random
import time
from dataclasses import dataclass, field
from typing import Final

from gxrisk.client.errors import ClientError, RateLimited, ServerUnavailable

# Of what was answered with 503 these do not pass by themselves.
_FINAL: Final = frozenset({"vault_failed", "certificate"})


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a call is tried: `attempts_max` times, `deadline_s` seconds for all of them together.

    Before attempt n+1 it waits a random time up to `backoff_s` x 2^n, at most `backoff_max_s` (full jitter: M. Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), and after that of the server's `Retry-After`.

    >>> Retries(attempts_max=1)  # never twice
    Retries(attempts_max=1, deadline_s=30, backoff_s=0.1, backoff_max_s=3)
    """

    attempts_max: int = 12
    deadline_s: float = 30
    backoff_s: float = 0.1
    backoff_max_s: float = 3

    def __post_init__(self) -> None:
        """Raises `ValueError` for what no call could keep to."""
        if self.attempts_max < 1:
            raise ValueError(f"attempts_max: {self.attempts_max} was given, 1 or more is allowed")
        for name in ("deadline_s", "backoff_s", "backoff_max_s"):
            if not 0 < (value := getattr(self, name)) <= 86_400:
                raise ValueError(f"{name}: {value} was given, more than 0 and up to 86400 s is allowed")

    def backoff(self, attempt: int, rng: random.Random) -> float:
        """Seconds to wait after so many attempts."""
        return rng.uniform(0, min(self.backoff_max_s, self.backoff_s * 2 ** min(attempt, 30)))


@dataclass(slots=True)
class Attempts:
    """The attempts of one call: how much time is left, and how long to wait before the next one."""

    retries: Retries
    idempotency_key: str | None
    rng: random.Random
    made: int = 0
    _may_be_done: bool = False
    _began: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        """How much of the call's time is left."""
        return self._began + self.retries.deadline_s - time.monotonic()

    def wait_s(self, error: ClientError) -> float:
        """How long to wait after this failure. Raises it, where it is the last one or will not pass."""
        self.made += 1
        if not isinstance(error, RateLimited | ServerUnavailable):
            raise error
        if isinstance(error, ServerUnavailable):
            self._may_be_done |= error.may_be_done and self.idempotency_key is not None
            error.may_be_done = self._may_be_done
            error.idempotency_key = self.idempotency_key
        wait_s = self.retries.backoff(self.made, self.rng) + (error.retry_after_s or 0)
        if error.code in _FINAL or self.made >= self.retries.attempts_max or wait_s >= self.left_s:
            tried = f"{self.made} attempt{'s' * (self.made != 1)} in {time.monotonic() - self._began:.1f} s"
            error.add_note(f"tried {tried}{'; it may be done all the same' * self._may_be_done}")
            raise error
        return wait_s
