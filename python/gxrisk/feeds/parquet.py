"""Parquet files as rows of text fields, so that one set of checks holds for them and for CSV."""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl

from gxrisk.feeds.fields import DataError, Place, column_order

_COUNTED: Final = "row"
_ROWS_AT_ONCE: Final = 65_536
_FLOAT_MAX: Final = 1e19  # past it a float has no ninth digit, and no check lets it through


def parquet_header(file: Path) -> list[str]:
    """The names of the file's columns."""
    return _schema(file).names()


def parquet_rows(file: Path, columns: Sequence[str]) -> Iterator[tuple[Place, list[str]]]:
    """The fields of `columns` in every row, as text, with the row's place (the first row is 1).

    A float is written to the nearest ninth digit, as the gate takes it; a missing value is an empty field. Raises
    `DataError` for a damaged file, a missing column, and a column that holds neither numbers nor text.
    """
    name = str(file)
    start = Place(name, 1, _COUNTED)
    schema = _schema(file)
    column_order(schema.names(), columns, start)
    for column in columns:
        kind = schema[column]
        if not (kind.is_integer() or kind.is_float() or kind.is_decimal() or kind == pl.String):
            raise start.error(column, f"a column of {kind}", "a column of numbers or text")
    row = 0
    try:
        frame = pl.scan_parquet(file, glob=False).select(columns)
        while (part := frame.slice(row, _ROWS_AT_ONCE).collect()).height:
            for values in part.iter_rows():
                row += 1
                yield Place(name, row, _COUNTED), [_text(value) for value in values]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(file, row + 1, error) from None


def _schema(file: Path) -> pl.Schema:
    try:
        return pl.scan_parquet(file, glob=False).collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(file, 1, error) from None


def _damaged(file: Path, row: int, error: Exception) -> DataError:
    why = str(error).strip().splitlines()[0][:80] if str(error).strip() else type(error).__name__
    seen = f"a damaged or truncated Parquet file ({why})"
    return DataError(str(file), row, "timestamp_ms", seen, "a whole file", counted=_COUNTED)


def _text(value: object) -> str:
    """One value as text, exactly; a float to the nearest ninth digit.

    >>> [_text(value) for value in (None, 7905, 0.1 + 0.2, 1e-8, float("nan"), Decimal("1E-9"), " 7 ")]
    ['', '7905', '0.3', '0.00000001', 'nan', '0.000000001', '7']
    """
    if value is None:
        return ""
    if isinstance(value, float):
        if not math.isfinite(value) or abs(value) >= _FLOAT_MAX:
            return repr(value)
        return f"{value:.9f}".rstrip("0").removesuffix(".")
    return f"{value:f}" if isinstance(value, Decimal) else str(value).strip()
