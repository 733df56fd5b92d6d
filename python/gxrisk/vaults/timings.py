"""How long the road of an order takes, measured around the gate's calls and not inside of them."""

from bisect import bisect_left
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, Self

BOUNDS_S: Final = (
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip


class Timing:
    """A histogram of durations in seconds: how many were at most each of `BOUNDS_S`, the last count for longer ones.

    One thread writes, any may read.

    >>> timing = Timing()
    >>> timing.observe(0.0001)
    >>> timing.observe(11)
    >>> timing.counts[0], timing.counts[-1], round(timing.total_s)
    (1, 1, 11)
    """

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds

    def measure(self) -> "Measure":
        """Count the duration of a `with` block, whether it fails or not."""
        return Measure(self)


class Measure:
    """One running measurement."""

    __slots__ = ("_since", "_timing")

    def __init__(self, timing: Timing) -> None:
        self._timing = timing

    def __enter__(self) -> Self:
        """Begin."""
        self._since = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """Count it."""
        self._timing.observe(perf_counter() - self._since)


@dataclass(frozen=True, slots=True)
class Timings:
    """What a fleet measures of its strategies' proposals.

    `decision` is `authorize` in whole: judged, reserved, on record, signed; `journal` is one record that decides
    nothing (a hold), so that what the disk costs can be told from it; `venue` is the sending of an approval.
    """

    decision: Timing = field(default_factory=Timing)
    journal: Timing = field(default_factory=Timing)
    venue: Timing = field(default_factory=Timing)
