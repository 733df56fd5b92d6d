"""A data file as rows of text fields: CSV plain or gzipped, or Parquet, whichever its first bytes say it is."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Final

from gxrisk.feeds.fields import DataError, Place, column_order

ROW_ALLOWED: Final = "at least one row after the header"
_PARQUET_MAGIC: Final = b"PAR1"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_LINE_BYTES_MAX: Final = 65_536


def read_header(file: Path) -> list[str]:
    """The names of the file's columns. Raises `DataError` for a file that has none."""
    if _is_parquet(file):
        from gxrisk.feeds.parquet import parquet_header

        return parquet_header(file)
    return [name.strip() for name in _header(csv.reader(_lines(file), strict=True), file)]


def read_table(file: Path, columns: Sequence[str]) -> Iterator[tuple[Place, list[str]]]:
    """The fields of `columns` in every row, stripped, with the row's place; other columns are left out.

    Raises `DataError` for a file that is no such table or has no row.
    """
    rows = _parquet_rows(file, columns) if _is_parquet(file) else _csv_rows(file, columns)
    place = None
    for place, fields in rows:
        yield place, fields
    if place is None:
        raise Place(str(file), 2).error(columns[0], "no row", ROW_ALLOWED)


def _parquet_rows(file: Path, columns: Sequence[str]) -> Iterator[tuple[Place, list[str]]]:
    # not at the top: it loads polars, which a reader of CSV need not wait for
    from gxrisk.feeds.parquet import parquet_rows

    return parquet_rows(file, columns)


def _csv_rows(file: Path, columns: Sequence[str]) -> Iterator[tuple[Place, list[str]]]:
    reader = csv.reader(_lines(file), strict=True)
    header = _header(reader, file)
    order = column_order(header, columns, Place(str(file), 1))
    name = str(file)
    width = len(header)
    try:
        for fields in reader:
            if not fields:
                continue
            place = Place(name, reader.line_num)
            if len(fields) != width:
                column = columns[order.index(len(fields))] if len(fields) in order else columns[-1]
                allowed = f"one field for each of the {width} header names"
                raise place.error(column, f"a row of {len(fields)} fields", allowed)
            yield place, [fields[index].strip() for index in order]
    except csv.Error as error:
        place = Place(name, reader.line_num)
        raise place.error(columns[0], f"{error}", "plain comma-separated text") from None


def _header(reader: Iterator[list[str]], file: Path) -> list[str]:
    place = Place(str(file), 1)
    try:
        header = next(reader, None)
    except csv.Error as error:
        raise place.error("timestamp_ms", f"{error}", "plain comma-separated text") from None
    if header is None:
        raise place.error("timestamp_ms", "an empty file", "a header and at least one row")
    return header


def _lines(file: Path) -> Iterator[str]:
    """The file's lines, each decoded by itself so that an error names the right one."""
    line = 0
    try:
        with _opened(file) as stream:
            while raw := stream.readline(_LINE_BYTES_MAX):
                line += 1
                if len(raw) == _LINE_BYTES_MAX:
                    seen = f"a line of {_LINE_BYTES_MAX} bytes or more"
                    raise DataError(str(file), line, "timestamp_ms", seen, "a shorter line")
                yield raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        seen = f"byte 0x{error.object[error.start]:02x}"
        raise DataError(str(file), line, _column_at(error), seen, "UTF-8 text") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        seen = f"a damaged or truncated gzip file ({error})"
        raise DataError(str(file), line + 1, "timestamp_ms", seen, "a whole file") from None
    except OSError as error:
        raise _unreadable(file, error, line + 1) from error


def _opened(file: Path) -> BufferedReader:
    with file.open("rb") as stream:
        zipped = stream.read(2) == _GZIP_MAGIC
    return BufferedReader(gzip.open(file)) if zipped else file.open("rb")


def _is_parquet(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except OSError as error:
        raise _unreadable(file, error, 1) from error


def _unreadable(file: Path, error: OSError, line: int) -> DataError:
    return DataError(str(file), line, "timestamp_ms", error.strerror or "an unreadable file", "a readable file")


def _column_at(error: UnicodeDecodeError) -> str:
    """The place of the bad byte in its line, counted in fields from 1 (the header may be unreadable too)."""
    return f"number {bytes(error.object[: error.start]).count(b',') + 1}"
