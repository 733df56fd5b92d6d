"""Axes that a person can read: round steps, days and hours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor, log10
from typing import Final

_STEPS: Final = (1, 2, 2.5, 5, 10)
_HOUR_S: Final = 3_600
_TIME_STEPS_S: Final = tuple(_HOUR_S * hours for hours in (1, 2, 3, 6, 12, 24, 48, 168, 336, 720, 2_160, 4_320, 8_760))
_DAY_S: Final = 24 * _HOUR_S
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY_S: Final = 4 * _DAY_S  # 1970 began on a Thursday; ticks of weeks stand on Mondays


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with its ticks."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def at(self, value: float, start: float, length: float) -> float:
        """Where a value stands on a line of that start and length."""
        return start + (value - self.low) / (self.high - self.low) * length


def values(low: float, high: float, wanted: int, label: Callable[[float, int], str]) -> Axis:
    """An axis that holds both values; `label` gets a tick's value and how many digits tell the ticks apart.

    >>> values(9037.2, 10204.6, 5, lambda value, digits: f"{value:,.{digits}f}").ticks
    ((9000.0, '9,000'), (9500.0, '9,500'), (10000.0, '10,000'), (10500.0, '10,500'))
    """
    if high <= low:
        margin = abs(low) * 0.01 or 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / wanted
    unit = 10.0 ** floor(log10(rough))
    step = next(one * unit for one in _STEPS if one * unit >= rough * 0.999999)
    digits = max(0, -floor(log10(step) + 1e-9))
    if round(step * 10**digits, 6) != round(step * 10**digits):
        digits += 1  # a step of 2.5 needs one digit more
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    ticks = tuple((number * step, label(number * step, digits)) for number in range(first, last + 1))
    return Axis(ticks[0][0], ticks[-1][0], ticks)


def times(since_s: float, until_s: float, wanted: int) -> Axis:
    """An axis of UTC times in seconds since 1970, its ticks on whole hours, days or Mondays.

    >>> times(1_513_555_200, 1_514_160_000, 8).ticks[0]
    (1513555200, 'Mon 18')
    """
    length = until_s - since_s
    step = next((one for one in _TIME_STEPS_S if length / one <= wanted), _TIME_STEPS_S[-1])
    offset = _MONDAY_S if step % (7 * _DAY_S) == 0 else 0
    first = ceil((since_s - offset) / step)
    last = floor((until_s - offset) / step)
    moments = [number * step + offset for number in range(first, last + 1)]
    return Axis(since_s, until_s, tuple((moment, _moment(moment, step, length)) for moment in moments))


def thinned(points: Sequence[tuple[float, float]], columns: int) -> list[tuple[float, float]]:
    """At most four points for each of so many columns, its lowest and highest among them, so that no peak is lost."""
    if len(points) <= 4 * columns:
        return list(points)
    low, high = points[0][0], points[-1][0]
    groups: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        groups.setdefault(int((point[0] - low) / (high - low) * columns), []).append(point)
    done: list[tuple[float, float]] = []
    for group in groups.values():
        kept = {group[0], min(group, key=lambda one: one[1]), max(group, key=lambda one: one[1]), group[-1]}
        done.extend(sorted(kept))
    return done


def _moment(at_s: float, step: int, length: float) -> str:
    time = _EPOCH + timedelta(seconds=at_s)
    if step < _DAY_S:
        return f"{time:%a} {time.day}" if time.hour == 0 else f"{time:%H:%M}"
    if length <= 14 * _DAY_S:
        return f"{time:%a} {time.day}"
    return f"{time.day} {time:%b}" if length <= 300 * _DAY_S else f"{time.day} {time:%b %Y}"
