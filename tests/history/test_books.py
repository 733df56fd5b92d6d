"""The history says what the gate says: positions, round trips, orders, trips and money of random days agree exactly."""

from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import JournalReader
from gxrisk.history import History, Projector

from .desk import Desk, all_of

SEEDS = range(3)
EXACT_ZERO = Decimal(0)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_books_agree_with_the_gate(history: History, tmp_path: Path, seed: int) -> None:
    """After a random day (its seed is in the test's name) everything that both keep is equal to the last digit."""
    desk = Desk(tmp_path / "desk.gxr", seed)
    projector = Projector(history, [desk.file])
    for _ in range(5):
        desk.work(50)
        projector.catch_up()
        projector.raise_failures()
        _agree(history, desk)
    assert history.trades("desk", limit=1000).rows, "a day without a round trip shows nothing"
    desk.close()


def _agree(history: History, desk: Desk) -> None:
    snapshot = desk.gate.snapshot()
    held = {position.asset: position for position in history.positions("desk")}
    assert {asset: position.quantity for asset, position in held.items()} == {
        asset: Decimal(position) for asset, position in snapshot.positions.items() if position
    }
    assert all(position.cost == snapshot.positions[asset].cost for asset, position in held.items())

    totals = history.totals("desk")
    open_profit = sum((position.profit for position in held.values()), EXACT_ZERO)
    assert totals.profit + open_profit == snapshot.realised - snapshot.fees
    assert totals.fees + sum((position.fees for position in held.values()), EXACT_ZERO) == snapshot.fees
    assert totals.funding == snapshot.funding
    assert totals.deposits == snapshot.collateral

    # Looking at the gate writes what has happened by now, so the history is asked after it.
    Projector(history, [desk.file]).catch_up()
    working = {order.order_id: order for order in snapshot.working}
    kept = [order for state in ("approved", "redeemed", "accepted") for order in _orders(history, state)]
    assert {order.order_id: (order.state, order.quantity - order.filled) for order in kept} == {
        name: (order.status, order.remaining) for name, order in working.items()
    }
    lasting = history.trips("desk", lasting=True, newest_first=False).rows
    assert {trip.breaker: trip.cause for trip in lasting} == {trip.breaker: trip.cause for trip in desk.gate.trips}
    (overview,) = history.vaults()
    assert (overview.positions, overview.working) == (len(held), len(working))
    assert set(overview.tripped) == {trip.breaker for trip in desk.gate.trips}


def _orders(history: History, state: str) -> list[object]:
    return list(history.every(history.orders, "desk", state=state))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_record_is_somewhere(history: History, tmp_path: Path, seed: int) -> None:
    """Each record of a kind that is listed has its row, with the record's own sequence and time."""
    desk = Desk(tmp_path / "desk.gxr", seed)
    desk.work(150)
    desk.close()
    Projector(history, [desk.file]).catch_up()
    found = all_of(history, "desk")
    rows = {(name, row.sequence): row.time_ns for name, listed in found.items() if isinstance(listed, list)
            for row in listed if hasattr(row, "sequence")}  # fmt: skip
    lists = {"decision": "decisions", "hold": "decisions", "fill": "fills", "trip": "trips", "flow": "flows",
             "funding": "flows", "paused": "controls", "killed": "controls", "day": "equity"}  # fmt: skip
    records = [record for record in JournalReader(desk.file).events() if record["kind"] in lists]
    assert len(records) > 30
    for record in records:
        assert rows[lists[record["kind"]], record["sequence"]] == record["time_ns"]
    answers = {row.sequence: (row.is_hold, row.asset) for row in history.every(history.decisions, "desk")}
    holds = {record["sequence"]: record["asset"] for record in records if record["kind"] == "hold"}
    assert {sequence: asset for sequence, (is_hold, asset) in answers.items() if is_hold} == holds
    notes = [record for record in JournalReader(desk.file).events() if record["kind"] == "note"]
    assert notes
    for record in notes:
        assert ("notes", record["sequence"]) in rows or ("equity", record["sequence"]) in rows
