"""What is over for long is forgotten, so that the outbox does not grow without end."""

from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, select

from gxrisk.alerts.pace import NS_PER_S
from gxrisk.alerts.settings import AlertSettings
from gxrisk.alerts.tables import incidents, notices, sendings, threads

EVERY_NS: Final = 3_600 * NS_PER_S
BATCH: Final = 500  # rows of a table in one transaction, which holds up what is told meanwhile
_DAY_NS: Final = 86_400 * NS_PER_S


def prune(connection: Connection, settings: AlertSettings, now_ns: int) -> bool:
    """Delete incidents that were resolved `keep_days` ago, and notices and sendings as old; whether more may be left.

    An open incident stays with its count, however old its first notices; so does one that a channel has yet to hear of.
    """
    before_ns = now_ns - settings.keep_days * _DAY_NS
    known = threads.c.channel.in_(settings.channels)  # nobody sends any more what waits for a channel that is gone
    waits = exists().where(threads.c.incident == incidents.c.id, threads.c.due_ns.is_not(None), known)
    over = and_(incidents.c.resolved_ns < before_ns, ~waits)
    ended = connection.scalars(select(incidents.c.id).where(over).order_by(incidents.c.id).limit(BATCH)).all()
    for table in (notices, threads):
        connection.execute(delete(table).where(table.c.incident.in_(ended)))
    connection.execute(delete(incidents).where(incidents.c.id.in_(ended)))
    counts = [len(ended)]
    old: list[ColumnElement[bool]] = [notices.c.received_ns < before_ns, sendings.c.begun_ns < before_ns]
    for table, is_old in zip((notices, sendings), old, strict=True):
        some = connection.scalars(select(table.c.id).where(is_old).order_by(table.c.id).limit(BATCH)).all()
        connection.execute(delete(table).where(table.c.id.in_(some)))
        counts.append(len(some))
    return max(counts) == BATCH
