"""Regimes: the features against plain references, streaming against batch, and no knowledge of the future."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal as D
from functools import cache
from itertools import pairwise
from math import sqrt
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from gxrisk.feeds import Candle, read_candles
from gxrisk.feeds.volatility import YEAR_MS
from gxrisk.protection import REGIMES, RegimeDetector, RegimeReading, regimes
from gxrisk.protection.directional import WilderAdx
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import percentileofscore

from .accounts import BOUNDED

HOURS = "btcusdt-1h-2020-02-15_2020-04-15-binance.csv.gz"
FIVE_MINUTES = "ethusdt-5m-2021-05-10_2021-05-26-binance.csv.gz"


@cache
def candles(folder: Path, name: str = HOURS, count: int = 1500) -> tuple[Candle, ...]:
    return read_candles(folder / name).candles[:count]


def bars(closes: list[float], spread: float = 0.0, step_ms: int = 60_000) -> list[Candle]:
    """Bars whose open is the close before, widened by `spread`."""
    made = []
    for n, close in enumerate(closes):
        opened = closes[max(0, n - 1)]
        low, high = min(opened, close) - spread, max(opened, close) + spread
        made.append(
            Candle("BTC", n * step_ms, step_ms, *(D(str(round(x, 9))) for x in (opened, high, low, close)), 1.0)
        )
    return made


def wilder_adx(rows: tuple[Candle, ...], period: int) -> npt.NDArray[np.float64]:
    """The whole index at once: Wilder's running sums are a linear filter, and so are his averages."""
    high, low = (np.array([float(getattr(one, name)) for one in rows]) for name in ("high", "low"))
    close = np.array([float(one.close) for one in rows])
    up, down = np.diff(high), -np.diff(low)
    moves = np.where((up > down) & (up > 0), up, 0.0), np.where((down > up) & (down > 0), down, 0.0)
    true_range = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])

    def summed(steps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        first = steps[:period].sum()
        later, _ = lfilter([1.0], [1.0, -(1 - 1 / period)], steps[period:], zi=[first * (1 - 1 / period)])
        return np.concatenate([[first], later])

    plus, minus = (100 * summed(one) / summed(true_range) for one in moves)
    index = 100 * np.abs(plus - minus) / (plus + minus)
    first = index[:period].mean()
    later, _ = lfilter([1 / period], [1.0, -(1 - 1 / period)], index[period:], zi=[first * (1 - 1 / period)])
    return np.concatenate([[first], later])


@pytest.mark.parametrize("period", [2, 14])
@pytest.mark.parametrize("name", [HOURS, FIVE_MINUTES])
def test_adx_is_wilders_worked_out_at_once(data_dir: Path, name: str, period: int) -> None:
    """With true ranges divided by, as the book has it."""
    rows = candles(data_dir, name)
    adx = WilderAdx(period)
    values = [adx.update(float(one.high), float(one.low)) for one in rows]
    assert values[: 2 * period - 1] == [None] * (2 * period - 1)
    np.testing.assert_allclose(np.array(values[2 * period - 1 :], dtype=float), wilder_adx(rows, period), rtol=1e-9)


def test_efficiency_volatility_and_rank_are_numpys_and_scipys(data_dir: Path) -> None:
    rows = candles(data_dir, FIVE_MINUTES)
    readings = regimes(rows, RegimeDetector(window=20, history=300, history_min=50))
    closes = np.array([float(one.close) for one in rows])
    returns = np.diff(np.log(closes))
    year = sqrt(YEAR_MS / rows[0].interval_ms)
    deviations = [float(np.std(returns[n - 20 : n], ddof=1)) * year for n in range(20, returns.size + 1)]
    for n in range(0, len(rows), 7):
        one = readings[n]
        if n < 20:
            assert one.efficiency is one.volatility is None
            continue
        path = closes[n - 20 : n + 1]
        assert one.efficiency == pytest.approx(abs(path[-1] - path[0]) / np.abs(np.diff(path)).sum(), rel=1e-12)
        assert one.volatility == pytest.approx(deviations[n - 20])
        known = [readings[k].volatility for k in range(max(20, n - 299), n + 1)]
        if len(known) < 50:
            assert one.percentile is None
        else:
            assert one.percentile == pytest.approx(percentileofscore(known, one.volatility, kind="strict") / 100)


@pytest.mark.parametrize("name", [HOURS, FIVE_MINUTES])
def test_the_future_changes_nothing(data_dir: Path, name: str) -> None:
    """What was said of a bar is the same when everything after it is cut off, or is a crash instead."""
    rows = candles(data_dir, name)
    whole = regimes(rows)
    for end in range(130, len(rows), 191):
        assert regimes(rows[:end]) == whole[:end]
    cut = len(rows) // 2
    fallen = [
        replace(one, open=one.open / 2, high=one.high / 2, low=one.low / 10, close=one.close / 5) for one in rows[cut:]
    ]
    other = regimes([*rows[:cut], *fallen])
    assert other[:cut] == whole[:cut]
    assert other[cut:] != whole[cut:]


def test_a_bar_at_a_time_is_the_batch(data_dir: Path) -> None:
    rows = candles(data_dir)
    detector = RegimeDetector()
    streamed = []
    for one in rows:
        streamed.append(detector.update(one))
        assert detector.update(one) is detector.reading is streamed[-1]  # a bar that comes twice changes nothing
        assert detector.update(rows[0]) is streamed[-1]
    assert tuple(streamed) == regimes(rows)
    assert [one.at_ms for one in streamed] == [one.end_ms for one in rows]


def test_recorded_markets_have_all_four_regimes_and_the_crash_is_volatile(data_dir: Path) -> None:
    """March 2020: from the crash's hour on, the hours of 12 March are volatile."""
    readings = regimes(candles(data_dir))
    found = Counter(one.regime for one in readings)
    assert set(found) == {*REGIMES, None}
    assert all(one.regime is None for one in readings[:119])
    crash_ms = 1_584_007_200_000  # 2020-03-12 10:00 UTC, the bar of -18 %
    day = [one for one in readings if crash_ms < one.at_ms <= crash_ms + 14 * 3_600_000]
    assert {one.regime for one in day} == {"volatile"}
    assert {one.level for one in day} == {"high"}


@pytest.mark.parametrize("name", [HOURS, FIVE_MINUTES])
def test_hysteresis_changes_the_regime_less_often(data_dir: Path, name: str) -> None:
    rows = candles(data_dir, name)
    nervous = RegimeDetector(volatile=(0.9, 0.9), efficiency=(0.35, 0.35), adx=(25, 25), quiet=(0.4, 0.4))
    assert changes(regimes(rows)) < changes(regimes(rows, nervous))


def changes(readings: tuple[RegimeReading, ...]) -> int:
    return sum(before.regime != after.regime for before, after in pairwise(readings))


def test_a_regime_is_left_only_past_its_own_threshold(data_dir: Path) -> None:
    """Of recorded bars: what was entered at 0.9 holds to 0.8, what at 0.35 and 25 to 0.25 and 20."""
    seen: Counter[str] = Counter()
    for name in (HOURS, FIVE_MINUTES):
        for before, after in pairwise(regimes(candles(data_dir, name))):
            rank, ratio, adx = after.percentile, after.efficiency, after.adx
            if before.regime is None or rank is None or ratio is None or adx is None:
                continue
            if before.regime == "volatile":
                assert (after.regime == "volatile") == (rank >= 0.8)
                seen["kept volatile"] += 0.8 <= rank < 0.9
                continue
            assert (after.regime == "volatile") == (rank >= 0.9)
            if before.regime == "trending" and rank < 0.9:
                assert (after.regime == "trending") == (ratio >= 0.25 and adx >= 20)
                seen["kept trending"] += ratio < 0.35 or adx < 25
            if before.regime == "stable" and after.regime not in ("volatile", "trending"):
                assert (after.regime == "stable") == (rank <= 0.6)
                seen["kept stable"] += 0.4 < rank <= 0.6
    assert min(seen[f"kept {one}"] for one in ("volatile", "trending", "stable")) > 10


@pytest.mark.parametrize(
    ("feature", "enter", "leave", "settings"),
    [("adx", 25.0, 20.0, {"efficiency": (0, 0)}), ("efficiency", 0.35, 0.25, {"adx": (0, 0)})],
)
def test_each_half_of_a_trend_has_its_own_pair(
    data_dir: Path, feature: str, enter: float, leave: float, settings: dict[str, tuple[float, float]]
) -> None:
    """With the other half always fulfilled and nothing ever volatile, a trend is one latch on one feature."""
    detector = RegimeDetector(volatile=(1, 1), **settings)  # type: ignore[arg-type]
    is_on, seen = False, Counter[bool]()
    for one in regimes(candles(data_dir), detector):
        if one.regime is not None:
            is_on = getattr(one, feature) >= (leave if is_on else enter)
            assert (one.regime == "trending") == is_on
            seen[is_on] += 1
    assert min(seen[True], seen[False]) > 100


MARKETS = [
    ("one way up", [100 + 0.5 * n + (n % 2) * 0.1 for n in range(200)], "trending"),
    ("one way down", [300 * 0.995**n * (1 + (n % 3) / 2000) for n in range(200)], "trending"),
    ("standing still", [100.0] * 200, "stable"),
    ("calmer and calmer", [100 + (-1) ** n * 5 / (1 + n / 20) for n in range(200)], "stable"),
    ("wilder and wilder", [100 + (-1) ** n * n / 50 for n in range(200)], "volatile"),
    ("up and down", [100 + (-1) ** n * ((2, 4, 3)[n // 25 % 3] + n / 1000) for n in range(225)], "choppy"),
]


@pytest.mark.parametrize(("name", "closes", "regime"), MARKETS, ids=lambda x: str(x)[:20])
def test_markets_that_are_plain(name: str, closes: list[float], regime: str) -> None:
    reading = regimes(bars(closes, spread=0.2))[-1]
    assert reading.regime == regime, reading


def test_warming_up_says_so() -> None:
    reading = RegimeDetector().reading
    assert (reading.regime, reading.level, reading.reason) == (None, "elevated", "no bar was seen")
    assert regimes(bars([100.0] * 119))[-1].reason == "there are not enough bars yet"
    assert regimes(bars([100.0] * 120))[-1].regime is not None


@BOUNDED
@given(st.lists(st.floats(0.01, 1e6), min_size=30, max_size=60), st.floats(0, 10))
def test_features_stay_in_their_ranges(closes: list[float], spread: float) -> None:
    detector = RegimeDetector(window=3, adx_period=2, history=10, history_min=4)
    for one in bars(closes, spread):
        reading = detector.update(one)
        assert reading.efficiency is None or 0 <= reading.efficiency <= 1
        assert reading.adx is None or 0 <= reading.adx <= 100 + 1e-9
        assert reading.percentile is None or 0 <= reading.percentile < 1
    assert reading.regime in REGIMES


WRONG = [
    ({"window": 1}, "window: 1 was given, a whole number from 2 to 10000 is allowed"),
    ({"history_min": 600}, "history_min: 600 was given, a whole number from 1 to 500 is allowed"),
    ({"volatile": (0.8, 0.9)}, "volatile: (0.8, 0.9) was given as (enter, leave), leave at or under enter is allowed"),
    ({"quiet": (0.6, 0.4)}, "quiet: (0.6, 0.4) was given as (enter, leave), leave at or over enter is allowed"),
    ({"adx": (101, 20)}, "adx: 101 was given, 0 to 100 is allowed"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_settings_say_what_is_allowed(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match="was given") as raised:
        RegimeDetector(**settings)  # type: ignore[arg-type]
    assert str(raised.value) == message


def test_another_assets_bar_and_a_price_of_zero_are_refused() -> None:
    detector = RegimeDetector()
    one = bars([100.0])[0]
    detector.update(one)
    with pytest.raises(ValueError, match="asset: ETH was given, BTC is what this detector reads"):
        detector.update(replace(one, asset="ETH"))
    with pytest.raises(ValueError, match="close: 0 was given, a price above 0 is allowed"):
        detector.update(replace(one, close=D(0)))
