"""The fields of a data file: strict numbers, and the error that says where a file is wrong."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from gxrisk._native import GxriskError

_DIGITS: Final = re.compile(r"\d{1,16}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NOT_FINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_TEXT_LENGTH_MAX: Final = 40
_FRACTION_DIGITS: Final = -9
_NUMBER_MAX: Final = Decimal("1e18")
_TIME_MS_MIN: Final = 100_000_000_000  # 1973: a smaller one is in seconds
_TIME_MS_MAX: Final = 4_102_444_800_000  # 2100: a larger one is in microseconds

_EXACT_ALLOWED: Final = "a number above 0, at most 1e18, with at most nine digits after the point"
_VOLUME_ALLOWED: Final = "a number of 0 or more, at most 1e18"
_RATE_ALLOWED: Final = "a fraction between -1 and 1"


class DataError(GxriskError, ValueError):
    """A data file that cannot be used: `file`, `line`, `column`, what is `seen` and what is `allowed`.

    In text the header is line 1. Parquet has no lines: there `counted` is "row" and the first row is 1.

    >>> str(DataError("btc.csv", 7, "close", "'nan'", "a number above 0"))
    "btc.csv: line 7, column close: 'nan' was seen, a number above 0 is allowed"
    """

    def __init__(self, file: str, line: int, column: str, seen: str, allowed: str, *, counted: str = "line") -> None:
        super().__init__(f"{file}: {counted} {line}, column {column}: {seen} was seen, {allowed} is allowed")
        self.file = file
        self.line = line
        self.column = column
        self.seen = seen
        self.allowed = allowed
        self.counted = counted


class Place(NamedTuple):
    """Where a row stands: the file's name and its line (or, where there are no lines, its row)."""

    file: str
    line: int
    counted: str = "line"

    def error(self, column: str, seen: str, allowed: str) -> DataError:
        """The error for `column` at this place."""
        return DataError(self.file, self.line, column, seen, allowed, counted=self.counted)


def shown(text: str) -> str:
    """`text` as an error shows it: quoted, escaped, cut at 40 characters.

    >>> shown("1,0" * 40)
    "'1,01,01,01,01,01,01,01,01,01,01,01,01,01...'"
    """
    return repr(text if len(text) <= _TEXT_LENGTH_MAX else text[:_TEXT_LENGTH_MAX] + "...")


def column_order(header: Sequence[str], columns: Sequence[str], place: Place) -> list[int]:
    """The index of each of `columns` in `header`; further columns are allowed and ignored.

    >>> column_order(["price", "x", "timestamp_ms"], ["timestamp_ms", "price"], Place("x.csv", 1))
    [2, 0]
    """
    names = [name.strip() for name in header]
    for column in columns:
        if names.count(column) != 1:
            seen = "no such column" if column not in names else "the column twice"
            raise place.error(column, seen, "a header with each of " + ",".join(columns) + " once")
    return [names.index(column) for column in columns]


def time_ms(text: str, place: Place) -> int:
    """UTC milliseconds between 1973 and 2100, so that seconds and microseconds are noticed."""
    allowed = "a whole number of UTC milliseconds between 1973 and 2100"
    if not _DIGITS.fullmatch(text):
        raise place.error("timestamp_ms", shown(text) if text else "an empty field", allowed)
    value = int(text)
    if value < _TIME_MS_MIN:
        raise place.error("timestamp_ms", f"{text} (seconds?)", allowed)
    if value >= _TIME_MS_MAX:
        raise place.error("timestamp_ms", f"{text} (microseconds?)", allowed)
    return value


def exact(text: str, column: str, place: Place) -> Decimal:
    """A price or a quantity as the gate takes it: above 0, at most 1e18, nine digits after the point."""
    value = _number(text, column, _EXACT_ALLOWED, place)
    if not 0 < value <= _NUMBER_MAX:
        raise place.error(column, shown(text), _EXACT_ALLOWED)
    if _too_fine(value):
        value = value.normalize()
        if _too_fine(value):
            raise place.error(column, shown(text), _EXACT_ALLOWED)
    return value


def volume(text: str, column: str, place: Place) -> float:
    """What was traded, 0 or more; a float, since nothing is decided from it."""
    value = _number(text, column, _VOLUME_ALLOWED, place)
    if not 0 <= value <= _NUMBER_MAX:
        raise place.error(column, shown(text), _VOLUME_ALLOWED)
    return float(value)


def rate(text: str, column: str, place: Place) -> Decimal:
    """A funding rate: a fraction, of either sign."""
    value = _number(text, column, _RATE_ALLOWED, place)
    if not -1 <= value <= 1:
        raise place.error(column, shown(text), _RATE_ALLOWED)
    return value


def _number(text: str, column: str, allowed: str, place: Place) -> Decimal:
    if _NOT_FINITE.fullmatch(text):
        raise place.error(column, shown(text), allowed)
    if len(text) > _TEXT_LENGTH_MAX or not _NUMBER.fullmatch(text):
        raise place.error(column, shown(text) if text else "an empty field", allowed)
    return Decimal(text)


def _too_fine(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent < _FRACTION_DIGITS
