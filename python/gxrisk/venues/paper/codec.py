"""Reports and the state of a book as JSON: decimals as text, times in milliseconds, nothing lost."""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar, get_args, get_type_hints

from gxrisk.venues.paper.book import Book, instant
from gxrisk.venues.paper.ledger import Position
from gxrisk.venues.paper.orders import Protection, WorkingOrder
from gxrisk.venues.protocol import Report

_KINDS: Final = {kind.__name__: kind for kind in get_args(Report)}
_TYPES: Final = {kind: get_type_hints(kind) for kind in (*_KINDS.values(), Position, Protection, WorkingOrder)}
_T = TypeVar("_T")
_ALL: Final = 2**31  # moments of a millisecond, for files that do not say how many they had seen


def encode_report(report: Report) -> str:
    """One report as one line.

    >>> from gxrisk.venues import Accepted
    >>> line = encode_report(Accepted(1, instant(1_584_010_500_250), "gx-1"))
    >>> line
    '{"kind":"Accepted","sequence":1,"at":1584010500250,"order_id":"gx-1"}'
    >>> decode_report(line).at.isoformat()
    '2020-03-12T10:55:00.250000+00:00'
    """
    return _dumped({"kind": type(report).__name__, **_values(report)})


def decode_report(text: str) -> Report:
    """The report of a line that `encode_report` wrote."""
    values = json.loads(text)
    report: Report = _made(_KINDS[values.pop("kind")], values)
    return report


def encode_book(book: Book) -> str:
    """What of a book has to outlive the process."""
    return _dumped(
        {
            "now_ms": book.place[0],
            "count": book.place[1],
            "sequence": book.sequence,
            "fills": book.fills,
            "balance": str(book.ledger.balance),
            "positions": {asset: _values(one) for asset, one in book.ledger.positions.items()},
            "orders": [_values(one) for one in book.orders.values()],
            "protections": [_values(one) for one in book.protections],
            "used": {asset: [start_ms, str(quantity)] for asset, (start_ms, quantity) in book.used.items()},
        }
    )


def restore_book(book: Book, text: str) -> None:
    """Bring a fresh book to what `encode_book` wrote."""
    values = json.loads(text)
    book.since_ms, book.sequence, book.fills = (int(values[name]) for name in ("now_ms", "sequence", "fills"))
    book.since_count = int(values.get("count", _ALL))
    book.ledger.balance = Decimal(values["balance"])
    book.ledger.positions = {asset: _made(Position, one) for asset, one in values["positions"].items()}
    book.orders = {one["order_id"]: _made(WorkingOrder, one) for one in values["orders"]}
    book.protections = [_made(Protection, one) for one in values["protections"]]
    book.used = {asset: (start_ms, Decimal(quantity)) for asset, (start_ms, quantity) in values["used"].items()}


def _dumped(values: Mapping[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"))


def _values(one: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(one, field.name)) for field in fields(one)}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value


def _made(kind: type[_T], values: Mapping[str, Any]) -> _T:
    types = _TYPES[kind]
    return kind(**{name: _typed(types[name], value) for name, value in values.items()})


def _typed(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if kind is Decimal or Decimal in get_args(kind):
        return Decimal(value)
    return instant(value) if kind is datetime else value
