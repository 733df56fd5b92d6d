"""The last bars of a feed, kept over a restart, so that nobody waits until there are enough of them again."""

import json
import logging
import os
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal, DecimalException
from math import isfinite
from pathlib import Path
from typing import Final
from zlib import crc32

from gxrisk.feeds.candles import Candle
from gxrisk.vaults.fleet_notes import write_whole

_SPARE_LINES: Final = 10_000  # beyond those of use, before the file is written anew
_log = logging.getLogger("gxrisk.vaults")


class KeptBars:
    """A file with a line for each completed bar of one length, each with its checksum (CRC-32).

    An incomplete last line is what a crash leaves, and is dropped. Anything else that is wrong makes the whole file
    void, which is logged. One that cannot be written is removed, and nothing is kept any more; no vault stops for it.

    >>> from tempfile import TemporaryDirectory
    >>> bar = Candle("BTC", 60_000, 60_000, *[Decimal(100)] * 4, 1.5)
    >>> with TemporaryDirectory() as folder:
    ...     kept = KeptBars(Path(folder) / "bars", 60_000)
    ...     kept.add([bar], {"BTC": [bar]})
    ...     kept.close()
    ...     KeptBars(Path(folder) / "bars", 60_000).read() == {"BTC": [bar]}
    True
    """

    def __init__(self, file: Path, bar_ms: int) -> None:
        self._file = file
        self._bar_ms = bar_ms
        self._descriptor: int | None = None
        self._lines = 0
        self._is_broken = False

    def read(self) -> dict[str, list[Candle]]:
        """The bars by asset, oldest first; none where there is no sound file."""
        found: dict[str, list[Candle]] = {}
        try:
            text = self._file.read_bytes()
            *lines, _ = text.split(b"\n")
            for line in lines:
                self._take(line, found)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, DecimalException, TypeError) as error:
            _log.warning("%s is void, bars are collected anew: %s", self._file, error)
            self._write({})
            return {}
        self._lines = len(lines)
        if not text.endswith(b"\n") and text:
            self._write(found)
        return found

    def add(self, bars: Iterable[Candle], known: Mapping[str, Collection[Candle]]) -> None:
        """Keep bars that were just completed; `known` are all that are still of use, these among them."""
        self._append(map(_line_of, bars))
        if self._lines > 2 * sum(map(len, known.values())) + _SPARE_LINES:
            self._write(known)

    def forget(self, asset: str) -> None:
        """What was kept of this asset is of no use: what comes now does not follow it."""
        self._append([_line([asset])])

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append(self, lines: Iterable[bytes]) -> None:
        if self._is_broken:
            return
        text = list(lines)
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            os.write(self._descriptor, b"".join(text))
        except OSError as error:
            self._give_up(error)
        self._lines += len(text)

    def _write(self, known: Mapping[str, Collection[Candle]]) -> None:
        self.close()
        lines = [_line_of(one) for bars in known.values() for one in bars]
        try:
            write_whole(self._file, b"".join(lines).decode())
        except OSError as error:
            self._give_up(error)
        self._lines = len(lines)

    def _give_up(self, error: OSError) -> None:
        """A line may be missing by now, so that nothing in the file may be trusted."""
        self._is_broken = True
        self.close()
        _log.warning("%s cannot be written, bars are not kept any more: %s", self._file, error)
        try:
            self._file.unlink(missing_ok=True)
        except OSError:
            _log.exception("%s could not be removed", self._file)

    def _take(self, line: bytes, found: dict[str, list[Candle]]) -> None:
        checksum, _, text = line.partition(b" ")
        if int(checksum, 16) != crc32(text):
            raise ValueError("a checksum does not fit")
        asset, *kept = json.loads(text)
        if not kept:
            found.pop(asset, None)
            return
        start_ms, *prices, volume = kept
        opened, high, low, close = map(Decimal, prices)
        bar = Candle(asset, start_ms, self._bar_ms, opened, high, low, close, float(volume))
        before = found.setdefault(asset, [])
        is_sound = 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        if not is_sound or not bar.high.is_finite() or not isfinite(bar.volume):
            raise ValueError(f"{bar} cannot be")
        if before and bar.start_ms < before[-1].end_ms:
            raise ValueError(f"{bar} is older than the one before it")
        before.append(bar)


def _line_of(bar: Candle) -> bytes:
    prices = map(str, (bar.open, bar.high, bar.low, bar.close))
    return _line([bar.asset, bar.start_ms, *prices, repr(bar.volume)])


def _line(kept: list[object]) -> bytes:
    text = json.dumps(kept, separators=(",", ":")).encode()
    return b"%08x %s\n" % (crc32(text), text)
