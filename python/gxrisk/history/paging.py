"""Pages by key: the next one begins after a record's sequence, so that it costs the same however far back it lies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Any, Final, Generic, TypedDict, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table, select

from gxrisk.history import rows, tables
from gxrisk.history.errors import HistoryError

ROWS_MAX: Final = 1_000
_ROWS: Final = 100
_NAMED_MAX: Final = 10

R = TypeVar("R")
Reader = Callable[[Connection, int, Sequence[RowMapping]], list[R]]


class Paging(TypedDict, total=False):
    """Which part of a list: `since_ns` is included, `until_ns` is not, `after` is the `next` of the page before."""

    since_ns: int | None
    until_ns: int | None
    after: int | None
    limit: int
    newest_first: bool


@dataclass(frozen=True, slots=True)
class Question(Generic[R]):
    """What a page is made of: a table (joined, filtered), the key that orders it, and what reads its rows."""

    table: Table
    read: Reader[R]
    conditions: Sequence[ColumnElement[bool]] = ()
    extra: Sequence[ColumnElement[Any]] = ()
    source: Any = None
    key: ColumnElement[int] | None = None

    def page(self, connection: Connection, vault: str, paging: Paging) -> rows.Page[R]:
        """The page."""
        limit = paging.get("limit", _ROWS)
        if not 1 <= limit <= ROWS_MAX:
            raise HistoryError(f"limit is {limit}; 1 to {ROWS_MAX} are allowed")
        number = id_of(connection, vault)
        source = self.table if self.source is None else self.source
        query = select(self.table, *self.extra).select_from(source).where(*self.conditions)
        found = connection.execute(self._narrowed(connection, query, number, paging).limit(limit + 1)).mappings().all()
        page = found[:limit]
        following = page[-1]["sequence"] if len(found) > limit else None
        return rows.Page(tuple(self.read(connection, number, page)), following)

    def _narrowed(self, connection: Connection, query: Select[Any], vault: int, paging: Paging) -> Select[Any]:
        key = self.table.c.sequence if self.key is None else self.key
        newest_first, after = paging.get("newest_first", True), paging.get("after")
        query = query.where(key.table.c.vault == vault)
        since = _first_from(connection, self.table, vault, paging.get("since_ns"))
        until = _first_from(connection, self.table, vault, paging.get("until_ns"))
        if since is not None:
            query = query.where(key >= since)
        if until is not None:
            query = query.where(key < until)
        if after is not None:
            query = query.where(key < after if newest_first else key > after)
        return query.order_by(key.desc() if newest_first else key)


def plainly(row: type[R]) -> Reader[R]:
    """A reader of rows whose columns are the fields."""
    values = itemgetter(*(field.name for field in fields(row)))  # type: ignore[arg-type]
    return lambda _connection, _vault, found: [row(*values(one)) for one in found]


def decisions(connection: Connection, vault: int, found: Sequence[RowMapping]) -> list[rows.Decision]:
    """Decisions with their violations, read with one more query."""
    broken = tables.violations.c
    sequences = [one["sequence"] for one in found]
    query = select(tables.violations).where(broken.vault == vault, broken.sequence.in_(sequences))
    by_decision: dict[int, list[rows.Violation]] = {}
    for one in connection.execute(query.order_by(broken.sequence, broken.place)).mappings():
        violation = rows.Violation(one["rule"], one["limit"], one["observed"], one["message"])
        by_decision.setdefault(one["sequence"], []).append(violation)
    names = [field.name for field in fields(rows.Decision) if field.name != "violations"]
    return [
        rows.Decision(**{name: one[name] for name in names}, violations=tuple(by_decision.get(one["sequence"], ())))
        for one in found
    ]


def id_of(connection: Connection, vault: str) -> int:
    """The number of a vault; `HistoryError` for one that the history does not know."""
    name = tables.vaults.c.name
    found = connection.scalar(select(tables.vaults.c.id).where(name == vault))
    if found is None:
        known = connection.scalars(select(name).order_by(name).limit(_NAMED_MAX)).all()
        raise HistoryError(f"there is no vault {vault} in this history; it has {', '.join(known) or 'none yet'}")
    return int(found)


def between(table: Table, since_ns: int | None, until_ns: int | None) -> Iterable[ColumnElement[bool]]:
    """The rows of a span."""
    if since_ns is not None:
        yield table.c.time_ns >= since_ns
    if until_ns is not None:
        yield table.c.time_ns < until_ns


def _first_from(connection: Connection, table: Table, vault: int, time_ns: int | None) -> int | None:
    """The first sequence from a time on, which stands for the time since a gate's time never goes back.

    One look into the index of times, and then everything goes by the key.
    """
    if time_ns is None:
        return None
    time, sequence = table.c.time_ns, table.c.sequence
    query = select(sequence).where(table.c.vault == vault, time >= time_ns).order_by(time, sequence).limit(1)
    found = connection.scalar(query)
    return _BEYOND if found is None else int(found)


_BEYOND: Final = 2**63 - 1
