"""How notices become incidents, and what time and people do with these. Each function is part of one transaction."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, exists, insert, or_, select, update

from gxrisk.alerts.errors import AlertError
from gxrisk.alerts.incidents import RANK, ended_by
from gxrisk.alerts.pace import NS_PER_S
from gxrisk.alerts.settings import AlertSettings
from gxrisk.alerts.tables import incidents, notices, threads
from gxrisk.vaults.notices import Notice, Severity, printable

SILENCE: Final = "silence"
_WORD_CHARS: Final = 64
_BY_CHARS: Final = 200


def take(connection: Connection, settings: AlertSettings, notice: Notice, now_ns: int) -> None:
    """Keep a notice and schedule what follows from it; one that was taken before changes nothing.

    The same number with other words is another notice: of a fleet whose folder was begun anew, for example.
    """
    digest = hashlib.sha256(json.dumps(astuple(notice)).encode()).hexdigest()
    if connection.execute(select(notices.c.id).where(notices.c.digest == digest)).first() is not None:
        return
    notice = _bounded(notice)
    if _end(connection, notice, digest, now_ns):
        return
    quiet_ns = round(settings.quiet_s * NS_PER_S)
    incident = _incident(connection, notice, now_ns, quiet_ns)
    is_told = _has(connection, incident["id"], notice.text) and incident["resolved_ns"] is None
    _keep(connection, incident["id"], notice, digest, now_ns)
    severity = max(notice.severity, incident["severity"], key=RANK.__getitem__)
    is_urgent = severity != incident["severity"] or incident["resolved_ns"] is not None
    changes: dict[str, Any] = {
        "severity": severity,
        "last_ns": now_ns,
        "count": incident["count"] + 1,
        "text": notice.text,
        "version": incident["version"] + 1,
        "resolved_ns": None,
        "resolved_by": None,
    }
    if notice.severity == "critical" and not is_told:
        # Who acknowledged did so for what was known then: for new words somebody has to look again.
        is_urgent = is_urgent or incident["acknowledged_ns"] is not None
        changes |= {"acknowledged_ns": None, "acknowledged_by": None}
        if incident["escalate_ns"] is None:
            changes["escalate_ns"] = now_ns + round(settings.escalate_s * NS_PER_S)
    _change(connection, incident["id"], **changes)
    if not is_told:
        _schedule(connection, incident["id"], settings.channels_of(severity), now_ns, 0 if is_urgent else quiet_ns)


def look(connection: Connection, settings: AlertSettings, now_ns: int) -> None:
    """What follows from time: who was not heard is told again, and what nothing ends ends by silence."""
    waiting = incidents.c.acknowledged_ns.is_(None)
    due = select(incidents).where(incidents.c.resolved_ns.is_(None), waiting, incidents.c.escalate_ns <= now_ns)
    for incident in connection.execute(due).mappings().all():
        again_ns = now_ns + round(settings.escalate_s * NS_PER_S)
        count, version = incident["escalations"] + 1, incident["version"] + 1
        _change(connection, incident["id"], escalations=count, version=version, escalate_ns=again_ns)
        _schedule(connection, incident["id"], settings.escalation, now_ns, 0)
    known = threads.c.channel.in_(settings.channels)  # nobody sends any more what waits for a channel that is gone
    still = exists().where(threads.c.incident == incidents.c.id, threads.c.due_ns.is_not(None), known)
    over = update(incidents).where(
        incidents.c.resolved_ns.is_(None),
        or_(incidents.c.severity != "critical", incidents.c.acknowledged_ns.is_not(None)),
        incidents.c.last_ns <= now_ns - round(settings.expire_s * NS_PER_S),
        ~still,
    )
    connection.execute(over.values(resolved_ns=now_ns, resolved_by=SILENCE))


def acknowledge(connection: Connection, incident_id: int, by: str, now_ns: int) -> None:
    """Somebody looks after it: it is told again only when there is something new. The first one stays on record."""
    by = _person(by)
    if _open(connection, incident_id)["acknowledged_ns"] is None:
        _change(connection, incident_id, acknowledged_ns=now_ns, acknowledged_by=by, escalate_ns=None)


def resolve(connection: Connection, incident_id: int, by: str, now_ns: int) -> None:
    """It is over; whoever was told of it is told so."""
    by = _person(by)
    _resolve(connection, [_open(connection, incident_id)], by, now_ns)


def _end(connection: Connection, notice: Notice, digest: str, now_ns: int) -> bool:
    """Resolve what the notice ends; False where there is nothing such."""
    found = connection.execute(
        select(incidents).where(
            incidents.c.vault == notice.vault_id,
            incidents.c.code.in_(ended_by(notice.code)),
            incidents.c.subject == notice.subject,
            incidents.c.resolved_ns.is_(None),
        )
    )
    ended = found.mappings().all()
    if not ended:
        return False
    _keep(connection, ended[0]["id"], notice, digest, now_ns)
    _resolve(connection, ended, notice.code, now_ns)
    return True


def _resolve(connection: Connection, ended: Iterable[RowMapping], by: str, now_ns: int) -> None:
    for incident in ended:
        version = incident["version"] + 1
        _change(connection, incident["id"], resolved_ns=now_ns, resolved_by=by, escalate_ns=None, version=version)
        told = connection.execute(select(threads.c.channel).where(threads.c.incident == incident["id"])).scalars().all()
        _schedule(connection, incident["id"], told, now_ns, 0)


def _incident(connection: Connection, notice: Notice, now_ns: int, quiet_ns: int) -> RowMapping:
    """The incident that a notice belongs to: the open one, one that was resolved just now, or a new one."""
    key = {"vault": notice.vault_id, "code": notice.code, "subject": notice.subject}
    same = [incidents.c[name] == value for name, value in key.items()]
    newest = (
        connection.execute(select(incidents).where(*same).order_by(incidents.c.id.desc()).limit(1)).mappings().first()
    )
    if newest is not None and (newest["resolved_ns"] is None or newest["resolved_ns"] > now_ns - quiet_ns):
        return newest
    new = insert(incidents).values(
        **key, severity=notice.severity, opened_ns=now_ns, last_ns=now_ns, text=notice.text, count=0, version=0
    )
    made = connection.execute(new).inserted_primary_key
    assert made is not None
    return connection.execute(select(incidents).where(incidents.c.id == made[0])).mappings().one()


def _schedule(connection: Connection, incident_id: int, channels: Sequence[str], now_ns: int, quiet_ns: int) -> None:
    """Let the channels be told, each `quiet_ns` after it was told last; what is tried again keeps its time."""
    for channel in channels:
        one = (threads.c.incident == incident_id) & (threads.c.channel == channel)
        thread = connection.execute(select(threads).where(one)).mappings().first()
        if thread is None:
            connection.execute(insert(threads).values(incident=incident_id, channel=channel, due_ns=now_ns))
            continue
        if thread["failures"] and thread["due_ns"] is not None:
            continue
        told_ns = now_ns if thread["claimed_ns"] is not None else thread["told_ns"]
        due_ns = now_ns if told_ns is None else max(now_ns, told_ns + quiet_ns) if quiet_ns else now_ns
        if thread["due_ns"] is not None:
            due_ns = min(due_ns, thread["due_ns"])
        connection.execute(update(threads).where(one).values(due_ns=due_ns))


def _keep(connection: Connection, incident_id: int, notice: Notice, digest: str, now_ns: int) -> None:
    row = {"incident": incident_id, "digest": digest, "vault": notice.vault_id, "number": notice.number}
    row |= {
        "at": notice.at,
        "severity": notice.severity,
        "code": notice.code,
        "text": notice.text,
        "received_ns": now_ns,
    }
    connection.execute(insert(notices).values(row))


def _has(connection: Connection, incident_id: int, text: str) -> bool:
    same = select(notices.c.id).where(notices.c.incident == incident_id, notices.c.text == text).limit(1)
    return connection.execute(same).first() is not None


def _change(connection: Connection, incident_id: int, **changes: object) -> None:
    connection.execute(update(incidents).where(incidents.c.id == incident_id).values(changes))


def _open(connection: Connection, incident_id: int) -> RowMapping:
    # Beyond a database's integers there is no incident either.
    found = (
        connection.execute(select(incidents).where(incidents.c.id == incident_id)) if 0 < incident_id < 2**31 else None
    )
    incident = None if found is None else found.mappings().first()
    if incident is None:
        raise AlertError(f"there is no incident {incident_id}")
    if incident["resolved_ns"] is not None:
        raise AlertError(f"incident {incident_id} is over: resolved by {incident['resolved_by']}")
    return incident


def _person(by: str) -> str:
    if not by.strip():
        raise AlertError("by whom: a name is needed")
    return printable(" ".join(by.split()))[:_BY_CHARS]


def _bounded(notice: Notice) -> Notice:
    """What the tables can hold. A severity that is not known here is critical: nothing may be told too quietly."""
    severity: Severity = notice.severity if notice.severity in RANK else "critical"
    words = (printable(word)[:_WORD_CHARS] for word in (notice.vault_id, notice.at, notice.code, notice.subject))
    vault_id, at, code, subject = words
    return Notice(vault_id, notice.number, at, severity, code, printable(" ".join(notice.text.split())), subject)
