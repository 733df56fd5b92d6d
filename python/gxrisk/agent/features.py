"""What a model is shown of the market: named numbers from completed bars, and a hash that names them."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from math import fsum, isnan, log, nan, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from gxrisk.agent.strategy import View
from gxrisk.feeds.candles import Candle

FEATURES_VERSION: Final = "1"
FEATURE_NAMES: Final = (
    "return_1",
    "return_4",
    "return_16",
    "return_64",
    "volatility_16",
    "volatility_64",
    "volatility_ratio",
    "true_range_14",
    "mean_distance_16",
    "mean_distance_64",
    "range_position_64",
    "volume_ratio",
)
FEATURE_BARS: Final = 65  # the longest return needs 64 bars and the one before
_PRICE_MIN: Final = 1e-9  # what the gate takes
_PRICE_MAX: Final = 1e18
_VOLUME_MAX: Final = 1e24  # a million times what a row of a file may hold
_NAN_BYTES: Final = bytes.fromhex("7ff8000000000000")
_Bar = tuple[int, float, float, float, float]  # start_ms, high, low, close, volume


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Named numbers: `values` is a read-only float64 array, one for each of `names`; `version` says what names mean.

    Raises `ValueError` unless there is one value for each name and no name comes twice.

    >>> seen = Features(("return_1", "range_position_64"), np.array([0.01, 0.5]), "1")
    >>> seen["return_1"], seen.values.dtype.name
    (0.01, 'float64')
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    version: str

    def __post_init__(self) -> None:
        """Keep a copy that nobody can write to."""
        values = np.array(self.values, dtype=np.float64)
        if values.shape != (len(self.names),):
            raise ValueError(f"values: shape {values.shape} was given, ({len(self.names)},) is allowed: one a name")
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"names: each may come once, {', '.join(self.names)} was given")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def __getitem__(self, name: str) -> float:
        """One value by its name; `KeyError` where there is none."""
        if name not in self.names:
            raise KeyError(name)
        return float(self.values[self.names.index(name)])


def features(view: View) -> Features | None:
    """The features of the last 65 completed bars, all finite and without a unit; None where they cannot be known.

    | name | what | where the divisor is 0 |
    |---|---|---|
    | `return_k` | log(close / close k bars before) | |
    | `volatility_k` | root mean square of the last k one-bar log returns | |
    | `volatility_ratio` | `volatility_16` / `volatility_64` | 1 |
    | `true_range_14` | mean of the last 14 true ranges / close | |
    | `mean_distance_k` | close / mean of the last k closes - 1 | |
    | `range_position_64` | where the close lies between the low (0) and high (1) of the last 64 bars | 0.5 |
    | `volume_ratio` | mean volume of the last 4 bars / that of the last 64 | 1 |

    They depend on these 65 bars and on nothing else: nothing later than `view.at`, and nothing that hangs on where a
    feed began, as Wilder's average would; so a model sees in trading exactly what it saw in training. Prices multiplied
    by a constant change none of them, nor do volumes. None with fewer bars, bars out of order, a close outside its bar,
    a price outside 1e-9 to 1e18, or a volume below 0 or above 1e24; NaN is outside.

    >>> from datetime import UTC, datetime
    >>> from decimal import Decimal
    >>> from gxrisk.agent.strategy import Portfolio
    >>> prices = [Decimal(100 + n) for n in range(65)]
    >>> bars = tuple(Candle("BTC", n, 1, price, price, price, price, 5.0) for n, price in enumerate(prices))
    >>> seen = features(View("BTC", datetime(2020, 3, 12, tzinfo=UTC), bars, 1.0, Portfolio(Decimal(1000))))
    >>> {name: round(seen[name], 4) for name in ("return_1", "range_position_64", "volume_ratio")}
    {'return_1': 0.0061, 'range_position_64': 1.0, 'volume_ratio': 1.0}
    """
    bars = [_numbers(candle) for candle in view.candles[-FEATURE_BARS:]]
    values = _values(bars)
    return None if values is None else Features(FEATURE_NAMES, np.array(values), FEATURES_VERSION)


def feature_table(candles: Sequence[Candle], every: int = 1) -> npt.NDArray[np.float64]:
    """The features at the end of each of `candles`, for training: shape (bars, 12), in the order of `FEATURE_NAMES`.

    Row n is what `features` gives for a view whose last bar is `candles[n]`, to the bit; NaN where that is None. With
    `every` there are rows for every so many of them only, counted back from the last one.

    >>> feature_table([]).shape
    (0, 12)
    """
    bars = [_numbers(candle) for candle in candles]
    ends = range(len(bars), 0, -every)[::-1]
    table = np.full((len(ends), len(FEATURE_NAMES)), nan)
    for row, end in enumerate(ends):
        values = _values(bars[max(0, end - FEATURE_BARS) : end])
        if values is not None:
            table[row] = values
    return table


def feature_hash(seen: Features) -> str:
    """SHA-256 (hexadecimal) of names, version and values: the same for the same features in every process, for good.

    Python's `hash` is salted anew in each process, so it can name nothing that is kept. The encoding, where a text is
    its length (8 bytes, big-endian) and its UTF-8 bytes: `gxrisk-features`, version, number of names (8 bytes), names,
    and the values as big-endian IEEE 754 doubles, where -0.0 is 0.0 and every NaN is 7ff8000000000000.

    >>> feature_hash(Features(("return_1",), np.array([-0.0]), "1"))[:16]
    'c6480a70a1b83cb0'
    """
    digest = sha256()
    for text in ("gxrisk-features", seen.version):
        digest.update(_encoded(text))
    digest.update(len(seen.names).to_bytes(8, "big"))
    for name in seen.names:
        digest.update(_encoded(name))
    for value in seen.values.tolist():
        digest.update(_NAN_BYTES if isnan(value) else struct.pack(">d", value + 0.0))  # -0.0 + 0.0 is 0.0
    return digest.hexdigest()


def _encoded(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(8, "big") + encoded


def _numbers(candle: Candle) -> _Bar:
    try:
        return candle.start_ms, float(candle.high), float(candle.low), float(candle.close), float(candle.volume)
    except (OverflowError, ValueError):  # too large for a float, or a signalling NaN: unknown like any other
        return candle.start_ms, nan, nan, nan, nan


def _values(bars: Sequence[_Bar]) -> tuple[float, ...] | None:
    if len(bars) < FEATURE_BARS or not _are_sound(bars):
        return None
    highs, lows, closes, volumes = ([bar[column] for bar in bars] for column in (1, 2, 3, 4))
    last = closes[-1]
    squares = [log(after / before) ** 2 for before, after in pairwise(closes)]
    volatility = {count: sqrt(fsum(squares[-count:]) / count) for count in (16, 64)}
    true_ranges = [
        max(high, before) - min(low, before)
        for high, low, before in zip(highs[-14:], lows[-14:], closes[-15:-1], strict=True)
    ]
    top, bottom = max(highs[-64:]), min(lows[-64:])
    return (
        *(log(last / closes[-1 - count]) for count in (1, 4, 16, 64)),
        volatility[16],
        volatility[64],
        _ratio(volatility[16], volatility[64], 1.0),
        fsum(true_ranges) / 14 / last,
        *(last / (fsum(closes[-count:]) / count) - 1 for count in (16, 64)),
        _ratio(last - bottom, top - bottom, 0.5),
        _ratio(fsum(volumes[-4:]) / 4, fsum(volumes[-64:]) / 64, 1.0),
    )


def _are_sound(bars: Sequence[_Bar]) -> bool:
    for _, high, low, close, volume in bars:
        if not (_PRICE_MIN <= low <= close <= high <= _PRICE_MAX and 0 <= volume <= _VOLUME_MAX):
            return False
    return all(before[0] < after[0] for before, after in pairwise(bars))


def _ratio(part: float, whole: float, otherwise: float) -> float:
    return part / whole if whole else otherwise
