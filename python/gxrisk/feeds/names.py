"""What a data file's name says: `btcusd-1m-2017-12-18_2017-12-26-venue.csv.gz`, `-trades-`, `-funding8h-`."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from gxrisk.feeds.fields import DataError, shown

UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_ENDING: Final = re.compile(r"(\.parquet|(\.csv)?(\.gz)?)$", re.IGNORECASE)
_NAME: Final = re.compile(
    r"(?P<asset>[A-Za-z0-9]+)-(?P<kind>trades|funding)?(?P<length>[1-9]\d{0,3}[smhdw])?(-.*)?", re.ASCII
)
_LENGTH: Final = re.compile(r"(?P<count>[1-9]\d{0,3})(?P<unit>[smhdw])", re.ASCII)
_ASSET: Final = re.compile(r"[!-~]{1,64}", re.ASCII)


class Name(NamedTuple):
    """What a file's name says: the asset, and the interval in milliseconds where it has one."""

    asset: str
    interval_ms: int | None


def name_of(file: Path, asset: str | None = None) -> Name:
    """Asset (in upper case) and interval that the file's name says; without the pattern the asset is its stem.

    `asset` replaces the name's. Raises `DataError` for an asset that the gate would refuse.

    >>> name_of(Path("btcusdt-funding8h-2021-06_2026-02-binance-perp.csv.gz"))
    Name(asset='BTCUSDT', interval_ms=28800000)
    >>> name_of(Path("btc-usd.parquet"))
    Name(asset='btc-usd', interval_ms=None)
    """
    stem = _ENDING.sub("", file.name)
    match = _NAME.fullmatch(stem)
    named = match if match and (match["kind"] or match["length"]) else None
    if asset is None:
        asset = named["asset"].upper() if named else stem
    if not _ASSET.fullmatch(asset):
        allowed = "1 to 64 printable ASCII characters without a space"
        raise DataError(str(file), 1, "asset", shown(asset), allowed)
    return Name(asset, length_ms(named["length"]) if named and named["length"] else None)


def length_ms(text: str) -> int | None:
    """An interval like `1m` or `8h` in milliseconds; None for other text (a month has no fixed length).

    >>> length_ms("15m"), length_ms("1M")
    (900000, None)
    """
    match = _LENGTH.fullmatch(text)
    return int(match["count"]) * UNIT_MS[match["unit"]] if match else None
