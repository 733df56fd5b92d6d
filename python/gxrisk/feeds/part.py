"""A candle file while it is being fetched: what was written survives a kill."""

import fcntl
import gzip
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from gxrisk.feeds.candles import COLUMNS, check_step, parse_row
from gxrisk.feeds.exchange import FetchError
from gxrisk.feeds.fields import DataError, Place

_HEADER: Final = ",".join(COLUMNS).encode() + b"\n"


class PartFile:
    """The rows fetched so far, in plain text beside the file that they will be.

    Opening it keeps the whole and right rows that are there (of bars of `interval_ms` that start in the `span`) and
    cuts off the rest. It is locked, so that two fetches never write one file. Raises `FetchError` when it is taken.
    """

    def __init__(self, file: Path, interval_ms: int, span: range) -> None:
        self.file = file
        self.rows = 0
        self.last_ms: int | None = None
        self._interval_ms = interval_ms
        self._span = span
        self._stream = self._opened()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()

    def append(self, rows: Sequence[Sequence[str]]) -> None:
        """Write checked rows, safe when this returns."""
        if not rows:
            return
        self._stream.write("".join(",".join(row) + "\n" for row in rows).encode("ascii"))
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.rows += len(rows)
        self.last_ms = int(rows[-1][0])

    def restart(self) -> None:
        """Forget all rows."""
        self._cut(0)
        self.rows, self.last_ms = 0, None

    def finish(self, target: Path) -> None:
        """Put the rows in `target`, gzipped, whole or not at all, and remove this file."""
        self._stream.seek(0)
        beside = self.file.with_suffix(".gz")  # under the lock, so that a killed run's is written over
        with beside.open("wb") as stream:
            # no time and no name inside: the same rows make the same file
            with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as zipped:
                while block := self._stream.read(1 << 20):
                    zipped.write(block)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
        self.file.unlink()
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _opened(self) -> BinaryIO:
        stream = os.fdopen(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            raise FetchError(f"another fetch is writing {self.file}") from None
        self._stream = stream
        self._cut(self._recover())
        return stream

    def _recover(self) -> int:
        """Read the whole and right rows; how many bytes they take."""
        if self._stream.readline() != _HEADER:
            return 0
        good = len(_HEADER)
        for line in self._stream:
            try:
                if not line.endswith(b"\n"):
                    break
                self._check(line.decode("ascii").rstrip("\n").split(","))
            except (DataError, UnicodeDecodeError):
                break
            good += len(line)
        return good

    def _check(self, fields: list[str]) -> None:
        place = Place(str(self.file), self.rows + 2)
        if len(fields) != len(COLUMNS):
            raise place.error(COLUMNS[0], f"{len(fields)} fields", f"{len(COLUMNS)} fields")
        start_ms = parse_row(fields, place).start_ms
        if start_ms not in self._span:
            raise place.error(COLUMNS[0], str(start_ms), "a time in the range asked for")
        if self.last_ms is not None:
            check_step(self.last_ms, start_ms, self._interval_ms, place)
        self.rows, self.last_ms = self.rows + 1, start_ms

    def _cut(self, length: int) -> None:
        self._stream.truncate(length)
        self._stream.seek(length)
        if not length:
            self._stream.write(_HEADER)
            self._stream.flush()
            os.fsync(self._stream.fileno())


def as_text(value: object) -> str:
    """A number of an exchange as the file has it: exact, without zeros that say nothing.

    >>> [as_text(value) for value in (Decimal("4261.48000000"), Decimal("1E+2"), 1584000000000, None)]
    ['4261.48', '100', '1584000000000', '']
    """
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}".rstrip("0").removesuffix(".") if "." in f"{value:f}" else f"{value:f}"
    return "" if value is None else str(value)
