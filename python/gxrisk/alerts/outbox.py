"""The durable outbox: what was told, what it belongs to, and what every channel still has to hear."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Connection, select

from gxrisk.alerts import claiming, intake
from gxrisk.alerts.claiming import Claim
from gxrisk.alerts.courier import Answer
from gxrisk.alerts.database import connect, writing
from gxrisk.alerts.incidents import Incident
from gxrisk.alerts.migration import migrate
from gxrisk.alerts.pruning import EVERY_NS, prune
from gxrisk.alerts.settings import AlertSettings
from gxrisk.alerts.tables import incidents, threads
from gxrisk.vaults.notices import Notice

Result = TypeVar("Result")
LISTED_MAX: Final = 200
ID_MAX: Final = 2**31 - 1  # of a database's integer


@dataclass(frozen=True, slots=True)
class Thread:
    """An incident on a channel: when it was told, what waits, and what the channel answered last where that failed."""

    channel: str
    told_ns: int | None
    is_waiting: bool
    held: int
    failures: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which incidents: the open ones unless `is_all`, of some vaults, of a severity, older than the incident `before`.

    None of `vaults` and `severity` means any.
    """

    is_all: bool = False
    vaults: frozenset[str] | None = None
    severity: str | None = None
    before: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """For a query."""
        column = incidents.c
        found: list[ColumnElement[bool]] = [] if self.is_all else [column.resolved_ns.is_(None)]
        if self.vaults is not None:
            found.append(column.vault.in_(sorted(self.vaults)))
        if self.severity is not None:
            found.append(column.severity == self.severity)
        if self.before is not None:
            found.append(column.id < min(self.before, ID_MAX))
        return found


class Outbox:
    """Incidents and messages in a database. All work is done in one thread of its own, so that no event loop waits.

    Opening it makes or migrates the tables. Raises `AlertError` where the database cannot be used.
    """

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = settings
        self._engine = connect(settings.url.get_secret_value())
        try:
            migrate(self._engine)
        except BaseException:
            self._engine.dispose()
            raise
        self._pruned_ns = 0
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="gxrisk-alerts")

    async def take(self, notice: Notice, now_ns: int) -> None:
        """Keep a notice; durable when this returns."""
        await self._do(partial(intake.take, settings=self._settings, notice=notice, now_ns=now_ns))

    async def look(self, now_ns: int) -> None:
        """Do what follows from time."""
        await self._do(partial(intake.look, settings=self._settings, now_ns=now_ns))
        if now_ns - self._pruned_ns >= EVERY_NS and not await self._do(
            partial(prune, settings=self._settings, now_ns=now_ns)
        ):
            self._pruned_ns = now_ns

    async def acknowledge(self, incident_id: int, by: str, now_ns: int) -> Incident:
        """End the escalation of an incident."""
        await self._do(partial(intake.acknowledge, incident_id=incident_id, by=by, now_ns=now_ns))
        return await self.incident(incident_id)

    async def resolve(self, incident_id: int, by: str, now_ns: int) -> Incident:
        """End an incident."""
        await self._do(partial(intake.resolve, incident_id=incident_id, by=by, now_ns=now_ns))
        return await self.incident(incident_id)

    async def claim(self, channel: str, now_ns: int) -> Claim | None:
        """The next message of a channel."""
        return await self._do(partial(claiming.claim, settings=self._settings, channel=channel, now_ns=now_ns))

    async def settle(self, done: Claim, answer: Answer, now_ns: int) -> None:
        """Keep what came back for it."""
        await self._do(partial(claiming.settle, settings=self._settings, done=done, answer=answer, now_ns=now_ns))

    async def incident(self, incident_id: int) -> Incident:
        """One incident."""

        found = await self.find(incident_id)
        assert found is not None
        return found

    async def find(self, incident_id: int) -> Incident | None:
        """One incident, if there is such a one."""

        def read(connection: Connection) -> Incident | None:
            query = select(*_COLUMNS).where(incidents.c.id == incident_id)
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else Incident(**row)

        return await self._do(read) if 0 < incident_id <= ID_MAX else None

    async def incidents(self, asked: Asked) -> list[tuple[Incident, tuple[Thread, ...]]]:
        """Newest first, with their channels; 200 at most."""

        def read(connection: Connection) -> list[tuple[Incident, tuple[Thread, ...]]]:
            query = select(*_COLUMNS).where(*asked.conditions()).order_by(incidents.c.id.desc()).limit(LISTED_MAX)
            found = [Incident(**row) for row in connection.execute(query).mappings()]
            return [(one, _threads(connection, one.id)) for one in found]

        return await self._do(read)

    def close(self) -> None:
        """Finish what is being written, and close."""
        self._worker.shutdown()
        self._engine.dispose()

    async def _do(self, work: Callable[[Connection], Result]) -> Result:
        def done() -> Result:
            with writing(self._engine) as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._worker, done)


def _threads(connection: Connection, incident_id: int) -> tuple[Thread, ...]:
    query = select(threads).where(threads.c.incident == incident_id).order_by(threads.c.channel)
    return tuple(
        Thread(
            channel=row["channel"],
            told_ns=row["told_ns"],
            is_waiting=row["due_ns"] is not None or row["claimed_ns"] is not None,
            held=row["held"],
            failures=row["failures"],
            error=row["error"],
        )
        for row in connection.execute(query).mappings()
    )


_COLUMNS = tuple(incidents.c[name] for name in Incident.__dataclass_fields__)
