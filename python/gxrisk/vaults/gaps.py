"""Feed time: which of it a vault saw, and the gaps in between."""

from dataclasses import dataclass, replace
from typing import Any, Final

from gxrisk._native import VaultError

GAPS_MAX: Final = 50
REASON_CHARS_MAX: Final = 250


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of feed time that the vault did not see (UTC milliseconds); `reason` is the operator's explanation."""

    from_ms: int
    until_ms: int
    reason: str | None = None


class FeedTime:
    """What was seen of the feed. Two moments further apart than `gap_ms_max` have a gap between them.

    The newest 50 gaps are kept. What is forgotten counts as unexplained, so that forgetting never helps.

    >>> time = FeedTime(gap_ms_max=300_000)
    >>> for at_ms in (0, 300_000, 600_001, 700_000):
    ...     if (gap := time.saw(at_ms)) is not None:
    ...         print(gap)
    Gap(from_ms=300000, until_ms=600001, reason=None)
    >>> time.served_ms(700_000)
    99999
    >>> time.explain(300_000, "the exchange's own maintenance, announced")
    >>> time.served_ms(700_000)
    399999
    """

    def __init__(self, gap_ms_max: int) -> None:
        self.gap_ms_max = gap_ms_max
        self.first_ms: int | None = None
        self.seen_ms: int | None = None
        self._gaps: list[Gap] = []

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The gaps, oldest first."""
        return tuple(self._gaps)

    def saw(self, at_ms: int) -> Gap | None:
        """Take a moment of the feed; the gap that it ended."""
        seen = self.seen_ms
        if seen is None:
            self.first_ms = self.seen_ms = at_ms
            return None
        if at_ms <= seen:
            return None
        self.seen_ms = at_ms
        if at_ms - seen <= self.gap_ms_max:
            return None
        gap = Gap(seen, at_ms)
        self._gaps.append(gap)
        if len(self._gaps) > GAPS_MAX:
            self.first_ms = self._gaps.pop(0).until_ms
        return gap

    def wrote(self, at_ms: int) -> None:
        """The journal shows that the vault had seen the feed up to here; gaps are for `saw` alone to find.

        None is hidden by it: a gap is written down before anything that comes after it. Nothing begins with it either:
        where `saw` was never called, nobody watched for gaps.
        """
        if self.seen_ms is not None:
            self.seen_ms = max(self.seen_ms, at_ms)

    def explain(self, from_ms: int, reason: str) -> None:
        """Mark the gap that began at `from_ms` as explained. Raises `VaultError` for an unknown or explained one."""
        reason = reason.strip()
        if not 0 < len(reason) <= REASON_CHARS_MAX:
            raise VaultError(f"a gap's reason has 1 to {REASON_CHARS_MAX} characters, not {len(reason)}")
        for index, gap in enumerate(self._gaps):
            if gap.from_ms == from_ms:
                if gap.reason is not None:
                    raise VaultError(f"the gap from {from_ms} is explained already: {gap.reason}")
                self._gaps[index] = replace(gap, reason=reason)
                return
        raise VaultError(f"no gap of the feed began at {from_ms}")

    def since_ms(self) -> int | None:
        """Where the time without an unexplained gap begins; None before the first moment."""
        unexplained = [gap.until_ms for gap in self._gaps if gap.reason is None]
        return unexplained[-1] if unexplained else self.first_ms

    def served_ms(self, now_ms: int) -> int:
        """Feed time since the last unexplained gap, explained ones not counted; 0 while a gap is under way."""
        since = self.since_ms()
        if since is None or self.seen_ms is None or now_ms - self.seen_ms > self.gap_ms_max:
            return 0
        missed = sum(gap.until_ms - gap.from_ms for gap in self._gaps if gap.from_ms >= since)
        return self.seen_ms - since - missed

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        gaps = [[gap.from_ms, gap.until_ms, gap.reason] for gap in self._gaps]
        return {"gap_ms_max": self.gap_ms_max, "first_ms": self.first_ms, "seen_ms": self.seen_ms, "gaps": gaps}

    @classmethod
    def of_dict(cls, kept: dict[str, Any]) -> "FeedTime":
        """The inverse of `to_dict`."""
        made = cls(int(kept["gap_ms_max"]))
        made.first_ms, made.seen_ms = kept["first_ms"], kept["seen_ms"]
        made._gaps = [Gap(*gap) for gap in kept["gaps"]]
        return made
