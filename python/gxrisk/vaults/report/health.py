"""How the model behaves: how sure it is, how often it is right, how often it is refused, how often it breaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk.history.amounts import EXACT
from gxrisk.history.rows import Decision, Trade
from gxrisk.vaults.report.curve import FRACTION, ZERO

MALFUNCTIONS: Final = (
    "the strategy raised ",
    "the strategy gave no answer",
    "the strategy answered ",
    "the strategy's ",
    "the strategy is still busy",
    "the strategy was still busy",
    "the strategy was cancelled",
)
_DAY_NS: Final = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day of answers; `confidence` is their mean."""

    at_ns: int
    answers: int
    confidence: Decimal | None
    orders: int
    refused: int
    malfunctions: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Round trips opened with a confidence from `low` (included) to `high` (not included, but 1 is)."""

    low: Decimal
    high: Decimal
    trades: int
    confidence: Decimal | None
    win_rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Health:
    """`answers` are the agent's orders and holds; malfunctions are no answers, and count in no confidence.

    `trend` is the mean confidence of the second half of the answers less that of the first. `brier` is the mean of
    (confidence - won)^2 over the round trips whose opening decision is known, `brier_base` what always saying their
    win rate would have scored; lower is better. `refusal_rate` is of opening orders: refused (rejected or held).
    """

    answers: int
    orders: int
    holds: int
    malfunctions: int
    confidence: Decimal | None
    trend: Decimal | None
    refusal_rate: Decimal | None
    judged_trades: int
    brier: Decimal | None
    brier_base: Decimal | None
    days: tuple[Day, ...]
    calibration: tuple[Bucket, ...]


def health(decisions: Sequence[Decision], trades: Sequence[Trade], openings: Mapping[int, Decision]) -> Health:
    """The model's health over a span; `openings` are the decisions that opened the trades, by sequence."""
    asked = [one for one in decisions if one.origin == "agent"]
    broken = [one for one in asked if _is_malfunction(one)]
    answers = [one for one in asked if not _is_malfunction(one)]
    confidences = [one.confidence for one in answers]
    half = len(confidences) // 2
    first, second = mean(confidences[:half]), mean(confidences[half:])
    opening = [one for one in answers if not one.is_hold and not one.reduce_only]
    opened = [(openings.get(one.decision), one) for one in trades if one.decision is not None]
    judged = [(opening.confidence, one.profit > 0) for opening, one in opened if opening is not None]
    won = mean([Decimal(is_won) for _, is_won in judged])
    return Health(
        answers=len(answers),
        orders=sum(not one.is_hold for one in answers),
        holds=sum(one.is_hold for one in answers),
        malfunctions=len(broken),
        confidence=mean(confidences),
        trend=None if first is None or second is None else second - first,
        refusal_rate=mean([Decimal(one.outcome != "approved") for one in opening]),
        judged_trades=len(judged),
        brier=mean([(confidence - is_won) ** 2 for confidence, is_won in judged]),
        brier_base=None if won is None else EXACT.multiply(won, 1 - won).quantize(FRACTION),
        days=_days(asked),
        calibration=tuple(_bucket(judged, number) for number in range(5)),
    )


def mean(values: Sequence[Decimal]) -> Decimal | None:
    """The average, to nine digits; None of nothing.

    >>> mean([Decimal(1), Decimal(2)]), mean([])
    (Decimal('1.500000000'), None)
    """
    if not values:
        return None
    return EXACT.divide(sum(values, ZERO), Decimal(len(values))).quantize(FRACTION, context=EXACT)


def _is_malfunction(decision: Decision) -> bool:
    """A hold that the vault's service recorded in the strategy's place."""
    return decision.is_hold and not decision.confidence and decision.reasoning.startswith(MALFUNCTIONS)


def _days(asked: Sequence[Decision]) -> tuple[Day, ...]:
    by_day: dict[int, list[Decision]] = {}
    for one in asked:
        by_day.setdefault(one.time_ns // _DAY_NS, []).append(one)
    return tuple(_day(number * _DAY_NS, of_day) for number, of_day in sorted(by_day.items()))


def _day(at_ns: int, of_day: Sequence[Decision]) -> Day:
    answers = [one for one in of_day if not _is_malfunction(one)]
    opening = [one for one in answers if not one.is_hold and not one.reduce_only]
    return Day(
        at_ns=at_ns,
        answers=len(answers),
        confidence=mean([one.confidence for one in answers]),
        orders=len(opening),
        refused=sum(one.outcome != "approved" for one in opening),
        malfunctions=len(of_day) - len(answers),
    )


def _bucket(judged: Sequence[tuple[Decimal, bool]], number: int) -> Bucket:
    low, high = Decimal(number) / 5, Decimal(number + 1) / 5
    inside = [one for one in judged if low <= one[0] < high or (one[0] == high == 1)]
    return Bucket(
        low=low,
        high=high,
        trades=len(inside),
        confidence=mean([confidence for confidence, _ in inside]),
        win_rate=mean([Decimal(is_won) for _, is_won in inside]),
    )
