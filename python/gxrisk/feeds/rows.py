"""One row of a candle file: strict numbers, and the error that says where a file is wrong."""

import re
from decimal import Decimal
from typing import Final, NamedTuple

from gxrisk._native import GxriskError

COLUMNS: Final = ("timestamp_ms", "open", "high", "low", "close", "volume")

_DIGITS: Final = re.compile(r"\d{1,16}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NOT_FINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_TEXT_LENGTH_MAX: Final = 40
_FRACTION_DIGITS: Final = -9
_PRICE_MAX: Final = Decimal("1e18")
_TIME_MS_MIN: Final = 100_000_000_000  # 1973: a smaller one is in seconds
_TIME_MS_MAX: Final = 4_102_444_800_000  # 2100: a larger one is in microseconds

_PRICE_ALLOWED: Final = "a number above 0, at most 1e18, with at most nine digits after the point"


class CandleError(GxriskError, ValueError):
    """A candle file that cannot be used: `file`, `line` (the header is 1), `column`, what is `seen` and `allowed`.

    >>> str(CandleError("btc.csv", 7, "close", "'nan'", "a number above 0"))
    "btc.csv: line 7, column close: 'nan' was seen, a number above 0 is allowed"
    """

    def __init__(self, file: str, line: int, column: str, seen: str, allowed: str) -> None:
        super().__init__(f"{file}: line {line}, column {column}: {seen} was seen, {allowed} is allowed")
        self.file = file
        self.line = line
        self.column = column
        self.seen = seen
        self.allowed = allowed


class Place(NamedTuple):
    """Where a row stands: the file's name and the line number."""

    file: str
    line: int

    def error(self, column: str, seen: str, allowed: str) -> CandleError:
        """The error for `column` at this place."""
        return CandleError(self.file, self.line, column, seen, allowed)


class Row(NamedTuple):
    """The checked values of one row: UTC milliseconds of the bar's open, exact prices, volume in base units."""

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: float


def shown(text: str) -> str:
    """`text` as an error shows it: quoted, escaped, cut at 40 characters.

    >>> shown("1,0" * 40)
    "'1,01,01,01,01,01,01,01,01,01,01,01,01,01...'"
    """
    return repr(text if len(text) <= _TEXT_LENGTH_MAX else text[:_TEXT_LENGTH_MAX] + "...")


def column_order(header: list[str], place: Place) -> list[int]:
    """The index of each of `COLUMNS` in `header`; further columns are allowed and ignored.

    >>> column_order(["close", "timestamp_ms", "open", "high", "low", "volume"], Place("x.csv", 1))
    [1, 2, 3, 4, 0, 5]
    """
    names = [name.strip() for name in header]
    for column in COLUMNS:
        if names.count(column) != 1:
            seen = "no such column" if column not in names else "the column twice"
            raise place.error(column, seen, "a header with each of " + ",".join(COLUMNS) + " once")
    return [names.index(column) for column in COLUMNS]


def parse_row(fields: list[str], order: list[int], width: int, place: Place) -> Row:
    """Check one row of `width` fields, whose columns stand in `order`.

    Raises `CandleError` for anything but whole milliseconds, prices above 0 with low <= open, close <= high, and a
    volume of 0 or more.
    """
    if len(fields) != width:
        column = COLUMNS[order.index(len(fields))] if len(fields) in order else COLUMNS[-1]
        raise place.error(column, f"a row of {len(fields)} fields", f"one field for each of the {width} header names")
    text = [fields[index].strip() for index in order]
    start_ms = _time_ms(text[0], place)
    opened, high, low, close = (_price(text[i], COLUMNS[i], place) for i in range(1, 5))
    if high < low:
        raise place.error("high", str(high), f"a high of at least the low ({low})")
    for column, value in (("open", opened), ("close", close)):
        if not low <= value <= high:
            raise place.error(column, str(value), f"a price between low ({low}) and high ({high})")
    volume = _number(text[5], "volume", "a number of 0 or more, at most 1e18", place)
    if not 0 <= volume <= _PRICE_MAX:
        raise place.error("volume", shown(text[5]), "a number of 0 or more, at most 1e18")
    return Row(start_ms, opened, high, low, close, float(volume))


def _time_ms(text: str, place: Place) -> int:
    allowed = "a whole number of UTC milliseconds between 1973 and 2100"
    if not _DIGITS.fullmatch(text):
        raise place.error("timestamp_ms", shown(text), allowed)
    value = int(text)
    if value < _TIME_MS_MIN:
        raise place.error("timestamp_ms", f"{text} (seconds?)", allowed)
    if value >= _TIME_MS_MAX:
        raise place.error("timestamp_ms", f"{text} (microseconds?)", allowed)
    return value


def _number(text: str, column: str, allowed: str, place: Place) -> Decimal:
    if _NOT_FINITE.fullmatch(text):
        raise place.error(column, shown(text), allowed)
    if len(text) > _TEXT_LENGTH_MAX or not _NUMBER.fullmatch(text):
        raise place.error(column, shown(text) if text else "an empty field", allowed)
    return Decimal(text)


def _price(text: str, column: str, place: Place) -> Decimal:
    value = _number(text, column, _PRICE_ALLOWED, place)
    if not 0 < value <= _PRICE_MAX:
        raise place.error(column, shown(text), _PRICE_ALLOWED)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < _FRACTION_DIGITS:
        value = value.normalize()
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and exponent < _FRACTION_DIGITS:
            raise place.error(column, shown(text), _PRICE_ALLOWED)
    return value
