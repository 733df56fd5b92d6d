"""What records become: a function for each kind, which adds rows and changes what is still open."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal, InvalidOperation, localcontext
from typing import Any, Final

from sqlalchemy import Table

from gxrisk.history import orders, tables
from gxrisk.history.amounts import EXACT, plain
from gxrisk.history.round_trips import Position, book
from gxrisk.history.times import nanoseconds

Record = Mapping[str, Any]
Row = dict[str, Any]

_FRACTION: Final = Decimal("1e-9")
_EQUITY_TOPIC: Final = "equity"


@dataclass
class Projection:
    """A vault as its history holds it, and the rows to add; one run of records is applied to it at a time."""

    vault: Row
    positions: dict[str, Position] = field(default_factory=dict)
    tripped: dict[str, Row] = field(default_factory=dict)
    orders: dict[int, Row] = field(default_factory=dict)
    added: defaultdict[Table, list[Row]] = field(default_factory=lambda: defaultdict(list))
    touched_assets: set[str] = field(default_factory=set)
    touched_orders: set[int] = field(default_factory=set)
    ended_trips: list[Row] = field(default_factory=list)

    def apply(self, records: Iterable[Record]) -> None:
        """Apply records that follow on the ones before; their last becomes the vault's place in its journal."""
        with localcontext(EXACT):
            for record in records:
                KINDS.get(record["kind"], _unknown)(self, record)
                self.vault["sequence"], self.vault["time_ns"] = record["sequence"], record["time_ns"]
                self.vault["hash"] = record["hash"]

    def add(self, table: Table, record: Record, /, **columns: Any) -> Row:
        """A row made from a record."""
        row = {"sequence": record["sequence"], "time_ns": record["time_ns"], **columns}
        self.added[table].append(row)
        return row

    def add_equity(self, record: Record, source: str, equity: Decimal, drawdown: Any, gross_exposure: Any) -> None:
        """A point of the equity curve."""
        point = {"equity": equity, "drawdown": drawdown, "gross_exposure": gross_exposure}
        self.add(tables.equity, record, source=source, **point)
        self.vault |= {name: value for name, value in point.items() if value is not None}
        self.vault["equity_ns"] = record["time_ns"]

    def confirm(self, order_id: str, record: Record) -> None:
        """Tell an order what happened to it."""
        decision = orders.decision_of(order_id)
        if decision is not None and decision in self.orders:
            orders.confirm(self.orders[decision], record)
            self.touched_orders.add(decision)


def orders_named(records: Iterable[Record]) -> set[int]:
    """The decisions of the orders that records speak of."""
    ids = (
        order_id
        for record in records
        if record["kind"] in _OF_ORDERS
        for order_id in record.get("order_ids") or (record["order_id"],)
    )
    return {decision for order_id in ids if (decision := orders.decision_of(order_id)) is not None}


def storable(text: str) -> str:
    """Text without the NUL character, which PostgreSQL cannot hold: its picture stands in, in both databases."""
    return text.replace("\0", "␀")


def as_json(value: object) -> str:
    """JSON in ASCII, with every Decimal as text, exactly."""
    return json.dumps(value, default=_exact)


def _exact(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def _decision(projection: Projection, record: Record) -> None:
    order = record["order"]
    projection.add(
        tables.decisions,
        record,
        outcome=record["outcome"],
        origin=record["origin"],
        **{name: order[name] for name in _ASKED},
        reasoning=storable(order["reasoning"]),
        order_id=record["order_id"],
    )
    for place, violation in enumerate(record["violations"]):
        projection.added[tables.violations].append(
            {
                "sequence": record["sequence"],
                "place": place,
                "rule": violation["rule"],
                "limit": _figure(violation["limit"]),
                "observed": _figure(violation["observed"]),
                "message": storable(violation["message"]),
            }
        )
    if record["order_id"] is not None:
        row = orders.approved(record)
        projection.added[tables.orders].append(row)
        projection.orders[record["sequence"]] = row
    _evidence(projection, record)


def _evidence(projection: Projection, record: Record) -> None:
    """A point of the curve from a decision's facts, unless it says what the last one said."""
    evidence = record["evidence"]
    equity, base, exposure = evidence["equity"], evidence["base"], evidence["gross_exposure"]
    if (equity, exposure) == (projection.vault["equity"], projection.vault["gross_exposure"]):
        return
    lost = max(base - equity, Decimal(0))
    drawdown = (lost / base).quantize(_FRACTION, rounding=ROUND_CEILING) if base > 0 else Decimal(0)
    projection.add_equity(record, "decision", equity, drawdown, exposure)


def _hold(projection: Projection, record: Record) -> None:
    nothing = dict.fromkeys(_ASKED)
    projection.add(
        tables.decisions,
        record,
        outcome="held",
        origin="agent",
        **nothing | {"asset": record["asset"], "reduce_only": False, "confidence": record["confidence"]},
        reasoning=storable(record["reasoning"]),
        order_id=None,
    )


def _fill(projection: Projection, record: Record) -> None:
    columns = ("order_id", "fill_id", "approved", "asset", "side", "quantity", "price", "fee")
    projection.add(tables.fills, record, **{name: record[name] for name in columns})
    decision = None
    if record["approved"]:
        decision = orders.decision_of(record["order_id"])
        projection.confirm(record["order_id"], record)
    asset = record["asset"]
    booked = book(projection.positions.pop(asset, None), record, decision)
    if booked.held is not None:
        projection.positions[asset] = booked.held
    if booked.trade is not None:
        projection.added[tables.trades].append(booked.trade)
    projection.touched_assets.add(asset)


def _confirmation(projection: Projection, record: Record) -> None:
    projection.confirm(record["order_id"], record)


def _cancel_requested(projection: Projection, record: Record) -> None:
    for order_id in record["order_ids"]:
        projection.confirm(order_id, record)


def _failed(projection: Projection, record: Record) -> None:
    projection.confirm(record["order_id"], {**record, "reason": storable(record["reason"])})


def _trip(projection: Projection, record: Record) -> None:
    _end(projection, record)  # a breaker that trips again begins anew
    projection.tripped[record["breaker"]] = projection.add(
        tables.trips,
        record,
        breaker=record["breaker"],
        until_ns=_time(record["until"]),
        ended_ns=None,
        limit=_figure(record["limit"]),
        observed=_figure(record["observed"]),
        cause=storable(record["cause"]),
    )


def _end(projection: Projection, record: Record) -> None:
    trip = projection.tripped.pop(record["breaker"], None)
    if trip is not None:
        trip["ended_ns"] = record["time_ns"]
        projection.ended_trips.append(trip)


def _flow(projection: Projection, record: Record) -> None:
    _add_flow(projection, record, "deposit", record["amount"])


def _funding(projection: Projection, record: Record) -> None:
    paid_ns = _time(record.get("paid"))
    _add_flow(projection, record, "funding", record["amount"], asset=record["asset"], paid_ns=paid_ns)


def _withdrawal(projection: Projection, record: Record) -> None:
    _add_flow(projection, record, "withdrawal", -record["amount"], destination=record["destination"])


def _add_flow(projection: Projection, record: Record, kind: str, amount: Decimal, **columns: Any) -> None:
    nothing = {"asset": None, "paid_ns": None, "destination": None}
    projection.add(tables.flows, record, kind=kind, amount=amount, **nothing | columns)


def _day(projection: Projection, record: Record) -> None:
    projection.add_equity(record, "day", record["opening"], None, None)


def _control(projection: Projection, record: Record) -> None:
    details = {name: value for name, value in record.items() if name not in _OF_EVERY_RECORD}
    projection.add(tables.controls, record, kind=record["kind"], details=as_json(details))


def _paused(projection: Projection, record: Record) -> None:
    projection.vault["paused"] = record["kind"] == "paused"
    _control(projection, record)


def _killed(projection: Projection, record: Record) -> None:
    projection.vault["killed"] = record["kind"] == "killed"
    _control(projection, record)


def _note(projection: Projection, record: Record) -> None:
    point = _sample(record["text"]) if record["topic"] == _EQUITY_TOPIC else None
    if point is not None:
        projection.add_equity(record, "note", **point)
    else:
        projection.add(tables.notes, record, topic=storable(record["topic"]), text=storable(record["text"]))


def _sample(text: str) -> dict[str, Decimal] | None:
    """The point of the equity curve that a note holds; None where it is none, which keeps it among the notes."""
    try:
        value = json.loads(text, parse_float=str, parse_int=str)
        point = {name: Decimal(value[name]) for name in ("equity", "drawdown", "gross_exposure")}
    except (ValueError, TypeError, KeyError, InvalidOperation, RecursionError):
        return None
    is_money = all(number.is_finite() and abs(number.adjusted()) < _DIGITS_MAX for number in point.values())
    return point if is_money else None


def _unknown(projection: Projection, record: Record) -> None:
    projection.add(tables.unknown, record, kind=record["kind"], record=as_json(dict(record)))


def _nothing(projection: Projection, record: Record) -> None:
    """Marks and checkpoints serve the gate's recovery, and are looked up in the journal."""


def _time(text: str | None) -> int | None:
    return None if text is None else nanoseconds(text)


def _figure(value: Decimal | int | str | None) -> str | None:
    if isinstance(value, Decimal):
        return plain(value)
    return None if value is None else storable(str(value))


_DIGITS_MAX: Final = 21
_ASKED: Final = (
    "asset", "side", "quantity", "price", "leverage", "stop_loss", "take_profit", "reduce_only", "confidence",
    "client_order_id",
)  # fmt: skip
_OF_EVERY_RECORD: Final = ("sequence", "time", "time_ns", "kind", "epoch", "hash")
_OF_ORDERS: Final = ("redeemed", "accepted", "fill", "cancelled", "failed", "expired", "cancel_requested")

KINDS: Final[dict[str, Callable[[Projection, Record], None]]] = {
    "opened": _control,
    "market": _nothing,
    "flow": _flow,
    "funding": _funding,
    "volatility": _control,
    "lot_steps": _control,
    "correlation_groups": _control,
    "decision": _decision,
    "hold": _hold,
    "redeemed": _confirmation,
    "accepted": _confirmation,
    "fill": _fill,
    "cancelled": _confirmation,
    "failed": _failed,
    "expired": _confirmation,
    "day": _day,
    "trip": _trip,
    "end": _end,
    "cancel_requested": _cancel_requested,
    "paused": _paused,
    "resumed": _paused,
    "killed": _killed,
    "reactivated": _killed,
    "limits": _control,
    "risk_scale": _control,
    "restarted": _control,
    "keys": _control,
    "owner_key": _control,
    "withdrawal": _withdrawal,
    "checkpoint": _nothing,
    "note": _note,
}
