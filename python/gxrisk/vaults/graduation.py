"""Graduation: what a strategy version must show on paper before it may trade for real money."""

from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from json import dumps
from typing import Final

from gxrisk._native import Limits
from gxrisk.history.amounts import plain
from gxrisk.vaults.evidence import DAY_MS, HOUR_MS, WINDOW_MS, PaperRecord
from gxrisk.vaults.performance import Performance
from gxrisk.vaults.settings import VaultSettings

ROUND_TRIPS_MIN: Final = 10
"""Fewer finished trades say next to nothing: at ten the standard error of a win rate is still 16 percentage points. It
is no proof of skill either; it shows that entries, exits, fees and limits were really met."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing to show: `required` and `observed` as text (None: not known), and a sentence for people."""

    name: str
    required: str
    observed: str | None
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Graduation:
    """The judgement on a paper record: every requirement in a fixed order, and what it was judged from.

    `served_ms` is the feed time that counts; `sequence` the last journal record that was folded.
    """

    settings: VaultSettings
    limits_hash: str
    requirements: tuple[Requirement, ...]
    served_ms: int
    from_ms: int | None
    until_ms: int | None
    sequence: int
    performance: Performance | None

    @property
    def has_graduated(self) -> bool:
        """Whether every requirement is met."""
        return all(one.passed for one in self.requirements)

    @property
    def progress(self) -> float:
        """The share of the seven days, 0 to 1."""
        return min(self.served_ms / WINDOW_MS, 1.0)

    @property
    def days_left(self) -> float:
        """How many days are missing."""
        return max(WINDOW_MS - self.served_ms, 0) / DAY_MS


def judge(
    record: PaperRecord, tier_limits: Limits, now_ms: int, *, round_trips_min: int = ROUND_TRIPS_MIN
) -> Graduation:
    """Hold a paper record against the requirements at `now_ms` (UTC, feed time).

    Days: at least 7 of feed time without an unexplained gap. Profit: equity gained over the last 7 days, flows left
    out, above 0. Drawdown: over the last 7 days below the tier's limit, be it the gate's (of its base) or from the
    highest point. Round trips: at least `round_trips_min` that ended in the last 7 days, itself at least 1.
    """
    if round_trips_min < 1:
        raise ValueError(f"round_trips_min is {round_trips_min}; without a single trade nothing was shown")
    served_ms = record.time.served_ms(now_ms)
    performance = record.performance()
    return Graduation(
        settings=record.settings,
        limits_hash=limits_hash(tier_limits),
        requirements=(
            _days(served_ms),
            _profit(performance, record, now_ms),
            _drawdown(performance, record, tier_limits.max_drawdown),
            _round_trips(performance, round_trips_min),
        ),
        served_ms=served_ms,
        from_ms=record.time.since_ms(),
        until_ms=record.time.seen_ms,
        sequence=record.sequence,
        performance=performance,
    )


def limits_hash(limits: Limits) -> str:
    """SHA-256 (hexadecimal) over every limit by name, as sorted JSON with numbers as plain text.

    >>> growth = Limits.for_tier("growth")
    >>> limits_hash(growth) == limits_hash(growth.replace(max_drawdown="0.150"))
    True
    >>> limits_hash(growth) == limits_hash(growth.replace(max_drawdown="0.14"))
    False
    """
    values = {name: plain(one) if isinstance(one, Decimal) else one for name, one in limits.to_dict().items()}
    return sha256(dumps(values, sort_keys=True).encode()).hexdigest()


def _days(served_ms: int) -> Requirement:
    days = plain(Decimal(served_ms) / DAY_MS)
    # Cut off, not rounded: what is a moment short of seven days does not read as seven.
    sentence = f"{served_ms * 100 // DAY_MS / 100:.2f} days of market data without an unexplained gap; 7 are asked for"
    return Requirement("days", "7", days, served_ms >= WINDOW_MS, sentence)


def _profit(performance: Performance | None, record: PaperRecord, now_ms: int) -> Requirement:
    # Samples are an hour apart, and a moment of the feed may be late by a gap that is none yet.
    slack_ms = HOUR_MS + record.time.gap_ms_max
    if (
        performance is None
        or performance.until_ms - performance.from_ms < WINDOW_MS - slack_ms
        or now_ms - performance.until_ms > slack_ms
    ):
        return Requirement("profit", "> 0", None, False, "the equity is not known for all of the last 7 days")
    profit = performance.profit
    sentence = f"a profit of {plain(profit)} over the last 7 days; it must be above 0"
    return Requirement("profit", "> 0", plain(profit), profit > 0, sentence)


def _drawdown(performance: Performance | None, record: PaperRecord, limit: Decimal) -> Requirement:
    required = f"< {plain(limit)}"
    if performance is None:
        return Requirement("drawdown", required, None, False, "no equity has been recorded yet")
    worst = max(performance.curve.max_drawdown, *(hour.sample.drawdown for hour in record.window()))
    trips = record.drawdowns()
    sentence = f"the largest drawdown of the last 7 days is {worst:.2%}; it must be below {plain(limit * 100)}%"
    if trips:
        sentence = (
            f"the drawdown breaker tripped {trips} times in the last 7 days: {plain(limit * 100)}% or more was lost"
        )
    return Requirement("drawdown", required, plain(worst), worst < limit and not trips, sentence)


def _round_trips(performance: Performance | None, least: int) -> Requirement:
    count = 0 if performance is None else performance.trades.count
    sentence = f"{count} round trips ended in the last 7 days; at least {least} are asked for"
    return Requirement("round_trips", str(least), str(count), count >= least, sentence)
