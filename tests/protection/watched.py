"""Recorded candles, and what data quality says of them."""

import os
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from gxrisk.feeds import CandleSeries, read_candles
from gxrisk.protection import DataQuality, Print, QualitySettings

DATA_SETS = (
    "btcusd-1m-2013-04-08_2013-04-15-bitfinex",
    "btcusd-1m-2017-03-06_2017-03-14-bitfinex",
    "btcusd-1m-2017-12-18_2017-12-26-bitfinex",
    "btcusd-1m-2019-06-22_2019-07-01-bitfinex",
    "btcusdt-1d-2017-08-18_2022-07-11-binance",
    "btcusdt-1h-2020-02-15_2020-04-15-binance",
    "btcusdt-1m-2025-05-25_2025-06-25-binance-perp",
    "btcusdt-5m-2020-03-01_2020-03-13-binance",
    "btcusdt-5m-2021-05-10_2021-05-26-binance",
    "ethusd-1m-2017-12-18_2017-12-26-bitfinex",
    "ethusd-1m-2019-06-22_2019-07-01-bitfinex",
    "ethusdt-1h-2020-02-15_2020-04-15-binance",
    "ethusdt-1m-2025-05-25_2025-06-25-binance-perp",
    "ethusdt-5m-2021-05-10_2021-05-26-binance",
    "ltcusd-1m-2017-12-18_2017-12-26-bitfinex",
    "ltcusdt-1h-2020-02-15_2020-04-15-binance",
    "solusdt-1m-2025-05-25_2025-06-25-binance-perp",
    "solusdt-5m-2021-05-10_2021-05-26-binance",
    "xrpusd-1m-2017-12-18_2017-12-26-bitfinex",
    "xrpusdt-1h-2020-02-15_2020-04-15-binance",
)


def folder() -> Path:
    """The folder of recorded candles."""
    named = os.environ.get("GXRISK_DATA_DIR")
    if not named:
        reason = "GXRISK_DATA_DIR names no folder of recorded candles"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(named)


@cache
def recorded(name: str) -> CandleSeries:
    """A recorded series by the name of its file."""
    return read_candles(folder() / f"{name}.csv.gz")


@dataclass(slots=True)
class Outcome:
    """What came of watching a series; `suspended_ms` are the times of suspension, each reviewed at once."""

    prints: int = 0
    questions: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    lowest: float = 1.0
    last: float = 1.0
    suspended_ms: list[int] = field(default_factory=list)

    def row(self, name: str) -> str:
        """The row of the table in the documentation."""
        rate = f"{10_000 * self.faults['outlier'] / self.prints:.1f}"
        numbers = (self.prints, self.questions, self.faults["outlier"], rate, self.faults["gap"])
        return f"| {name} | {' | '.join(map(str, numbers))} | {self.lowest:.2f} | {len(self.suspended_ms)} |"


def watch(series: CandleSeries) -> Outcome:
    """Watch a whole series bar by bar; a suspension is reviewed at once, so that the next can be seen."""
    quality = DataQuality(QualitySettings(interval_s=series.interval_ms / 1000))
    outcome = Outcome()
    was_in_question = False
    for candle in series.candles:
        now = quality.take(series.asset, Print.of(candle))
        assert now.score is not None
        assert 0 <= now.score <= 1
        is_in_question = any(one.kind == "unconfirmed" for one in now.faults)
        outcome.questions += is_in_question and not was_in_question
        was_in_question = is_in_question
        outcome.prints += 1
        outcome.lowest = min(outcome.lowest, now.score)
        outcome.last = now.score
        if now.is_suspended:
            outcome.suspended_ms.append(candle.end_ms)
            quality.review(series.asset, "a person", "to see the next one")
            was_in_question = False
    outcome.faults.update(quality.totals(series.asset))
    return outcome
