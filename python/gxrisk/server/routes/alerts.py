"""Alerts: what is or was wrong, who looks after it, and who was told."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from gxrisk.alerts import AlertError, AlertSink, Asked, Incident, Thread
from gxrisk.server.access import READERS, asks, changes
from gxrisk.server.guard import Guarded
from gxrisk.server.keys import ApiKey
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import desk_of, time_of
from gxrisk.vaults.fleet_notes import FLEET

router = APIRouter(route_class=Guarded, prefix="/v1/alerts", tags=["alerts"])
IncidentId = Annotated[int, Path(ge=1, le=2**31 - 1, description="The alert's number.")]
Severity = Literal["info", "warning", "critical"]


class ChannelShown(BaseModel):
    """How far a channel was told; `error` is what it answered last, where that failed."""

    channel: str
    told: str | None
    is_waiting: bool
    failures: int
    error: str | None


class AlertShown(BaseModel):
    """One incident; its `vault_id` is `*` where it is about the whole fleet. `count` says how often it was told of.

    `is_waiting` says that somebody has to acknowledge it.
    """

    id: int
    vault_id: str
    code: str
    severity: Severity
    text: str
    opened: str | None
    last: str | None
    count: int
    escalations: int
    is_open: bool
    is_waiting: bool
    acknowledged: str | None
    acknowledged_by: str | None
    resolved: str | None
    resolved_by: str | None
    channels: list[ChannelShown]


class AlertList(BaseModel):
    """Alerts, newest first, 200 at the most; `next_cursor` is null where there are no more."""

    alerts: list[AlertShown]
    next_cursor: str | None


@router.get("")
@asks(*READERS)
async def list_alerts(
    request: Request,
    state: Annotated[Literal["open", "all"], Query()] = "open",
    severity: Annotated[Severity | None, Query()] = None,
    vault_id: Annotated[str | None, Query(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$")] = None,
    cursor: Annotated[
        str | None, Query(pattern="^[0-9]{1,10}$", description="`next_cursor` of the page before.")
    ] = None,
) -> AlertList:
    """Alerts of the vaults that the key is for; those of the whole fleet need a key for all vaults."""
    key: ApiKey = request.state.key
    if vault_id is not None and not key.covers(vault_id):
        raise Problem(403, "forbidden", "this key is for other vaults")
    vaults = key.vaults if vault_id is None else frozenset({vault_id})
    before = None if cursor is None else int(cursor)
    sink = desk_of(request).alerting.sink
    found = await sink.incidents(Asked(state == "all", vaults, severity, before))
    more = await sink.incidents(Asked(state == "all", vaults, severity, found[-1][0].id)) if found else []
    return AlertList(
        alerts=[_shown(incident, threads) for incident, threads in found],
        next_cursor=str(found[-1][0].id) if more else None,
    )


@router.post("/{incident}/ack")
@changes("own", "operate")
async def acknowledge_alert(request: Request, incident: IncidentId) -> AlertShown:
    """You look after it: nobody is told again until there is something new. The first who does so stays on record."""
    sink, who = await _known(request, incident)
    try:
        return _shown(await sink.acknowledge(incident, who), ())
    except AlertError as error:
        raise Problem(409, "alert_over", str(error)) from None


@router.post("/{incident}/resolve")
@changes("own", "operate")
async def resolve_alert(request: Request, incident: IncidentId) -> AlertShown:
    """It is over; whoever was told of it is told so."""
    sink, who = await _known(request, incident)
    try:
        return _shown(await sink.resolve(incident, who), ())
    except AlertError as error:
        raise Problem(409, "alert_over", str(error)) from None


async def _known(request: Request, incident: int) -> tuple[AlertSink, str]:
    """The outbox, and who asks. Raises `Problem` 404, also for what the key does not cover."""
    key: ApiKey = request.state.key
    sink = desk_of(request).alerting.sink
    found = await sink.find(incident)
    if found is None or not (key.vaults is None or (found.vault != FLEET and key.covers(found.vault))):
        raise Problem(404, "alert_unknown", f"there is no alert {incident} for this key")
    return sink, f"{key.name} ({key.id})"


def _shown(one: Incident, threads: tuple[Thread, ...]) -> AlertShown:
    return AlertShown(
        id=one.id,
        vault_id=one.vault,
        code=one.code,
        severity=one.severity,
        text=one.text,
        opened=time_of(one.opened_ns),
        last=time_of(one.last_ns),
        count=one.count,
        escalations=one.escalations,
        is_open=one.is_open,
        is_waiting=one.is_waiting,
        acknowledged=time_of(one.acknowledged_ns),
        acknowledged_by=one.acknowledged_by,
        resolved=time_of(one.resolved_ns),
        resolved_by=one.resolved_by,
        channels=[
            ChannelShown(
                channel=thread.channel,
                told=time_of(thread.told_ns),
                is_waiting=thread.is_waiting,
                failures=thread.failures,
                error=thread.error,
            )
            for thread in threads
        ],
    )
