"""Moves that are too large to be believed at once, and how a crash is told from a bad print."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, log, sqrt
from statistics import median
from typing import Final

from gxrisk.protection.data_quality_words import QualitySettings

RETURNS_MIN: Final = 30
NORMAL_MAD: Final = 1.4826  # what makes the median absolute deviation of a normal distribution its standard deviation
SCALE_MIN: Final = 0.0005  # a market that stood still is no measure


@dataclass(frozen=True, slots=True)
class Question:
    """A move from `level` to `price` that nobody believed yet; `confirmed` of the following prints did."""

    level: float
    price: float
    scaled: float
    confirmed: int = 0

    @property
    def size(self) -> float:
        """The move as a log return."""
        return log(self.price / self.level)

    def is_kept_by(self, price: float) -> bool:
        """Whether at least half of the move, in logs, is still there at this price."""
        return log(price / self.level) / self.size >= 0.5


class Jumps:
    """The level of one feed's prices, by prints alone or with other sources; memory is bounded by `returns`.

    The robust z of a return r is |r - median| / (1.4826 x MAD) over the returns before it; r over k intervals is first
    divided by the root of k. A move is in question when z > `z_max` and |ln(price / level)| >= `move_min`; while
    there are fewer than 30 returns the size alone decides. Then:

    - a following print that has lost half of the move: the print in question was an outlier, of that size
    - another source on the new side, or `confirmations` following prints there while no other source denies it: the
      move was real, the level follows, and nothing is held against the feed

    Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993 (the modified z-score).

    >>> jumps = Jumps(QualitySettings())
    >>> quiet = [100.0, 100.1] * 20
    >>> told = [*quiet, 1.06, 100.0, 80.0, 79.0, 78.0]  # a phantom is gone at once, a crash stays
    >>> found = [jumps.take(n, price, ()) for n, price in enumerate(told)]
    >>> [round(one, 2) for one in found if one is not None], jumps.level
    ([-4.55], 78.0)
    """

    def __init__(self, settings: QualitySettings) -> None:
        self._settings = settings
        self._returns: deque[float] = deque(maxlen=settings.returns)
        self._at_ms = 0
        self.level: float | None = None
        self.question: Question | None = None

    def forget_level(self) -> None:
        """Take the next print as it comes: a person has looked."""
        self.level = None
        self.question = None

    def take(self, at_ms: int, price: float, others: Iterable[float]) -> float | None:
        """Take the next print, not older than the one before; the log size of an outlier that it showed, else None."""
        outlier = None
        elapsed_ms, self._at_ms = at_ms - self._at_ms, at_ms
        if self.question is not None and self.level is not None:
            asked = self.question
            if asked.is_kept_by(price):
                self._confirm(price, tuple(others))
                return None
            outlier, self.question = asked.size, None
        if self.level is None:
            self.level = price
            return outlier
        move = log(price / self.level)
        scaled = self._scaled(move, elapsed_ms)
        if self.is_unlikely(move, scaled):
            self.question = Question(self.level, price, scaled)
            self._confirm(price, tuple(others), is_own=False)
            return outlier
        self._accept(price, scaled)
        return outlier

    def is_unlikely(self, move: float, scaled: float) -> bool:
        """Whether a move is in question: large, and far outside of what this feed does."""
        return abs(move) >= self._settings.move_min and self.z(scaled) > self._settings.z_max

    def is_far(self, price: float, elapsed_ms: int) -> bool:
        """Whether a price so long before or after the level would be a move in question; nothing changes."""
        if self.level is None:
            return False
        move = log(price / self.level)
        return self.is_unlikely(move, self._scaled(move, elapsed_ms))

    def z(self, scaled: float) -> float:
        """The robust z of a return; infinite while too few are known."""
        if len(self._returns) < RETURNS_MIN:
            return inf
        middle = median(self._returns)
        deviation = median(abs(one - middle) for one in self._returns)
        return abs(scaled - middle) / max(NORMAL_MAD * deviation, SCALE_MIN)

    def _scaled(self, move: float, elapsed_ms: int) -> float:
        return move / sqrt(max(1.0, elapsed_ms / self._settings.milliseconds(1)))

    def _confirm(self, price: float, others: tuple[float, ...], *, is_own: bool = True) -> None:
        asked = self.question
        if asked is None:
            return
        agreeing = [asked.is_kept_by(one) for one in others]
        if any(agreeing):
            self._accept(price, asked.scaled)
            return
        self.question = replace(asked, confirmed=asked.confirmed + is_own)
        if not agreeing and self.question.confirmed >= self._settings.confirmations:
            self._accept(price, asked.scaled)

    def _accept(self, price: float, scaled: float) -> None:
        self.level = price
        self.question = None
        self._returns.append(scaled)
