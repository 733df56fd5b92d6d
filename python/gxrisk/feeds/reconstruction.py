"""A reconstruction of 12 and 13 March 2020: a seeded path through published figures. It is not a record."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from itertools import accumulate, pairwise
from random import Random
from typing import Any, Final

from gxrisk.feeds.candles import Candle, CandleSeries

MINUTE_MS: Final = 60_000
_STEPS: Final = 4  # a minute; its root is a whole number, so that noise a minute / 2 is noise a step
_DRAWS: Final = 8  # 16-bit draws a step; their sum is close to normal
_DEVIATION: Final = 107_021  # of that sum: 2**16 * sqrt(8 / 3)


@dataclass(frozen=True, slots=True)
class Figure:
    """A published price (in cents) at a time (UTC ms), its source, and our noise (bp a minute) from there on."""

    at_ms: int
    cents: int
    noise_bp: int
    source: str


@dataclass(frozen=True, slots=True)
class Episode:
    """What the reconstruction is made from; every price is in cents, every time in UTC milliseconds."""

    label: str
    asset: str
    seed: int
    figures: tuple[Figure, ...]
    ranges: tuple[tuple[int, int, int], ...]
    outage: tuple[int, int]
    outage_source: str


def march_2020() -> Episode:
    """The published figures of 12 and 13 March 2020 that come with the package, each with its source.

    >>> episode = march_2020()
    >>> len(episode.figures), min(figure.cents for figure in episode.figures)
    (9, 385800)
    """
    text = files("gxrisk").joinpath("data", "march_2020.toml").read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    return Episode(
        label=data["label"],
        asset=data["asset"],
        seed=data["seed"],
        figures=tuple(
            Figure(_ms(one["at"]), _cents(one["price"]), one["noise_bp"], one["source"]) for one in data["figure"]
        ),
        ranges=tuple((_ms(one["until"]), _cents(one["low"]), _cents(one["high"])) for one in data["range"]),
        outage=(_ms(data["outage"]["from"]), _ms(data["outage"]["until"])),
        outage_source=data["outage"]["source"],
    )


def reconstruct(episode: Episode | None = None, *, seed: int | None = None) -> CandleSeries:
    """One-minute candles through the figures of `episode` (March 2020 unless given).

    Between two figures the price is a straight line plus a random bridge, reflected at the published lows and highs;
    every figure is met to the cent, the minutes of the outage are left out, volume is 0. Whole numbers and the
    standard library's generator only, so that a seed gives the same candles on every machine.

    >>> series = reconstruct()
    >>> len(series.candles), min(bar.low for bar in series.candles)
    (2856, Decimal('3858.00'))
    """
    episode = episode or march_2020()
    random = Random(episode.seed if seed is None else seed)  # noqa: S311 (a path to look at, not a secret)
    path = [episode.figures[0].cents]
    for figure, following in pairwise(episode.figures):
        path.extend(_stretch(figure, following, episode.ranges, random))
    candles = tuple(
        candle
        for candle in _candles(episode.asset, episode.figures[0].at_ms, path)
        if not episode.outage[0] <= candle.start_ms < episode.outage[1]
    )
    return CandleSeries(episode.asset, MINUTE_MS, candles, f"reconstruction of {episode.label}")


def _stretch(figure: Figure, following: Figure, ranges: tuple[tuple[int, int, int], ...], random: Random) -> list[int]:
    """The price in cents at every step after `figure`, up to `following`, which it meets."""
    steps = (following.at_ms - figure.at_ms) * _STEPS // MINUTE_MS
    walk = list(accumulate(_draw(random) for _ in range(steps)))
    low, high = next((low, high) for until_ms, low, high in ranges if figure.at_ms < until_ms)
    rise = following.cents - figure.cents
    path = []
    for step, height in enumerate(walk, start=1):
        bridge = height - walk[-1] * step // steps
        noise = bridge * figure.cents * figure.noise_bp // (2 * 10_000 * _DEVIATION)
        cents = figure.cents + rise * step // steps + (0 if step == steps else noise)
        cents = max(cents, 2 * low - cents)
        cents = min(cents, 2 * high - cents)
        path.append(min(max(cents, low), high))
    return path


def _draw(random: Random) -> int:
    return 2 * sum(random.getrandbits(16) for _ in range(_DRAWS)) - _DRAWS * 65_535


def _candles(asset: str, start_ms: int, path: list[int]) -> Iterator[Candle]:
    for minute in range((len(path) - 1) // _STEPS):
        part = path[minute * _STEPS : (minute + 1) * _STEPS + 1]
        opened, high, low, close = (Decimal(cents).scaleb(-2) for cents in (part[0], max(part), min(part), part[-1]))
        yield Candle(asset, start_ms + minute * MINUTE_MS, MINUTE_MS, opened, high, low, close, 0.0)


def _ms(time: datetime) -> int:
    return int(time.timestamp()) * 1000


def _cents(price: str) -> int:
    return int(Decimal(price) * 100)
