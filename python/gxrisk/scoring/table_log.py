"""A decision log from tables: the decisions of `gxrisk export`, its trades, and candles for the prices."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from os import PathLike
from pathlib import Path
from typing import Final, cast

from gxrisk.feeds.candles import CandleSeries
from gxrisk.feeds.fields import DataError, Place, column_order, shown
from gxrisk.history.export import plain_text
from gxrisk.history.rows import Decision, Outcome, Trade, Violation
from gxrisk.history.times import nanoseconds
from gxrisk.scoring.log import Log
from gxrisk.vaults.report.records import Recorded

DECISIONS: Final = (
    "sequence", "time", "outcome", "origin", "asset", "side", "quantity", "stop_loss", "reduce_only", "confidence",
    "rules", "reasoning",
)  # fmt: skip
TRADES: Final = (
    "sequence", "time", "asset", "side", "quantity", "opened", "entry_price", "exit_price", "profit", "fees", "fills",
    "decision",
)  # fmt: skip
_NS_PER_MS: Final = 1_000_000
_EXPONENT_MAX: Final = 40
_SIDES: Final = ("buy", "sell")


def read_tables(
    decisions: str | PathLike[str],
    trades: str | PathLike[str] | None = None,
    candles: Sequence[CandleSeries] = (),
) -> Log:
    """The log of a CSV of `DECISIONS` (further columns are left alone), with a CSV of `TRADES` where there is one.

    Times are RFC 3339 in UTC, what is not there is an empty field, as `gxrisk export` writes them. The prices are the
    closes of `candles`, by asset. Raises `DataError` at the first thing that is wrong.
    """
    recorded = Recorded()
    for series in candles:
        for candle in series.candles:
            recorded.marks[series.asset].add(candle.end_ms * _NS_PER_MS, candle.close)
    file = Path(decisions)
    read = [_decision(row) for row in _rows(file, DECISIONS)]
    made = None if trades is None else [_trade(row) for row in _rows(Path(trades), TRADES)]
    return Log.of(file.name, read, made, recorded, max((one.time_ns for one in read), default=0))


class _Row:
    """One row, whose fields are read with the place of what is wrong."""

    def __init__(self, place: Place, fields: Mapping[str, str]) -> None:
        self.place = place
        self.fields = fields

    def text(self, column: str) -> str | None:
        return plain_text(self.fields[column]) or None

    def word(self, column: str, allowed: Sequence[str]) -> str:
        if self.fields[column] not in allowed:
            raise self.place.error(column, shown(self.fields[column]), " or ".join(allowed))
        return self.fields[column]

    def whole(self, column: str) -> int:
        if not (self.fields[column].isascii() and self.fields[column].isdigit()):
            raise self.place.error(column, shown(self.fields[column]), "a whole number")
        return int(self.fields[column])

    def number(self, column: str) -> Decimal:
        try:
            value = Decimal(self.fields[column])
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or abs(value.adjusted()) > _EXPONENT_MAX:  # 1e999999999 is a number too
            raise self.place.error(column, shown(self.fields[column]), f"a number of at most {_EXPONENT_MAX} digits")
        return value

    def time(self, column: str) -> int:
        try:
            return nanoseconds(self.fields[column])
        except ValueError:
            allowed = "a time in UTC like 2020-03-12T00:00:00Z"
            raise self.place.error(column, shown(self.fields[column]), allowed) from None

    def has(self, column: str) -> bool:
        return self.fields[column] != ""


def _decision(row: _Row) -> Decision:
    is_order = row.has("side")
    if not 0 <= (confidence := row.number("confidence")) <= 1:
        raise row.place.error("confidence", shown(str(confidence)), "0 to 1")
    return Decision(
        sequence=row.whole("sequence"),
        time_ns=row.time("time"),
        outcome=cast(Outcome, row.word("outcome", ("approved", "rejected", "held"))),
        origin=row.word("origin", ("agent", "owner", "protection")),
        asset=row.text("asset"),
        side=row.word("side", _SIDES) if is_order else None,
        quantity=row.number("quantity") if is_order else None,
        price=None,
        leverage=None,
        stop_loss=row.number("stop_loss") if row.has("stop_loss") else None,
        take_profit=None,
        reduce_only=row.word("reduce_only", ("true", "false")) == "true",
        confidence=confidence,
        reasoning=row.text("reasoning") or "",
        client_order_id=None,
        order_id=None,
        violations=tuple(Violation(rule, None, None, "") for rule in row.fields["rules"].split()),
    )


def _trade(row: _Row) -> Trade:
    quantity, opened_ns = row.number("quantity"), row.time("opened")
    return Trade(
        sequence=row.whole("sequence"),
        time_ns=row.time("time"),
        asset=row.text("asset") or "",
        side=row.word("side", ("long", "short")),
        quantity=quantity,
        entry_value=quantity * row.number("entry_price"),
        exit_value=quantity * row.number("exit_price"),
        profit=row.number("profit"),
        fees=row.number("fees"),
        fills=row.whole("fills"),
        opened_ns=opened_ns,
        opened=row.whole("decision") if row.has("decision") else row.whole("sequence"),
        decision=row.whole("decision") if row.has("decision") else None,
        reasoning=None,
    )


def _rows(file: Path, columns: Sequence[str]) -> Iterator[_Row]:
    name = str(file)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            order = column_order(header, columns, Place(name, 1))
            for fields in reader:
                place = Place(name, reader.line_num)
                if len(fields) != len(header):
                    allowed = f"one field for each of the {len(header)} header names"
                    raise place.error(columns[0], f"a row of {len(fields)} fields", allowed)
                yield _Row(place, {column: fields[index] for column, index in zip(columns, order, strict=True)})
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(name, 1, columns[0], f"{error}", "comma-separated text in UTF-8") from None
    except OSError as error:
        raise DataError(name, 1, columns[0], error.strerror or "an unreadable file", "a readable file") from error
