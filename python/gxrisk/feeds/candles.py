"""Candle files: read, checked row by row, exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple

from gxrisk.feeds.fields import Place, exact, time_ms, volume
from gxrisk.feeds.names import name_of
from gxrisk.feeds.table import read_table

COLUMNS: Final = ("timestamp_ms", "open", "high", "low", "close", "volume")
_NEIGHBOURS_FROM_ROWS: Final = 10  # from so many rows on, two of them must stand next to each other


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar of an asset: times in UTC milliseconds, prices exact, volume in base units.

    The close is known only at `end_ms`, not at `start_ms`.

    >>> bar = Candle("BTC", 1_584_000_000_000, 60_000, Decimal(2), Decimal(3), Decimal(1), Decimal(2), 0.0)
    >>> bar.end_ms - bar.start_ms
    60000
    """

    asset: str
    start_ms: int
    interval_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: float

    @property
    def end_ms(self) -> int:
        """The moment at which this bar is complete."""
        return self.start_ms + self.interval_ms


@dataclass(frozen=True, slots=True)
class CandleSeries:
    """The bars of one asset in time order, and the name of the file (or generator) they came from."""

    asset: str
    interval_ms: int
    candles: tuple[Candle, ...]
    source: str


class Row(NamedTuple):
    """The checked values of one row: UTC milliseconds of the bar's open, exact prices, volume in base units."""

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: float


def read_candles(
    path: str | PathLike[str], *, asset: str | None = None, interval_ms: int | None = None
) -> CandleSeries:
    """Read a candle file (CSV plain or gzipped, or Parquet) with timestamp_ms, open, high, low, close, volume.

    `timestamp_ms` is the UTC open of the bar. Asset and interval come from a file name like
    `btcusd-1m-2017-12-18_2017-12-26-venue.csv.gz` (the asset in upper case); otherwise the interval is the smallest
    step between two rows and the asset is the file's stem. Both may be given instead.

    Raises `DataError` at the first thing that is wrong, naming file, line and column.

    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "btcusd-1m.csv"
    >>> rows = "1584000000000,7900,7910,7890,7905.5,12", "1584000060000,7905.5,7906,7900,7901,3"
    >>> _ = file.write_text("timestamp_ms,open,high,low,close,volume\\n" + "\\n".join(rows))
    >>> series = read_candles(file)
    >>> series.asset, series.interval_ms, series.candles[-1].close
    ('BTCUSD', 60000, Decimal('7901'))
    """
    file = Path(path)
    name = name_of(file, asset)
    interval_ms = interval_ms or name.interval_ms
    rows: list[Row] = []
    places: list[Place] = []
    for place, fields in read_table(file, COLUMNS):
        row = parse_row(fields, place)
        if rows:
            check_step(rows[-1].start_ms, row.start_ms, interval_ms or 1, place)
        rows.append(row)
        if len(places) < 2:
            places.append(place)
    interval_ms = _checked_interval([row.start_ms for row in rows], interval_ms, places)
    candles = tuple(Candle(name.asset, row.start_ms, interval_ms, *row[1:]) for row in rows)
    return CandleSeries(name.asset, interval_ms, candles, file.name)


def parse_row(text: Sequence[str], place: Place) -> Row:
    """Check the fields of one row, in the order of `COLUMNS`.

    Raises `DataError` for anything but whole milliseconds, prices above 0 with low <= open, close <= high, and a
    volume of 0 or more.
    """
    start_ms = time_ms(text[0], place)
    opened, high, low, close = (exact(text[i], COLUMNS[i], place) for i in range(1, 5))
    if high < low:
        raise place.error("high", str(high), f"a high of at least the low ({low})")
    for column, value in (("open", opened), ("close", close)):
        if not low <= value <= high:
            raise place.error(column, str(value), f"a price between low ({low}) and high ({high})")
    return Row(start_ms, opened, high, low, close, volume(text[5], "volume", place))


def check_step(before_ms: int, start_ms: int, step_ms_min: int, place: Place) -> None:
    """Refuse a row that does not come `step_ms_min` after the one before: unsorted, doubled or overlapping."""
    if start_ms - before_ms < step_ms_min:
        allowed = f"a time at least {step_ms_min} ms after the row before ({before_ms})"
        raise place.error("timestamp_ms", str(start_ms), allowed)


def _checked_interval(starts_ms: list[int], interval_ms: int | None, places: list[Place]) -> int:
    steps = [after - before for before, after in pairwise(starts_ms)]
    if interval_ms is None:
        if not steps:
            allowed = "two rows at least, or the interval in the file name (btcusd-1m-...)"
            raise places[0].error("timestamp_ms", "a single row", allowed)
        return min(steps)
    if len(starts_ms) >= _NEIGHBOURS_FROM_ROWS and min(steps) > interval_ms:
        seen = f"bars {min(steps) // 1000} s apart at the least"
        allowed = f"the interval of {interval_ms // 1000} s that the file name says (or give the interval)"
        raise places[1].error("timestamp_ms", seen, allowed)
    return interval_ms
