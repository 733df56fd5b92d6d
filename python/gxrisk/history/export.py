"""Lists of a history as CSV (RFC 4180): CRLF, UTF-8, a header, every text quoted, safe to open in a spreadsheet.

A spreadsheet takes a cell for a formula by its first character, and some of our texts were written by a model. Every
text is therefore quoted, and one that begins like a formula gets an apostrophe before it, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection). Numbers are no texts: the column says so, not the content, so a
negative number stays the number that it is. Only a trip's limit and observed value can be either, and are written as
numbers where they are nothing but one.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final, TextIO

from gxrisk.history.amounts import plain
from gxrisk.history.queries import History
from gxrisk.history.rows import Decision, Trade
from gxrisk.history.times import written

_END: Final = "\r\n"
# The last four are the full-width forms of the first four, which spreadsheets take for the same.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ROWS_A_WRITE: Final = 1_000

Value = str | int | bool | Decimal | None


@dataclass(frozen=True, slots=True)
class Time:
    """Nanoseconds since 1970 that are written as RFC 3339."""

    ns: int | None


def cell(value: Value | Time) -> str:
    """One cell; nothing for what is not there.

    >>> for value in (Decimal("-1.50"), "-1.50", 'a "no"!', Time(0)):
    ...     print(cell(value))
    -1.5
    "'-1.50"
    "a ""no""!"
    1970-01-01T00:00:00Z
    """
    match value:
        case None | Time(None):
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return plain(value)
        case Time(int(time_ns)):
            return written(time_ns)
        case str():
            text = f"'{value}" if value.startswith(_FORMULA) else value
            return '"' + text.replace('"', '""') + '"'
    raise TypeError(f"{type(value).__name__} has no form in CSV")


def lines(names: Iterable[str], rows: Iterable[Iterable[Value | Time]]) -> Iterator[str]:
    """The header and the rows, each with its end."""
    yield ",".join(names) + _END
    for row in rows:
        yield ",".join(map(cell, row)) + _END


def export(history: History, vault: str, what: str, stream: TextIO) -> int:
    """Write a list of a vault to a stream that leaves line ends alone (`newline=""`); gives the number of rows.

    Pages are read and written one after the other, so millions of rows need no more memory than a thousand.
    """
    columns, pages = _LISTS[what]
    count = 0
    gathered: list[str] = []
    rows = history.every(partial(pages, history), vault)
    for line in lines(columns, ([of(row) for of in columns.values()] for row in rows)):
        gathered.append(line)
        count += 1
        if len(gathered) == _ROWS_A_WRITE:
            stream.write("".join(gathered))
            gathered.clear()
    stream.write("".join(gathered))
    return count - 1


def _is(*names: str) -> dict[str, Callable[[Any], Value | Time]]:
    """Columns that are fields; those of times lose their `_ns`, since they are written as text."""
    return {name.removesuffix("_ns"): partial(_field, name) for name in names}


def _field(name: str, row: object) -> Value | Time:
    value = getattr(row, name)
    return Time(value) if name.endswith("_ns") else value


def _figures(*names: str) -> dict[str, Callable[[Any], Value | Time]]:
    return {name: partial(_figure, name) for name in names}


def _figure(name: str, row: object) -> Value:
    value: str | None = getattr(row, name)
    return Decimal(value) if value is not None and _NUMBER.fullmatch(value) else value


def _rules(decision: Decision) -> str:
    return " ".join(violation.rule for violation in decision.violations)


def _messages(decision: Decision) -> str:
    return "; ".join(violation.message for violation in decision.violations)


def _duration_s(trade: Trade) -> Decimal:
    return Decimal(trade.duration_ns).scaleb(-9)


_LISTS: Final[dict[str, tuple[dict[str, Callable[[Any], Value | Time]], Callable[..., Any]]]] = {
    "trades": (
        _is("sequence", "asset", "side", "quantity", "opened_ns", "time_ns")
        | {"duration_s": _duration_s}
        | _is("entry_price", "exit_price", "profit", "fees", "fills", "decision", "reasoning"),
        History.trades,
    ),
    "decisions": (
        _is("sequence", "time_ns", "outcome", "origin", "asset", "side", "quantity", "price", "leverage", "stop_loss")
        | _is("take_profit", "reduce_only", "confidence", "order_id", "client_order_id")
        | {"rules": _rules, "messages": _messages}
        | _is("reasoning"),
        History.decisions,
    ),
    "fills": (
        _is("sequence", "time_ns", "order_id", "fill_id", "approved", "asset", "side", "quantity", "price", "fee"),
        History.fills,
    ),
    "equity": (_is("sequence", "time_ns", "source", "equity", "drawdown", "gross_exposure"), History.equity),
    "flows": (_is("sequence", "time_ns", "kind", "asset", "amount", "paid_ns", "destination"), History.flows),
    "trips": (
        _is("sequence", "time_ns", "breaker", "until_ns", "ended_ns") | _figures("limit", "observed") | _is("cause"),
        History.trips,
    ),
}

LISTS: Final = tuple(_LISTS)
