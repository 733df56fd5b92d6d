"""A vault's equity curve for a plot: hourly samples, with the breakers' trips."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from gxrisk.history import rows
from gxrisk.server.access import READERS, asks
from gxrisk.server.desk import Desk
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import Amount, Time, VaultId, desk_of, time_ms, time_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["history"])
DAY_NS: Final = 86_400_000_000_000
DAYS_DEFAULT: Final = 30
DAYS_MAX: Final = 366  # of hourly samples: 8,784 points
TRIPS_MAX: Final = 1_000
DECISIONS_MAX: Final = 1_000
_NS_PER_MS: Final = 1_000_000


class PointShown(BaseModel):
    """Equity in money, `drawdown` a fraction of the base, exposure in money."""

    time: str | None
    equity: Amount
    drawdown: Amount | None
    gross_exposure: Amount | None


class TripSpan(BaseModel):
    """A breaker's trip: `until` is when it ends by itself, `ended` is null while it lasts."""

    breaker: str
    time: str | None
    until: str | None
    ended: str | None
    limit: str | None
    observed: str | None
    cause: str


class EquityCurve(BaseModel):
    """Samples oldest first; the last one is now, where the vault runs. A thousand trips at the most, the newest."""

    points: list[PointShown]
    trips: list[TripSpan]


@router.get("/equity")
@asks(*READERS)
async def equity_curve(
    request: Request,
    vault_id: VaultId,
    since: Annotated[Time | None, Query(description="The last 30 days if not given.")] = None,
    until: Annotated[Time | None, Query(description="Now if not given.")] = None,
    samples: Annotated[
        Literal["hourly", "decisions"],
        Query(description="`decisions`: at each decision too, the newest thousand points."),
    ] = "hourly",
) -> EquityCurve:
    """The equity curve, of up to 366 days."""
    desk = desk_of(request)
    desk.check_known(vault_id)
    now_ns = desk.fleet.clock.now_ns
    until_ns = now_ns if until is None else time_ms(until) * _NS_PER_MS
    since_ns = until_ns - DAYS_DEFAULT * DAY_NS if since is None else time_ms(since) * _NS_PER_MS
    if not 0 < until_ns - since_ns <= DAYS_MAX * DAY_NS:
        raise Problem(422, "invalid_request", f"since and until: up to {DAYS_MAX} days, one after the other")
    told = vault_id in await desk.off_loop(desk.told_vaults)
    curve = EquityCurve(points=[], trips=[])
    if told:
        curve = await desk.off_loop(_told, desk, vault_id, since_ns, until_ns, samples)
    if vault_id in desk.fleet.vaults and since_ns <= now_ns <= until_ns:
        now = await desk.off_loop(desk.vault(vault_id).gate.snapshot)
        curve.points.append(
            PointShown(
                time=time_of(now_ns), equity=now.equity, drawdown=now.drawdown, gross_exposure=now.gross_exposure
            )
        )
    return curve


def _told(desk: Desk, vault_id: str, since_ns: int, until_ns: int, samples: str) -> EquityCurve:
    history = desk.history
    within: dict[str, Any] = {"since_ns": since_ns, "until_ns": until_ns}
    told: Iterable[rows.EquityPoint]
    if samples == "hourly":
        told = history.every(history.equity, vault_id, source="note", **within)
    else:
        told = reversed(history.equity(vault_id, limit=DECISIONS_MAX, newest_first=True, **within).rows)
    trips = history.trips(vault_id, limit=TRIPS_MAX, since_ns=since_ns, until_ns=until_ns).rows
    return EquityCurve(
        points=[
            PointShown(
                time=time_of(one.time_ns),
                equity=one.equity,
                drawdown=one.drawdown,
                gross_exposure=one.gross_exposure,
            )
            for one in told
            if one.drawdown is not None
        ],
        trips=[_span(one) for one in reversed(trips)],
    )


def _span(one: rows.Trip) -> TripSpan:
    return TripSpan(
        breaker=one.breaker,
        time=time_of(one.time_ns),
        until=time_of(one.until_ns),
        ended=time_of(one.ended_ns),
        limit=one.limit,
        observed=one.observed,
        cause=one.cause,
    )
