"""Funding: what holders of a perpetual pay one another at fixed times."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from os import PathLike
from pathlib import Path

from gxrisk.venues.paper.costs import PaperError

_COLUMNS = ["timestamp_ms", "funding_rate"]


@dataclass(frozen=True, slots=True)
class FundingRate:
    """At `at_ms` (UTC milliseconds) longs pay shorts `rate` of the position's worth; below zero, shorts pay."""

    at_ms: int
    rate: Decimal


def read_funding(path: str | PathLike[str]) -> tuple[FundingRate, ...]:
    """Read a file, plain or gzipped, with the header timestamp_ms,funding_rate: fractions, times ascending.

    Raises `PaperError` at the first wrong row.

    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "funding.csv"
    >>> _ = file.write_text("timestamp_ms,funding_rate\\n1583971200000,0.0001\\n1584000000000,-0.0003\\n")
    >>> read_funding(file)[-1]
    FundingRate(at_ms=1584000000000, rate=Decimal('-0.0003'))
    """
    file = Path(path)
    raw = file.read_bytes()
    try:
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise PaperError(f"{file}: {error}") from None
    header, *rows = csv.reader(text.splitlines()) if text else [[]]
    if header != _COLUMNS:
        raise PaperError(f"{file}: line 1: the header has to be {','.join(_COLUMNS)}")
    rates = []
    for line, row in enumerate(rows, 2):
        try:
            at_ms, rate = int(row[0]), Decimal(row[1])
        except (IndexError, ValueError, InvalidOperation):
            raise PaperError(f"{file}: line {line}: {row} is no time in milliseconds and a rate") from None
        rates.append(FundingRate(at_ms, rate))
    checked_funding(str(file), rates)
    return tuple(rates)


def checked_funding(name: str, rates: Sequence[FundingRate]) -> None:
    """Raise `PaperError` unless times ascend and every rate lies between -1 and 1."""
    before = -1
    for one in rates:
        if one.at_ms <= before:
            raise PaperError(f"{name}: funding at {one.at_ms} is not later than the one before ({before})")
        if not one.rate.is_finite() or abs(one.rate) > 1:
            raise PaperError(f"{name}: a funding rate of {one.rate} was given, -1 to 1 is allowed")
        before = one.at_ms
