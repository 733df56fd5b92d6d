"""Flat dataclasses of integers and decimals as JSON rows: decimals as text, so that they come back exactly."""

from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_T = TypeVar("_T")


def to_row(one: "DataclassInstance") -> list[int | str]:
    """The fields in their order."""
    values = (getattr(one, field.name) for field in fields(one))
    return [str(value) if isinstance(value, Decimal) else value for value in values]


def of_row(kind: type[_T], row: Sequence[int | str]) -> _T:
    """The inverse of `to_row`.

    >>> from gxrisk.vaults.performance import Trades
    >>> trades = Trades().after(Decimal("1.50"))
    >>> of_row(Trades, to_row(trades)) == trades
    True
    """
    return kind(*(Decimal(value) if isinstance(value, str) else value for value in row))
