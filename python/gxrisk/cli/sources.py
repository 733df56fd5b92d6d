"""Where the candles of a command come from."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gxrisk.feeds.candles import CandleSeries, read_candles
from gxrisk.feeds.reconstruction import march_2020, reconstruct
from gxrisk.replay.costs import ReplayError

DATA_DIR_VARIABLE: Final = "GXRISK_DATA_DIR"
# the four largest assets of their day fall together on 2017-12-22, and the minutes have no gaps of note
CRASH_FILES: Final = tuple(
    f"{asset}usd-1m-2017-12-18_2017-12-26-bitfinex.csv.gz" for asset in ("btc", "eth", "ltc", "xrp")
)
_INTERVAL: Final = re.compile(r"([1-9]\d{0,3})([smhdw])", re.ASCII)
_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


@dataclass(frozen=True, slots=True)
class Source:
    """Candles, and one sentence about them for the screen."""

    series: tuple[CandleSeries, ...]
    sentence: str
    reconstruction: bool = False


def demo_source(data: Sequence[Path], seed: int | None) -> Source:
    """The files given, else the recorded crash in the data folder, else the bundled reconstruction.

    Raises `ReplayError` when the data folder is named but lacks the crash, and for a seed without a reconstruction.
    """
    folder = os.environ.get(DATA_DIR_VARIABLE, "")
    if (data or folder) and seed is not None:
        what = "--data" if data else DATA_DIR_VARIABLE
        raise ReplayError(f"--seed belongs to the reconstruction, but {what} names recorded candles")
    if data:
        return file_source(data, (), None)
    if folder:
        return Source(
            tuple(read_candles(file) for file in _crash_files(Path(folder))),
            f"Recorded candles from {DATA_DIR_VARIABLE}: the crash of 22 December 2017.",
        )
    episode = march_2020()
    used = episode.seed if seed is None else seed
    return Source(
        (reconstruct(episode, seed=used),),
        f"RECONSTRUCTION, not a record: {episode.label}, a random path (seed {used}) through "
        f"{len(episode.figures)} published figures. For a recorded crash set {DATA_DIR_VARIABLE}.",
        reconstruction=True,
    )


def file_source(data: Sequence[Path], assets: Sequence[str], interval: str | None) -> Source:
    """Read `data`; `assets` (one for each file, or none) and `interval` (like 5m) replace what the names say."""
    if assets and len(assets) != len(data):
        raise ReplayError(f"--asset was given {len(assets)} times for {len(data)} files; once for each file is allowed")
    interval_ms = None if interval is None else _interval_ms(interval)
    names: Sequence[str | None] = assets or [None] * len(data)
    series = tuple(
        read_candles(file, asset=name, interval_ms=interval_ms) for file, name in zip(data, names, strict=True)
    )
    return Source(series, "Candles from " + ", ".join(one.source for one in series) + ".")


def _crash_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ReplayError(f"{DATA_DIR_VARIABLE} names {folder}, which is no folder")
    missing = [name for name in CRASH_FILES if not (folder / name).is_file()]
    if missing:
        raise ReplayError(
            f"{DATA_DIR_VARIABLE} names {folder}, but there is no {', no '.join(missing)} in it; "
            "give candle files with --data, or unset it for the bundled reconstruction"
        )
    return [folder / name for name in CRASH_FILES]


def _interval_ms(text: str) -> int:
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise ReplayError(f"--interval: {text!r} was given, a length like 30s, 1m, 5m, 1h or 1d is allowed")
    return int(match[1]) * _UNIT_MS[match[2]]
