"""Breakers' trips as people count them: one that trips again before it has ended is one trip."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gxrisk.dashboard.words import time_of
from gxrisk.server.routes.equity import TripSpan


@dataclass(frozen=True, slots=True)
class Trip:
    """From the first trip to the end of the last; `times` says how many they were. What was observed is the last."""

    breaker: str
    start: datetime
    end: datetime | None
    times: int
    limit: str | None
    observed: str | None
    cause: str


def joined(spans: Sequence[TripSpan]) -> list[Trip]:
    """Trips, oldest first, of what the API tells oldest first.

    >>> def span(at, ended):
    ...     return TripSpan(breaker="price_move", time=f"2020-03-12T10:{at}:00Z", until=None, limit=None, observed=None,
    ...                     ended=None if ended is None else f"2020-03-12T10:{ended}:00Z", cause="")
    >>> [(one.start.minute, one.end and one.end.minute, one.times)
    ...  for one in joined([span("10", "12"), span("12", "27"), span("50", None)])]
    [(10, 27, 2), (50, None, 1)]
    """
    trips: list[Trip] = []
    latest: dict[str, int] = {}
    for one in spans:
        start, end = time_of(one.time), time_of(one.ended)
        if start is None:
            continue
        made = Trip(one.breaker, start, end, 1, one.limit, one.observed, one.cause)
        place = latest.get(one.breaker)
        before = None if place is None else trips[place]
        if place is not None and before is not None and (before.end is None or before.end >= start):
            trips[place] = replace(made, start=before.start, times=before.times + 1)
        else:
            latest[one.breaker] = len(trips)
            trips.append(made)
    return trips
