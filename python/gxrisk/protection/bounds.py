"""Numbers that guards are given: read as the gate reads them, and held within what is allowed."""

from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Final, SupportsFloat

from gxrisk.venues.paper.exact import UNIT, exact

Number = int | float | str | Decimal

_DIGITS: Final = -9  # the exponent of the gate's last digit


@exact
def decimal_of(value: Number | SupportsFloat | None) -> Decimal | None:
    """`value` as the gate takes it: text, int and Decimal exactly, a float to the nearest ninth digit.

    None for what is no number to the gate: None, `bool`, NaN, infinities, text that is none, more than nine digits.

    >>> decimal_of(0.1 + 0.2), decimal_of("2.50"), decimal_of(float("nan")), decimal_of("1e-10"), decimal_of(True)
    (Decimal('0.300000000'), Decimal('2.50'), None, None, None)
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | str | Decimal):
        try:
            number = Decimal(value)
        except InvalidOperation:
            return None
        exponent = number.normalize().as_tuple().exponent if number.is_finite() else None
        return number if isinstance(exponent, int) and exponent >= _DIGITS else None
    real = float(value)
    return Decimal(real).quantize(UNIT) if isfinite(real) and abs(real) < 1e60 else None


def setting(name: str, value: Number, low: Number, high: Number) -> Decimal:
    """A setting of a guard, `low` and `high` included.

    Raises `ValueError` that says what was given and what is allowed.

    >>> setting("buffer", 0.1, 0, 1)
    Decimal('0.100000000')
    >>> setting("buffer", 2, 0, 1)
    Traceback (most recent call last):
    ValueError: buffer: 2 was given, 0 to 1 is allowed
    """
    number = decimal_of(value)
    if number is None or not Decimal(low) <= number <= Decimal(high):
        raise ValueError(f"{name}: {value} was given, {low} to {high} is allowed")
    return number


def whole(name: str, value: int, low: int, high: int) -> int:
    """A whole-numbered setting, `low` and `high` included. Raises `ValueError`.

    >>> whole("period", 0, 1, 100)
    Traceback (most recent call last):
    ValueError: period: 0 was given, a whole number from 1 to 100 is allowed
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name}: {value} was given, a whole number from {low} to {high} is allowed")
    return value


@exact
def plain(number: Decimal) -> Decimal:
    """Without zeros at the end, never in powers of ten.

    >>> plain(Decimal("18.000000000")), plain(Decimal("0E-9")), plain(Decimal("1E+2"))
    (Decimal('18'), Decimal('0'), Decimal('100'))
    """
    return Decimal(f"{number.normalize():f}")


def percent(fraction: Decimal | float) -> str:
    """A fraction as a sentence shows it.

    >>> percent(Decimal("0.0251")), percent(0.1)
    ('2.51 %', '10 %')
    """
    return f"{float(fraction) * 100:.4g} %"
