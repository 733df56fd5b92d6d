"""What a server, a report or a dashboard asks of a history: typed rows, in pages that cost the same anywhere."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from decimal import Decimal
from os import PathLike, fspath
from typing import Any, Self, TypeVar, Unpack

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, and_, case, func, select

from gxrisk.history import paging, rows, tables
from gxrisk.history.amounts import exact_total
from gxrisk.history.database import connect, reading, refuse_journal, url_of
from gxrisk.history.migration import ensure
from gxrisk.history.orders import WORKING
from gxrisk.history.paging import ROWS_MAX, Paging, Question, between, id_of, plainly

R = TypeVar("R")
_ZERO = Decimal(0)


class History:
    """A history that is open for questions; `Projector` fills it.

    Lists come in pages by the record's sequence: `since_ns` is included, `until_ns` is not, `after` is the `next` of
    the page before, `limit` is 1 to 1,000 (100 if none), the newest come first unless `newest_first=False`. Raises
    `HistoryError`, also for a vault that it does not know.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str | PathLike[str] | URL) -> Self:
        """Open a SQLite file, which is made and migrated as needed, or a PostgreSQL database that has been migrated."""
        found = url if isinstance(url, URL) else url_of(fspath(url))
        refuse_journal(found)
        history = cls(connect(found))
        try:
            ensure(history.engine)
        except BaseException:
            history.close()
            raise
        return history

    def close(self) -> None:
        """Close its connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def vaults(self) -> list[rows.VaultRow]:
        """The fleet, by name."""
        trip = tables.trips.c
        with reading(self.engine) as connection:
            found = connection.execute(select(tables.vaults).order_by(tables.vaults.c.name)).mappings().all()
            lasting = select(trip.vault, trip.breaker).where(trip.ended_ns.is_(None))
            tripped: dict[int, list[str]] = {}
            for vault, breaker in connection.execute(lasting.order_by(trip.vault, trip.sequence)):
                tripped.setdefault(vault, []).append(breaker)
            held = _counts(connection, tables.positions)
            working = _counts(connection, tables.orders, tables.orders.c.state.in_(WORKING))
        names = [field.name for field in fields(rows.VaultRow) if field.name in tables.vaults.c]
        return [
            rows.VaultRow(
                **{name: row[name] for name in names},
                tripped=tuple(tripped.get(row["id"], ())),
                positions=held.get(row["id"], 0),
                working=working.get(row["id"], 0),
            )
            for row in found
        ]

    def decisions(
        self,
        vault: str,
        *,
        outcome: rows.Outcome | None = None,
        rule: str | None = None,
        **part: Unpack[Paging],
    ) -> rows.Page[rows.Decision]:
        """Decisions and a model's own holds, of an outcome, or refused by a rule."""
        table, broken = tables.decisions, tables.violations.c
        conditions = [] if outcome is None else [table.c.outcome == outcome]
        if rule is None:
            return self._page(Question(table, paging.decisions, conditions), vault, part)
        source = table.join(tables.violations, and_(broken.vault == table.c.vault, broken.sequence == table.c.sequence))
        question = Question(
            table, paging.decisions, [*conditions, broken.rule == rule], source=source, key=broken.sequence
        )
        return self._page(question, vault, part)

    def orders(self, vault: str, *, state: str | None = None, **part: Unpack[Paging]) -> rows.Page[rows.Order]:
        """Approved orders, in a state."""
        return self._plain(rows.Order, tables.orders, vault, part, state=state)

    def fills(self, vault: str, *, order_id: str | None = None, **part: Unpack[Paging]) -> rows.Page[rows.Fill]:
        """Fills, of an order."""
        return self._plain(rows.Fill, tables.fills, vault, part, order_id=order_id)

    def trades(self, vault: str, *, asset: str | None = None, **part: Unpack[Paging]) -> rows.Page[rows.Trade]:
        """Finished round trips, of an asset; times are of their ends."""
        table, asked = tables.trades, tables.decisions.c
        source = table.outerjoin(
            tables.decisions, and_(asked.vault == table.c.vault, asked.sequence == table.c.decision)
        )
        conditions = [] if asset is None else [table.c.asset == asset]
        return self._page(Question(table, plainly(rows.Trade), conditions, (asked.reasoning,), source), vault, part)

    def equity(self, vault: str, *, source: str | None = None, **part: Unpack[Paging]) -> rows.Page[rows.EquityPoint]:
        """Points of the equity curve, of a source: `note` are the hourly samples."""
        return self._plain(rows.EquityPoint, tables.equity, vault, part, source=source)

    def trips(self, vault: str, *, lasting: bool | None = None, **part: Unpack[Paging]) -> rows.Page[rows.Trip]:
        """Breakers' trips; those that last, or those that have ended."""
        ended = tables.trips.c.ended_ns
        conditions = [] if lasting is None else [ended.is_(None) if lasting else ended.is_not(None)]
        return self._page(Question(tables.trips, plainly(rows.Trip), conditions), vault, part)

    def flows(self, vault: str, *, kind: str | None = None, **part: Unpack[Paging]) -> rows.Page[rows.Flow]:
        """Deposits, withdrawals and funding."""
        return self._plain(rows.Flow, tables.flows, vault, part, kind=kind)

    def controls(self, vault: str, *, kind: str | None = None, **part: Unpack[Paging]) -> rows.Page[rows.Control]:
        """What persons and the operator did, by kind of record."""
        return self._plain(rows.Control, tables.controls, vault, part, kind=kind)

    def notes(self, vault: str, *, topic: str | None = None, **part: Unpack[Paging]) -> rows.Page[rows.Note]:
        """The service's notes, of a topic."""
        return self._plain(rows.Note, tables.notes, vault, part, topic=topic)

    def unknown(self, vault: str, **part: Unpack[Paging]) -> rows.Page[rows.UnknownRecord]:
        """Records of kinds that this version does not know."""
        return self._plain(rows.UnknownRecord, tables.unknown, vault, part)

    def positions(self, vault: str) -> list[rows.Position]:
        """What is held now, by asset."""
        held = tables.positions
        with reading(self.engine) as connection:
            number = id_of(connection, vault)
            found = connection.execute(select(held).where(held.c.vault == number).order_by(held.c.asset))
            return plainly(rows.Position)(connection, number, found.mappings().all())

    def totals(self, vault: str, *, since_ns: int | None = None, until_ns: int | None = None) -> rows.Totals:
        """Exact sums over a span."""
        trade, flow = tables.trades.c, tables.flows.c
        sums = select(
            func.count(),
            func.count(case((trade.profit > _ZERO, 1))),
            func.count(case((trade.profit < _ZERO, 1))),
            exact_total(trade.profit),
            exact_total(trade.fees),
        ).where(*between(tables.trades, since_ns, until_ns))
        by_kind = select(flow.kind, exact_total(flow.amount)).where(*between(tables.flows, since_ns, until_ns))
        with reading(self.engine) as connection:
            number = id_of(connection, vault)
            trades, winners, losers, profit, fees = connection.execute(sums.where(trade.vault == number)).one()
            flowed = connection.execute(by_kind.where(flow.vault == number).group_by(flow.kind))
            flows = {kind: amount for kind, amount in flowed}  # noqa: C416 (as above)
        return rows.Totals(
            trades=trades,
            winners=winners,
            losers=losers,
            profit=profit or _ZERO,
            fees=fees or _ZERO,
            deposits=flows.get("deposit", _ZERO),
            withdrawals=flows.get("withdrawal", _ZERO),
            funding=flows.get("funding", _ZERO),
        )

    def every(self, pages: Callable[..., rows.Page[R]], vault: str, **options: Any) -> Iterator[R]:
        """All rows of one of the lists, the oldest first, with a page of them in memory at a time.

        `history.every(history.trades, "my-vault", asset="BTC")`
        """
        after: int | None = None
        while True:
            page = pages(vault, **options, after=after, limit=ROWS_MAX, newest_first=False)
            yield from page.rows
            after = page.next
            if after is None:
                return

    def _plain(self, row: type[R], table: Table, vault: str, part: Paging, **equal: str | None) -> rows.Page[R]:
        conditions = [table.c[name] == value for name, value in equal.items() if value is not None]
        return self._page(Question(table, plainly(row), conditions), vault, part)

    def _page(self, question: Question[R], vault: str, part: Paging) -> rows.Page[R]:
        with reading(self.engine) as connection:
            return question.page(connection, vault, part)


def _counts(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> dict[int, int]:
    counted = select(table.c.vault, func.count()).where(*conditions).group_by(table.c.vault)
    return {vault: count for vault, count in connection.execute(counted)}  # noqa: C416 (a row is no tuple to a type checker)
