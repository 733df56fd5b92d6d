"""Candle files: read, checked row by row, exact."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import BufferedReader
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Final

from gxrisk.feeds.rows import CandleError, Place, Row, column_order, parse_row, shown

_NAME: Final = re.compile(r"(?P<asset>[A-Za-z0-9]+)-(?P<count>[1-9]\d{0,3})(?P<unit>[smhdw])(-.*)?", re.ASCII)
_ASSET: Final = re.compile(r"[!-~]{1,64}", re.ASCII)
_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_GZIP_MAGIC: Final = b"\x1f\x8b"
_LINE_BYTES_MAX: Final = 65_536
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


def read_candles(
    path: str | PathLike[str], *, asset: str | None = None, interval_ms: int | None = None
) -> CandleSeries:
    """Read a candle file, plain or gzipped, with the header timestamp_ms,open,high,low,close,volume.

    `timestamp_ms` is the UTC open of the bar. Asset and interval come from a file name like
    `btcusd-1m-2017-12-18_2017-12-26-venue.csv.gz` (the asset in upper case); otherwise the interval is the smallest
    step between two rows and the asset is the file's stem. Both may be given instead.

    Raises `CandleError` at the first thing that is wrong, naming file, line and column.

    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "btcusd-1m.csv"
    >>> rows = "1584000000000,7900,7910,7890,7905.5,12", "1584000060000,7905.5,7906,7900,7901,3"
    >>> _ = file.write_text("timestamp_ms,open,high,low,close,volume\\n" + "\\n".join(rows))
    >>> series = read_candles(file)
    >>> series.asset, series.interval_ms, series.candles[-1].close
    ('BTCUSD', 60000, Decimal('7901'))
    """
    file = Path(path)
    stem = re.sub(r"(\.csv)?(\.gz)?$", "", file.name, flags=re.IGNORECASE)
    named = _NAME.fullmatch(stem)
    if asset is None:
        asset = named["asset"].upper() if named else stem
    if not _ASSET.fullmatch(asset):
        raise CandleError(str(file), 1, "asset", shown(asset), "1 to 64 printable ASCII characters without a space")
    if interval_ms is None and named:
        interval_ms = int(named["count"]) * _UNIT_MS[named["unit"]]
    rows = list(_rows(file, interval_ms or 1))
    interval_ms = _checked_interval(rows, interval_ms, file)
    candles = tuple(Candle(asset, row.start_ms, interval_ms, *row[1:]) for _, row in rows)
    return CandleSeries(asset, interval_ms, candles, file.name)


def _rows(file: Path, step_ms_min: int) -> Iterator[tuple[int, Row]]:
    reader = csv.reader(_lines(file), strict=True)
    place = Place(str(file), 1)
    try:
        header = next(reader, None)
        if header is None:
            raise place.error("timestamp_ms", "an empty file", "a header and at least one row")
        order = column_order(header, place)
        before: int | None = None
        for fields in reader:
            if not fields:
                continue
            place = Place(str(file), reader.line_num)
            row = parse_row(fields, order, len(header), place)
            if before is not None and row.start_ms - before < step_ms_min:
                allowed = f"a time at least {step_ms_min} ms after the row before ({before})"
                raise place.error("timestamp_ms", str(row.start_ms), allowed)
            before = row.start_ms
            yield place.line, row
        if before is None:
            raise Place(str(file), 2).error("timestamp_ms", "no row", "at least one row after the header")
    except csv.Error as error:
        place = Place(str(file), reader.line_num)
        raise place.error("timestamp_ms", f"{error}", "plain comma-separated text") from None


def _lines(file: Path) -> Iterator[str]:
    """The file's lines, each decoded by itself so that an error names the right one."""
    line = 0
    try:
        with _opened(file) as stream:
            while raw := stream.readline(_LINE_BYTES_MAX):
                line += 1
                if len(raw) == _LINE_BYTES_MAX:
                    seen = f"a line of {_LINE_BYTES_MAX} bytes or more"
                    raise CandleError(str(file), line, "timestamp_ms", seen, "a shorter line")
                yield raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        seen = f"byte 0x{error.object[error.start]:02x}"
        raise CandleError(str(file), line, _column_at(error), seen, "UTF-8 text") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        seen = f"a damaged or truncated gzip file ({error})"
        raise CandleError(str(file), line + 1, "timestamp_ms", seen, "a whole file") from None
    except OSError as error:
        seen = error.strerror or "an unreadable file"
        raise CandleError(str(file), line + 1, "timestamp_ms", seen, "a readable file") from error


def _opened(file: Path) -> BufferedReader:
    with file.open("rb") as stream:
        zipped = stream.read(2) == _GZIP_MAGIC
    return BufferedReader(gzip.open(file)) if zipped else file.open("rb")


def _column_at(error: UnicodeDecodeError) -> str:
    """The place of the bad byte in its line, counted in fields from 1 (the header may be unreadable too)."""
    return f"number {bytes(error.object[: error.start]).count(b',') + 1}"


def _checked_interval(rows: list[tuple[int, Row]], interval_ms: int | None, file: Path) -> int:
    steps = [after.start_ms - row.start_ms for (_, row), (_, after) in pairwise(rows)]
    if interval_ms is None:
        if not steps:
            allowed = "two rows at least, or the interval in the file name (btcusd-1m-...)"
            raise CandleError(str(file), rows[0][0], "timestamp_ms", "a single row", allowed)
        return min(steps)
    if len(rows) >= _NEIGHBOURS_FROM_ROWS and min(steps) > interval_ms:
        seen = f"bars {min(steps) // 1000} s apart at the least"
        allowed = f"the interval of {interval_ms // 1000} s that the file name says (or give the interval)"
        raise CandleError(str(file), rows[1][0], "timestamp_ms", seen, allowed)
    return interval_ms
