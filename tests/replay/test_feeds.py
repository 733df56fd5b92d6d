"""The time line, coarser bars, the average true range, the reconstruction."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from gxrisk.feeds import (
    BarBuilder,
    BarError,
    CandleSeries,
    WilderAtr,
    march_2020,
    reconstruct,
    timeline,
)

# Wilder's average true range over 3 bars, by hand: (high, low, close, true range, average)
ATR_TABLE = [
    (10, 8, 9, 2, None),
    (11, 9, 10, 2, None),
    (13, 11, 12, 3, (2 + 2 + 3) / 3),
    (12, 10, 11, 2, ((2 + 2 + 3) / 3 * 2 + 2) / 3),
    (20, 18, 19, 9, (((2 + 2 + 3) / 3 * 2 + 2) / 3 * 2 + 9) / 3),
    (15, 14, 14, 5, ((((2 + 2 + 3) / 3 * 2 + 2) / 3 * 2 + 9) / 3 * 2 + 5) / 3),
]


def test_atr_against_the_table() -> None:
    atr = WilderAtr(3)
    for high, low, close, _, average in ATR_TABLE:
        assert atr.update(high, low, close) == pytest.approx(average)
    assert WilderAtr().value is None


def test_atr_needs_fourteen_bars() -> None:
    atr = WilderAtr()
    values = [atr.update(101, 100, 100.5) for _ in range(14)]
    assert values[:13] == [None] * 13
    assert values[13] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="1 or more"):
        WilderAtr(0)


def test_a_close_comes_at_the_end_of_its_bar_and_assets_go_by_name(series: Callable[..., CandleSeries]) -> None:
    eth = series([1, 2, 3], asset="ETH")
    btc = series([5, None, 7], asset="BTC")
    moments = list(timeline([eth, btc]))
    assert moments == list(timeline([btc, eth]))
    start = btc.candles[0].start_ms
    seen = [((m.at_ms - start) // 60_000, [c.asset for c in m.closed], [c.asset for c in m.opened]) for m in moments]
    assert seen == [
        (0, [], ["BTC", "ETH"]),
        (1, ["BTC", "ETH"], ["ETH"]),
        (2, ["ETH"], ["BTC", "ETH"]),
        (3, ["BTC", "ETH"], []),
    ]
    for moment in moments:
        assert all(candle.end_ms == moment.at_ms for candle in moment.closed)
        assert all(candle.start_ms == moment.at_ms for candle in moment.opened)


def test_coarser_bars_are_complete_before_they_are_seen(series: Callable[..., CandleSeries]) -> None:
    rows = [(5, 9, 4, 6), (6, 7, 3, 5), (5, 6, 5, 6), None, (2, 2, 1, 1), (1, 1, 1, 1)]
    builder = BarBuilder(180_000)
    done = [(candle.end_ms, bar) for candle in series(rows).candles for bar in builder.add(candle)]
    (first_at, first), (second_at, second) = done
    assert first_at == first.end_ms
    assert [str(price) for price in (first.open, first.high, first.low, first.close)] == ["5", "9", "3", "6"]
    assert second_at == second.end_ms
    assert [str(price) for price in (second.open, second.high, second.low, second.close)] == ["2", "2", "1", "1"]


def test_a_coarse_bar_whose_last_candle_is_missing_comes_with_the_next_candle(
    series: Callable[..., CandleSeries],
) -> None:
    builder = BarBuilder(120_000)
    candles = series([1, None, None, 4]).candles
    assert builder.add(candles[0]) == ()
    late = builder.add(candles[1])
    assert [str(bar.close) for bar in late] == ["1", "4"]
    assert all(bar.end_ms <= candles[1].end_ms for bar in late)


def test_bars_must_be_a_multiple_of_the_candles(series: Callable[..., CandleSeries]) -> None:
    with pytest.raises(BarError, match="multiple"):
        BarBuilder(90_000).add(series([1]).candles[0])


def test_the_reconstruction_meets_every_figure() -> None:
    candles = {candle.start_ms: candle for candle in reconstruct().candles}
    episode = march_2020()
    for figure in episode.figures:
        price = Decimal(figure.cents) / 100
        before = candles.get(figure.at_ms - 60_000)
        after = candles.get(figure.at_ms)
        assert before is not None or after is not None
        assert before is None or before.close == price
        assert after is None or after.open == price
        assert len(figure.source) > 20


def test_the_reconstruction_stays_within_the_published_extremes() -> None:
    candles = reconstruct().candles
    for until_ms, low, high in march_2020().ranges:
        part = [candle for candle in candles if candle.end_ms <= until_ms]
        assert min(candle.low for candle in part) == Decimal(low) / 100
        assert max(candle.high for candle in part) <= Decimal(high) / 100
        candles = tuple(candle for candle in candles if candle.end_ms > until_ms)


def test_the_reconstruction_is_silent_while_the_venue_was() -> None:
    candles = reconstruct().candles
    gaps = [(one.end_ms, two.start_ms) for one, two in pairwise(candles) if one.end_ms != two.start_ms]
    assert gaps == [march_2020().outage]


def test_the_reconstruction_has_the_same_bytes_everywhere() -> None:
    def digest(series: CandleSeries) -> str:
        return hashlib.sha256(repr(series.candles).encode()).hexdigest()

    assert digest(reconstruct()) == digest(reconstruct(march_2020()))
    assert digest(reconstruct(seed=1)) == digest(reconstruct(seed=1)) != digest(reconstruct(seed=2))
    assert digest(reconstruct()).startswith("99a97abadcc33443")


def test_a_reconstruction_without_noise_is_a_straight_line() -> None:
    episode = march_2020()
    quiet = replace(episode, figures=tuple(replace(figure, noise_bp=0) for figure in episode.figures))
    candles = reconstruct(quiet).candles
    assert candles == reconstruct(quiet, seed=5).candles
    assert max(candle.high - candle.low for candle in candles[:600]) <= 2
