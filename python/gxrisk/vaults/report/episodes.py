"""Trips as a person speaks of them: a breaker that trips again before it has ended is one episode."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final

from gxrisk._native import breaker_docs
from gxrisk.history.rows import Trip

STATES: Final[dict[str, str]] = {breaker["code"]: breaker["state"] for breaker in breaker_docs()}


@dataclass(frozen=True, slots=True)
class Episode:
    """`ended_ns` is None where it still lasted at the span's end; `observed` and `cause` are those of the worst of the
    `trips`, `first_cause` that of the first.
    """

    number: int
    breaker: str
    state: str
    since_ns: int
    ended_ns: int | None
    duration_s: int
    trips: int
    limit: str | None
    observed: str | None
    cause: str
    first_cause: str
    sequence: int


def episodes(trips: Iterable[Trip], since_ns: int, until_ns: int, through_ns: int) -> list[Episode]:
    """The episodes that touch a span, the oldest first; `through_ns` is how far the span has come."""
    chains: dict[str, list[Trip]] = {}
    done: list[list[Trip]] = []
    for trip in sorted(trips, key=lambda one: one.sequence):
        if trip.time_ns >= until_ns:
            continue
        chain = chains.get(trip.breaker)
        if chain is not None and chain[-1].ended_ns == trip.time_ns:
            chain.append(trip)
            continue
        chains[trip.breaker] = [trip]
        done.append(chains[trip.breaker])
    found = [_episode(chain, until_ns, through_ns) for chain in done]
    touching = [one for one in found if one.ended_ns is None or one.ended_ns > since_ns]
    return [replace(one, number=number) for number, one in enumerate(touching, 1)]


def _episode(chain: list[Trip], until_ns: int, through_ns: int) -> Episode:
    first, last = chain[0], chain[-1]
    worst = max(chain, key=lambda trip: (_figure(trip.observed), -trip.sequence))
    ended_ns = last.ended_ns if last.ended_ns is not None and last.ended_ns < until_ns else None
    return Episode(
        number=0,
        breaker=first.breaker,
        state=STATES.get(first.breaker, ""),
        since_ns=first.time_ns,
        ended_ns=ended_ns,
        duration_s=((through_ns if ended_ns is None else ended_ns) - first.time_ns) // 1_000_000_000,
        trips=len(chain),
        limit=worst.limit,
        observed=worst.observed,
        cause=worst.cause,
        first_cause=first.cause,
        sequence=first.sequence,
    )


def _figure(text: str | None) -> Decimal:
    try:
        return Decimal(text or "0")
    except InvalidOperation:
        return Decimal(0)
