"""Funding files: what a perpetual's holders pay each other, interval by interval."""

from dataclasses import dataclass
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Final

from gxrisk.feeds.candles import check_step
from gxrisk.feeds.fields import rate, time_ms
from gxrisk.feeds.names import name_of
from gxrisk.feeds.table import read_table

COLUMNS: Final = ("timestamp_ms", "funding_rate")


@dataclass(frozen=True, slots=True)
class FundingRate:
    """What longs pay shorts at `at_ms` (UTC milliseconds), as a fraction of the position's notional.

    Below zero the shorts pay.
    """

    at_ms: int
    rate: Decimal


@dataclass(frozen=True, slots=True)
class FundingSeries:
    """The funding of one asset in time order; `interval_ms` is None where the file's name does not say it."""

    asset: str
    interval_ms: int | None
    rates: tuple[FundingRate, ...]
    source: str


def read_funding(path: str | PathLike[str], *, asset: str | None = None) -> FundingSeries:
    """Read a funding file (CSV plain or gzipped, or Parquet) with timestamp_ms, funding_rate.

    The rate is a fraction per interval, not a percentage and not a year's. The asset comes from a file name like
    `btcusdt-funding8h-2021-06_2026-02-venue-perp.csv.gz`, else it is the file's stem. Raises `DataError` at the first
    thing that is wrong, naming file, line and column.

    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "btcusdt-funding8h.csv"
    >>> _ = file.write_text("timestamp_ms,funding_rate\\n1624982400000,0.00003883\\n1625011200000,-0.0001\\n")
    >>> series = read_funding(file)
    >>> series.asset, series.interval_ms // 3_600_000, [str(one.rate) for one in series.rates]
    ('BTCUSDT', 8, ['0.00003883', '-0.0001'])
    """
    file = Path(path)
    name = name_of(file, asset)
    rates: list[FundingRate] = []
    for place, fields in read_table(file, COLUMNS):
        one = FundingRate(time_ms(fields[0], place), rate(fields[1], "funding_rate", place))
        if rates:
            check_step(rates[-1].at_ms, one.at_ms, 1, place)
        rates.append(one)
    return FundingSeries(name.asset, name.interval_ms, tuple(rates), file.name)
