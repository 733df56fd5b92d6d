"""What goes to a channel now. A claim lasts a while, so that what a killed process had is taken up by the next one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, and_, func, insert, or_, select, update

from gxrisk.alerts.courier import Answer
from gxrisk.alerts.incidents import Incident
from gxrisk.alerts.pace import (
    DAY_NS,
    NS_PER_S,
    Kind,
    critical_at,
    next_midnight,
    others_left,
    quiet_until,
    retry_at,
)
from gxrisk.alerts.settings import AlertSettings
from gxrisk.alerts.tables import incidents, notices, sendings, threads
from gxrisk.alerts.wording import Message, News, digest_of, message_of

_LEASE_S: Final = 30.0  # beyond the time that a sending may take
_TEXTS_MAX: Final = 6
_LAST: Final = "This was the day's last message here: what is not critical follows in a digest at midnight UTC."
_FIELDS: Final = tuple(Incident.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Told:
    """How far a message tells one incident."""

    incident: int
    version: int
    notice: int
    held: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that the holder is to send, and then to settle."""

    sending: int
    channel: str
    kind: Kind
    message: Message
    tells: tuple[Told, ...]


def claim(connection: Connection, settings: AlertSettings, channel: str, now_ns: int) -> Claim | None:
    """The next message of a channel; None where nothing may go now."""
    due = _due(connection, channel, now_ns)
    critical = [row for row in due if row["severity"] == "critical"]
    if critical and critical_at(settings, _sent(connection, channel, "critical", now_ns), now_ns) <= now_ns:
        return _claimed(connection, settings, channel, "critical", critical, now_ns)
    if quiet_until(settings.quiet_hours, now_ns) is not None:
        return None
    others = [row for row in due if row["severity"] != "critical"]
    if others:
        left = others_left(settings, _sent(connection, channel, "other", now_ns), now_ns)
        if left:
            return _claimed(connection, settings, channel, "other", others, now_ns, note=_LAST if left == 1 else "")
        _hold(connection, channel, others, now_ns)
    held = _joined().where(threads.c.channel == channel, threads.c.held_ns <= now_ns).order_by(incidents.c.id)
    digest = connection.execute(held).mappings().all()
    return _claimed(connection, settings, channel, "digest", digest, now_ns) if digest else None


def settle(connection: Connection, settings: AlertSettings, done: Claim, answer: Answer, now_ns: int) -> None:
    """Keep what came back, and schedule what failed again."""
    told = update(sendings).where(sendings.c.id == done.sending)
    connection.execute(told.values(outcome=answer.outcome, words=answer.words))
    for one in done.tells:
        this = and_(threads.c.incident == one.incident, threads.c.channel == done.channel)
        thread = connection.execute(select(threads).where(this)).mappings().one()
        values: dict[str, object] = {} if done.kind == "digest" else {"claimed_ns": None}
        if answer.outcome != "sent":
            failures = thread["failures"] + 1
            again = "held_ns" if done.kind == "digest" else "due_ns"
            values |= {"failures": failures, "error": answer.words, again: retry_at(settings, failures, now_ns)}
        else:
            values |= {"failures": 0, "error": None, "told_ns": now_ns}
            if done.kind == "digest":
                held = thread["held"] - one.held
                values |= {"held": held, "held_ns": next_midnight(now_ns) if held else None}
            else:
                values |= {"told_version": one.version, "told_notice": one.notice}
        connection.execute(update(threads).where(this).values(values))


def _due(connection: Connection, channel: str, now_ns: int) -> Sequence[RowMapping]:
    ready = and_(threads.c.due_ns <= now_ns, threads.c.claimed_ns.is_(None))
    query = _joined().where(threads.c.channel == channel, or_(ready, threads.c.claimed_ns <= now_ns))
    return connection.execute(query.order_by(incidents.c.id)).mappings().all()


def _joined() -> Select[Any]:
    of_thread = [threads.c[name] for name in ("told_notice", "told_ns", "held", "failures")]
    return select(*(incidents.c[name] for name in _FIELDS), *of_thread).join_from(threads, incidents)


def _claimed(
    connection: Connection,
    settings: AlertSettings,
    channel: str,
    kind: Kind,
    rows: Sequence[RowMapping],
    now_ns: int,
    *,
    note: str = "",
) -> Claim:
    until_ns = now_ns + round((settings.timeout_s + _LEASE_S) * NS_PER_S)
    news, tells = [], []
    for row in rows:
        texts, count, last = _new(connection, row)
        held = row["held"]
        news.append(News(_incident(row), texts, held if kind == "digest" else count))
        tells.append(Told(row["id"], row["version"], last, held))
        this = and_(threads.c.incident == row["id"], threads.c.channel == channel)
        lease = {"held_ns": until_ns} if kind == "digest" else {"claimed_ns": until_ns, "due_ns": None}
        connection.execute(update(threads).where(this).values(lease))
    message = digest_of(news) if kind == "digest" else message_of(news, note=note)
    begun = insert(sendings).values(channel=channel, kind=kind, begun_ns=now_ns, title=message.title)
    made = connection.execute(begun).inserted_primary_key
    assert made is not None
    return Claim(made[0], channel, kind, message, tuple(tells))


def _hold(connection: Connection, channel: str, rows: Sequence[RowMapping], now_ns: int) -> None:
    """What may not go today waits for the digest."""
    for row in rows:
        _, count, last = _new(connection, row)
        values = {
            "due_ns": None,
            "claimed_ns": None,
            "failures": 0,
            "told_version": row["version"],
            "told_notice": last,
        }
        values |= {
            "held": row["held"] + max(1, count),
            "held_ns": func.coalesce(threads.c.held_ns, next_midnight(now_ns)),
        }
        this = and_(threads.c.incident == row["id"], threads.c.channel == channel)
        connection.execute(update(threads).where(this).values(values))


def _new(connection: Connection, row: RowMapping) -> tuple[tuple[str, ...], int, int]:
    """What came since the channel was told: the newest texts, how many notices, and the last one's id."""
    since = and_(notices.c.incident == row["id"], notices.c.id > row["told_notice"])
    count, last = connection.execute(select(func.count(), func.max(notices.c.id)).where(since)).one()
    newest = select(notices.c.text).where(since).order_by(notices.c.id.desc()).limit(_TEXTS_MAX)
    texts = tuple(dict.fromkeys(connection.execute(newest).scalars()))
    return texts, count, last or row["told_notice"]


def _incident(row: RowMapping) -> Incident:
    return Incident(**{name: row[name] for name in _FIELDS})


def _sent(connection: Connection, channel: str, kind: Kind, now_ns: int) -> list[int]:
    """When messages of a kind went or may have gone: what certainly failed reached nobody and does not count."""
    counts = or_(sendings.c.outcome.is_(None), sendings.c.outcome != "failed")
    of_a_day = and_(sendings.c.channel == channel, sendings.c.kind == kind, sendings.c.begun_ns > now_ns - DAY_NS)
    return list(connection.execute(select(sendings.c.begun_ns).where(of_a_day, counts)).scalars())
