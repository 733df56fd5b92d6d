"""The market of a drill: a seeded path of minutes through the levels that its scenario names."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gxrisk.feeds.candles import Candle, CandleSeries
from gxrisk.feeds.reconstruction import MINUTE_MS, Episode, Figure, reconstruct

BASE_CENTS: Final = 224_674  # the Dow Jones Industrial Average at the close of 16 October 1987; any price would do
CALM_BP: Final = 4
RISE: Final = 0.98  # of the level at the start; the rise that leads to it lets a follower of trends be long
TAIL_MINUTES: Final = 15


@dataclass(frozen=True, slots=True)
class Level:
    """The price at `minute` after the event began, as a part of the price then; `noise_bp` a minute from there on."""

    minute: int
    price: float
    noise_bp: int = CALM_BP


def tapes(levels: Sequence[Level], begins_ms: int, lead: int, assets: Sequence[str], seed: int) -> list[CandleSeries]:
    """One series of minutes an asset: `lead` minutes of a gentle rise, the levels, and a quarter of an hour of calm.

    Two levels at one minute are a gap: nothing trades in between. All assets fall together, each with noise of its own.
    The same seed gives the same minutes on every machine. Volume is 0, so that the paper venue limits no size and
    charges its flat impact.

    >>> [tape] = tapes([Level(0, 1.0), Level(0, 0.9), Level(30, 0.8)], 0, 60, ["BTC"], seed=1)
    >>> len(tape.candles), str(tape.candles[59].close), str(tape.candles[60].open), str(tape.candles[89].close)
    (105, '2246.74', '2022.07', '1797.39')
    """
    last = levels[-1]
    points = [Level(-lead, RISE), *levels, Level(last.minute + TAIL_MINUTES, last.price)]
    return [_tape(points, begins_ms, asset, seed * 1_009 + rank) for rank, asset in enumerate(assets)]


def _tape(points: Sequence[Level], begins_ms: int, asset: str, seed: int) -> CandleSeries:
    figures = [
        Figure(begins_ms + one.minute * MINUTE_MS, round(BASE_CENTS * one.price), one.noise_bp, "") for one in points
    ]
    ranges = ((figures[-1].at_ms, min(one.cents for one in figures) // 2, max(one.cents for one in figures) * 2),)
    gaps = [place for place in range(1, len(figures)) if figures[place].at_ms == figures[place - 1].at_ms]
    candles: list[Candle] = []
    for first, end in pairwise([0, *gaps, len(figures)]):
        part = Episode("a drill", asset, seed + first, tuple(figures[first:end]), ranges, (0, 0), "")
        candles += reconstruct(part).candles
    return CandleSeries(asset, MINUTE_MS, tuple(candles), "a drill")
