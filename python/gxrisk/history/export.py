"""Lists of a history as CSV (RFC 4180): CRLF, UTF-8, a header, every text quoted, safe to open in a spreadsheet.

A spreadsheet takes a cell for a formula by its first character, and some of our texts were written by a model. Every
text is therefore quoted, and one that begins like a formula gets an apostrophe before it, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection). Numbers are no texts: the column says so, not the content, so a
negative number stays the number that it is. Only a trip's limit and observed value can be either, and are written as
numbers where they are nothing but one.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any, Final, TextIO

from gxrisk.history.amounts import plain
from gxrisk.history.queries import History
from gxrisk.history.rows import Decision, Trade
from gxrisk.history.times import written

_END: Final = "\r\n"
# The last four are the full-width forms of the first four, which spreadsheets take for the same.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_LINES_A_WRITE: Final = 1_000

Value = str | int | bool | Decimal | None
Cell = Callable[[Any], str]


def cell(value: Value) -> str:
    """One cell; nothing for what is not there.

    >>> for value in (Decimal("-1.50"), "-1.50", 'a "no"!', True):
    ...     print(cell(value))
    -1.5
    "'-1.50"
    "a ""no""!"
    true
    """
    return _FORMS[type(value)](value)


def _text(text: str) -> str:
    safe = f"'{text}" if text.startswith(_FORMULA) else text
    return '"' + safe.replace('"', '""') + '"'


def plain_text(written: str) -> str:
    """A text as it was before `cell` made it safe, of a field that a CSV reader has unquoted.

    >>> plain_text("'-1.50"), plain_text("it's")
    ('-1.50', "it's")
    """
    return written[1:] if written.startswith("'") and written[1:].startswith(_FORMULA) else written


_FORMS: Final[dict[type, Cell]] = {
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    int: str,
    Decimal: plain,
    str: _text,
}


def lines(names: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The header and the rows of cells, each with its end."""
    yield ",".join(names) + _END
    for row in rows:
        yield ",".join(row) + _END


def pieces(history: History, vault: str, what: str) -> Iterator[str]:
    """A list of a vault as CSV, a thousand lines in each piece: millions of rows need no more memory than that."""
    return map("".join, _batches(history, vault, what))


def export(history: History, vault: str, what: str, stream: TextIO) -> int:
    """Write a list of a vault to a stream that leaves line ends alone (`newline=""`); gives the number of rows."""
    count = 0
    for batch in _batches(history, vault, what):
        stream.write("".join(batch))
        count += len(batch)
    return count - 1


def _batches(history: History, vault: str, what: str) -> Iterator[list[str]]:
    columns, pages = _LISTS[what]
    cells = tuple(columns.values())
    rows = history.every(partial(pages, history), vault)
    every = lines(columns, ([of(row) for of in cells] for row in rows))
    while batch := list(islice(every, _LINES_A_WRITE)):
        yield batch


def _is(*names: str) -> dict[str, Cell]:
    """Columns that are fields; those of times lose their `_ns`, since they are written as text."""
    return {name.removesuffix("_ns"): _cell_of(attrgetter(name), name.endswith("_ns")) for name in names}


def _cell_of(field: Callable[[Any], Any], is_time: bool) -> Cell:
    if is_time:
        return lambda row: "" if (time_ns := field(row)) is None else written(time_ns)
    return lambda row: cell(field(row))


def _figures(*names: str) -> dict[str, Cell]:
    return {name: partial(_figure, attrgetter(name)) for name in names}


def _figure(field: Callable[[Any], str | None], row: object) -> str:
    value = field(row)
    return value if value is not None and _NUMBER.fullmatch(value) else cell(value)


def _rules(decision: Decision) -> str:
    return cell(" ".join(violation.rule for violation in decision.violations))


def _messages(decision: Decision) -> str:
    return cell("; ".join(violation.message for violation in decision.violations))


def _duration_s(trade: Trade) -> str:
    return cell(Decimal(trade.duration_ns).scaleb(-9))


_LISTS: Final[dict[str, tuple[dict[str, Cell], Callable[..., Any]]]] = {
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
