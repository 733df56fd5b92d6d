"""Exact amounts in both databases: NUMERIC in PostgreSQL, text that sorts like numbers in SQLite.

SQLite has no exact number that is wide enough: its integers end at 9.2e18, which at eighteen fractional digits is 9.2
units of money, and everything larger becomes a float. So an amount is kept there as its plain decimal text behind one
letter that says how many digits stand before the point, which makes the order of the texts the order of the numbers,
for every program and every index, without a collation of ours.
"""

from decimal import Context, Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Dialect, Numeric, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine

EXACT: Final = Context(prec=100)
_DIGITS_MAX: Final = 26  # one letter each; the gate's money ends at 21 digits before the point
_NINES: Final = str.maketrans("0123456789", "9876543210")
_AFTER_DIGITS: Final = "~"  # behind every digit and the point, so that -5 comes after -5.1


def plain(value: Decimal) -> str:
    """A decimal as text in its one shortest form, without an exponent.

    >>> plain(Decimal("1E+3")), plain(Decimal("-0.00")), plain(Decimal("-1.50"))
    ('1000', '0', '-1.5')
    """
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def ordered(value: Decimal) -> str:
    """A decimal as text that sorts like the number.

    Lower case letters are for what is not negative, `a` for one digit before the point; upper case ones for negative
    numbers, `Z` for one digit, with every digit as what it lacks to 9.

    >>> ordered(Decimal("10000.5")), ordered(Decimal("0.25")), ordered(Decimal("-0.25"))
    ('e10000.5', 'a0.25', 'Z9.74~')
    """
    text = plain(value)
    size = text.removeprefix("-")
    digits = size.find(".") if "." in size else len(size)
    if digits > _DIGITS_MAX:
        raise ValueError(f"an amount has {digits} digits before the point; at most {_DIGITS_MAX} are allowed")
    if text is size:
        return chr(ord("a") + digits - 1) + size
    return chr(ord("Z") - digits + 1) + size.translate(_NINES) + _AFTER_DIGITS


def unordered(text: str) -> Decimal:
    """The number of such a text.

    >>> unordered("Z9.74~")
    Decimal('-0.25')
    """
    if text[0] >= "a":
        return Decimal(text[1:])
    return Decimal(f"-{text[1:-1].translate(_NINES)}")


class Amount(TypeDecorator[Decimal]):
    """A column of exact decimals, which also compares and sorts exactly in SQL."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """NUMERIC without bounds, or text."""
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Into the database."""
        return value if value is None or dialect.name == "postgresql" else ordered(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Out of the database."""
        return value if value is None or dialect.name == "postgresql" else unordered(value)


class exact_total(GenericFunction[Decimal]):
    """The exact sum of amounts, null where there are none; `sum` would add floats in SQLite."""

    type = Amount()
    inherit_cache = True


@compiles(exact_total, "postgresql")
def _sum(element: ColumnElement[Decimal], compiler: SQLCompiler, **options: Any) -> str:
    return f"sum({compiler.process(element.clauses, **options)})"


class ExactTotal:
    """`exact_total` for SQLite: what `create_aggregate` takes."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, text: str | None) -> None:
        """Add one amount."""
        if text is not None:
            self._total = EXACT.add(self._total or Decimal(0), unordered(text))

    def finalize(self) -> str | None:
        """The sum."""
        return None if self._total is None else ordered(self._total)
