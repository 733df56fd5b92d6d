"""Features: right against numpy, blind to the future and to units, and named by a hash that never changes."""

import math
import os
import struct
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from gxrisk.agent.features import FEATURE_BARS, FEATURE_NAMES, Features, feature_hash, feature_table, features
from gxrisk.feeds import WilderAtr, read_candles
from hypothesis import given, settings
from hypothesis import strategies as st

from .bars import scaled, view, walk

ROOT = Path(__file__).parents[2]
seeds = st.integers(0, 2**32)


def test_the_values_are_what_numpy_makes_of_the_arrays() -> None:
    bars = walk(1, 80)
    close = np.array([float(bar.close) for bar in bars])
    high = np.array([float(bar.high) for bar in bars])
    low = np.array([float(bar.low) for bar in bars])
    volume = np.array([bar.volume for bar in bars])
    returns = np.diff(np.log(close))
    atr = WilderAtr(14)
    atr.update(float(bars[-15].close), float(bars[-15].close), float(bars[-15].close))
    true_ranges = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    expected = {
        "return_1": returns[-1],
        "return_4": returns[-4:].sum(),
        "return_16": returns[-16:].sum(),
        "return_64": returns[-64:].sum(),
        "volatility_16": np.sqrt(np.mean(returns[-16:] ** 2)),
        "volatility_64": np.sqrt(np.mean(returns[-64:] ** 2)),
        "volatility_ratio": np.sqrt(np.mean(returns[-16:] ** 2) / np.mean(returns[-64:] ** 2)),
        "true_range_14": true_ranges[-14:].mean() / close[-1],
        "mean_distance_16": close[-1] / close[-16:].mean() - 1,
        "mean_distance_64": close[-1] / close[-64:].mean() - 1,
        "range_position_64": (close[-1] - low[-64:].min()) / (high[-64:].max() - low[-64:].min()),
        "volume_ratio": volume[-4:].mean() / volume[-64:].mean(),
    }
    seen = features(view(bars))
    assert seen is not None
    assert tuple(expected) == seen.names == FEATURE_NAMES
    np.testing.assert_allclose(seen.values, list(expected.values()), rtol=1e-9, atol=1e-15)


@given(seed=seeds, end=st.integers(FEATURE_BARS, 100), other=seeds)
@settings(max_examples=50, deadline=None)
def test_what_comes_later_changes_nothing(seed: int, end: int, other: int) -> None:
    bars = walk(seed, 100)
    rewritten = (*bars[:end], *walk(other, 100, start=float(bars[end - 1].close) * 3)[end:])
    known = feature_table(bars[:end])
    np.testing.assert_array_equal(feature_table(bars)[:end], known)
    np.testing.assert_array_equal(feature_table(rewritten)[:end], known)
    seen = features(view(bars[:end]))
    assert seen is not None
    np.testing.assert_array_equal(seen.values, known[-1])


@given(seed=seeds, dropped=st.integers(1, 35))
@settings(max_examples=30, deadline=None)
def test_only_the_last_bars_count_so_training_and_trading_see_the_same(seed: int, dropped: int) -> None:
    bars = walk(seed, 100)
    whole, part = features(view(bars)), features(view(bars[dropped:], atr=None))
    assert whole is not None
    assert part is not None
    assert feature_hash(whole) == feature_hash(part)


@given(
    seed=seeds,
    prices=st.decimals("0.0001", "1000000", places=4),
    volume=st.floats(0.001, 1e6),
)
@settings(max_examples=50, deadline=None)
def test_units_do_not_matter(seed: int, prices: Decimal, volume: float) -> None:
    bars = walk(seed, FEATURE_BARS)
    before, after = features(view(bars)), features(view([scaled(bar, prices, volume) for bar in bars]))
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(after.values, before.values, rtol=1e-7, atol=1e-9)
    doubled = features(view([scaled(bar, Decimal(2), 2.0) for bar in bars]))
    assert doubled is not None
    assert feature_hash(doubled) == feature_hash(before), "a power of two is exact"


def test_prices_that_stood_still_are_neutral() -> None:
    bars = walk(1, FEATURE_BARS)
    still = [
        scaled(replace(bar, open=(one := Decimal(7)), high=one, low=one, close=one), Decimal(1), 0) for bar in bars
    ]
    seen = features(view(still))
    assert seen is not None
    neutral = {"volatility_ratio": 1.0, "range_position_64": 0.5, "volume_ratio": 1.0}
    assert {name: seen[name] for name in FEATURE_NAMES} == {name: neutral.get(name, 0.0) for name in FEATURE_NAMES}


NAN = Decimal("NaN")
UNKNOWN = {
    "a close that is NaN": {"close": NAN},
    "a high that is NaN": {"high": NAN},
    "a low that is a signalling NaN": {"low": Decimal("sNaN")},
    "a price of 0": {"low": Decimal(0)},
    "a price below 0": {"low": Decimal(-1)},
    "an infinite high": {"high": Decimal("Infinity")},
    "a price too large for a float": {"high": Decimal("1e400")},
    "a price above the gate's": {"high": Decimal("1.1e18")},
    "a close above the high": {"close": Decimal("1e9")},
    "a volume that is NaN": {"volume": math.nan},
    "an infinite volume": {"volume": math.inf},
    "a volume below 0": {"volume": -1.0},
    "a bar that comes twice": {"start_ms": walk(3, 70)[39].start_ms},
    "a bar out of order": {"start_ms": walk(3, 70)[20].start_ms},
}


@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_bar_that_cannot_be_makes_them_unknown_while_it_is_in_sight(change: dict[str, object]) -> None:
    bars = walk(3, 200)
    table = feature_table([*bars[:40], replace(bars[40], **change), *bars[41:]])
    is_unknown = np.isnan(table).any(axis=1)
    assert is_unknown.tolist() == np.isnan(table).all(axis=1).tolist(), "all of a row or nothing"
    assert is_unknown[:104].all()
    assert not is_unknown[105:].any()
    assert features(view([*bars[:40], replace(bars[40], **change)])) is None


@pytest.mark.parametrize(("count", "is_known"), [(1, False), (FEATURE_BARS - 1, False), (FEATURE_BARS, True)])
def test_too_few_bars(count: int, is_known: bool) -> None:
    assert (features(view(walk(4, count))) is not None) == is_known


def test_every_row_of_a_recorded_crash_is_known(data_dir: Path) -> None:
    series = read_candles(data_dir / "btcusdt-5m-2020-03-01_2020-03-13-binance.csv.gz")
    table = feature_table(series.candles)
    assert np.isnan(table[: FEATURE_BARS - 1]).all()
    assert np.isfinite(table[FEATURE_BARS - 1 :]).all()


def test_the_hash_is_that_of_the_documented_encoding() -> None:
    seen = Features(("return_1", "größe"), np.array([-0.0, 1.5]), "7")

    def text(said: str) -> bytes:
        return struct.pack(">Q", len(said.encode())) + said.encode()

    encoding = text("gxrisk-features") + text("7") + struct.pack(">Q", 2) + text("return_1") + text("größe")
    encoding += struct.pack(">dd", 0.0, 1.5)
    assert feature_hash(seen) == sha256(encoding).hexdigest()


def test_what_is_the_same_has_the_same_hash_and_nothing_else_has() -> None:
    signed, payload = struct.unpack(">dd", bytes.fromhex("fff8000000000000" + "7ff800000000beef"))
    ab = ("a", "b")
    same = [Features(ab, np.array([nan, zero]), "1") for nan in (math.nan, signed, payload) for zero in (0.0, -0.0)]
    assert len({feature_hash(one) for one in same}) == 1
    others = [
        Features(ab, np.array([0.0, 1.0]), "1"),
        Features(ab, np.array([1.0, 0.0]), "1"),
        Features(ab, np.array([0.0, math.nextafter(1.0, 2)]), "1"),
        Features(ab, np.array([0.0, 5e-324]), "1"),
        Features(ab, np.array([0.0, 1.0]), "2"),
        Features(("b", "a"), np.array([0.0, 1.0]), "1"),
        Features(("ab",), np.array([1.0]), "1"),
        Features((), np.array([]), "1"),
        same[0],
    ]
    assert len({feature_hash(one) for one in others}) == len(others)


def test_the_hash_is_the_same_in_every_process() -> None:
    code = (
        "import numpy as np; from gxrisk.agent.features import Features, feature_hash;"
        "print(feature_hash(Features(('a', 'b'), np.array([0.1, -0.0]), '1')), hash('a'))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.split()
        for salt in ("0", "1", "random")
    ]
    assert len({salted for _, salted in told}) > 1, "Python's own hash is salted, which is why it names nothing"
    assert {stable for stable, _ in told} == {feature_hash(Features(("a", "b"), np.array([0.1, 0.0]), "1"))}


def test_features_are_checked_and_cannot_be_written_to() -> None:
    values = np.array([1.0, 2.0])
    seen = Features(("a", "b"), values, "1")
    values[0] = 9.0
    assert seen["a"] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        seen.values[0] = 3.0
    with pytest.raises(ValueError, match=r"values: shape \(1,\) was given, \(2,\) is allowed"):
        Features(("a", "b"), np.array([1.0]), "1")
    with pytest.raises(ValueError, match="each may come once"):
        Features(("a", "a"), np.array([1.0, 1.0]), "1")
    with pytest.raises(KeyError, match="c"):
        seen["c"]
