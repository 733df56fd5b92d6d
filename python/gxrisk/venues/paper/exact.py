"""Decimals that lose nothing: the context of all paper money, and roundings that never favour the trader."""

from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from functools import wraps
from typing import Final, ParamSpec, TypeVar

UNIT: Final = Decimal("1e-9")
ZERO: Final = Decimal(0)

# Two factors of 18 digits before and 9 after the point, summed for ever, stay far below a hundred digits.
_CONTEXT: Final = Context(prec=100, traps=[InvalidOperation, DivisionByZero, Overflow])

_P = ParamSpec("_P")
_R = TypeVar("_R")


def exact(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run `function` with a hundred digits, whatever the caller's decimal context is.

    >>> @exact
    ... def product():
    ...     return Decimal("123456789012345678.123456789") * Decimal("0.987654321")
    >>> product()
    Decimal('121932631124828531.344307269112635269')
    """

    @wraps(function)
    def within(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with localcontext(_CONTEXT):
            return function(*args, **kwargs)

    return within


def up(value: Decimal) -> Decimal:
    """To the ninth digit, towards plus infinity."""
    return value.quantize(UNIT, rounding=ROUND_CEILING) + ZERO  # no minus zero


def down(value: Decimal) -> Decimal:
    """To the ninth digit, towards minus infinity."""
    return value.quantize(UNIT, rounding=ROUND_FLOOR) + ZERO
