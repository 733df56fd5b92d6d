"""Projections in the database: one transaction applies records and moves the vault's place in its journal."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gxrisk.history import tables
from gxrisk.history.database import writing
from gxrisk.history.projection import Projection, Record, Row, orders_named
from gxrisk.history.round_trips import Position

_IN_MAX: Final = 500  # names in one list of a query


def vault_named(connection: Connection, name: str, *, lock: bool = False) -> Row | None:
    """The row of a vault; locked until the transaction ends, so that no other projector goes on with it."""
    query = select(tables.vaults).where(tables.vaults.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else dict(row)


def lock_vault(connection: Connection, name: str) -> Row:
    """The locked row of a vault, made where it is missing."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(make(tables.vaults).values(name=name).on_conflict_do_nothing())
    found = vault_named(connection, name, lock=True)
    assert found is not None
    return found


def load(connection: Connection, vault: Row, records: Sequence[Record]) -> Projection:
    """A vault's projection, with what these records can touch."""
    projection = Projection(vault)
    found = connection.execute(_of(tables.positions, vault)).mappings()
    names = [column.name for column in tables.positions.c if column.name != "vault"]
    projection.positions = {row["asset"]: Position(**{name: row[name] for name in names}) for row in found}
    open_trips = _of(tables.trips, vault).where(tables.trips.c.ended_ns.is_(None))
    projection.tripped = {row["breaker"]: dict(row) for row in connection.execute(open_trips).mappings()}
    named = sorted(orders_named(records))
    for start in range(0, len(named), _IN_MAX):
        some = named[start : start + _IN_MAX]
        rows = connection.execute(_of(tables.orders, vault).where(tables.orders.c.sequence.in_(some))).mappings()
        projection.orders |= {row["sequence"]: dict(row) for row in rows}
    return projection


def save(connection: Connection, projection: Projection) -> None:
    """Write what changed."""
    vault = projection.vault
    added_orders = {row["sequence"] for row in projection.added[tables.orders]}
    added_trips = {row["sequence"] for row in projection.added[tables.trips]}
    for table, rows in projection.added.items():
        _insert(connection, table, vault, rows)
    changed = [projection.orders[one] for one in sorted(projection.touched_orders - added_orders)]
    _update(connection, tables.orders, vault, changed, _CHANGING)
    ended = [row for row in projection.ended_trips if row["sequence"] not in added_trips]
    _update(connection, tables.trips, vault, ended, ("ended_ns",))
    if projection.touched_assets:
        held = tables.positions.c
        gone = delete(tables.positions).where(held.vault == vault["id"], held.asset.in_(projection.touched_assets))
        connection.execute(gone)
        touched = [row for asset, row in projection.positions.items() if asset in projection.touched_assets]
        _insert(connection, tables.positions, vault, [position.row() for position in touched])
    connection.execute(update(tables.vaults).where(tables.vaults.c.id == vault["id"]).values(vault))


def forget(engine: Engine, name: str) -> None:
    """Remove all of a vault, and put its place back before the first record."""
    with writing(engine) as connection:
        vault = lock_vault(connection, name)
        for table in reversed(tables.OF_A_VAULT):
            connection.execute(delete(table).where(table.c.vault == vault["id"]))
        blank: dict[str, Any] = dict.fromkeys(set(vault) - {"id", "name"})
        blank |= {"sequence": 0, "paused": False, "killed": False}
        connection.execute(update(tables.vaults).where(tables.vaults.c.id == vault["id"]).values(blank))


def _of(table: Table, vault: Row) -> Any:
    return select(table).where(table.c.vault == vault["id"])


def _insert(connection: Connection, table: Table, vault: Row, rows: Collection[Row]) -> None:
    if rows:
        connection.execute(insert(table), [{**row, "vault": vault["id"]} for row in rows])


def _update(
    connection: Connection, table: Table, vault: Row, rows: Collection[Mapping[str, Any]], names: Sequence[str]
) -> None:
    if rows:
        change = (
            update(table)
            .where(table.c.vault == vault["id"], table.c.sequence == bindparam("of_sequence"))
            .values({name: bindparam(name) for name in names})
        )
        connection.execute(
            change, [{name: row[name] for name in names} | {"of_sequence": row["sequence"]} for row in rows]
        )


_CHANGING: Final = ("state", "filled", "value", "fees", "cancel_requested", "reason", "updated_ns")
