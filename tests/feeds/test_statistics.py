"""Volatility, correlation and clusters, against other reckonings of the same definition and on recorded data."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from math import isnan, log, nan, sqrt
from pathlib import Path
from statistics import stdev

import numpy as np
import polars as pl
import pytest
from gxrisk import Gate, Limits, ManualClock
from gxrisk.feeds import (
    Candle,
    CandleSeries,
    CorrelationClusters,
    FeedError,
    RealisedVolatility,
    RollingCorrelation,
    read_candles,
    timeline,
)

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
YEAR_MS = 31_536_000_000


def bar(asset: str, number: int, close: float | str, interval_ms: int = MINUTE_MS) -> Candle:
    price = Decimal(str(close))
    return Candle(asset, number * interval_ms, interval_ms, price, price, price, price, 0.0)


def at_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_volatility_by_hand() -> None:
    closes = (100, 102, 99, 99, 105)
    returns = [log(after / before) for before, after in pairwise(closes)]
    volatility = RealisedVolatility(3)
    values = [volatility.update(bar("BTC", number, close)) for number, close in enumerate(closes)]
    root = sqrt(YEAR_MS / MINUTE_MS)
    assert values[:3] == [None, None, None]
    assert values[3:] == pytest.approx([stdev(returns[:3]) * root, stdev(returns[1:]) * root])
    assert volatility.value == values[-1]


def test_volatility_of_the_recorded_march(data_dir: Path) -> None:
    """Against polars' rolling deviation at every bar; the hours without a gap before, so that the definitions meet."""
    series = read_candles(data_dir / "btcusdt-1h-2020-02-15_2020-04-15-binance.csv.gz")
    tail = [candle for candle in series.candles if candle.start_ms >= at_ms("2020-03-05")]
    assert all(after.start_ms - before.start_ms == HOUR_MS for before, after in pairwise(tail))
    volatility = RealisedVolatility(24)
    values = [volatility.update(candle) for candle in tail]
    closes = pl.Series([float(candle.close) for candle in tail])
    expected = (closes.log().diff().rolling_std(24) * sqrt(365 * 24)).to_list()
    assert values[:24] == [None] * 24
    assert values[24:] == pytest.approx(expected[24:], rel=1e-9)
    by_day = {datetime.fromtimestamp(one.end_ms / 1000, UTC): value for one, value in zip(tail, values, strict=True)}
    assert by_day[datetime(2020, 3, 11, tzinfo=UTC)] < 1.2
    assert by_day[datetime(2020, 3, 13, tzinfo=UTC)] > 3.5


def test_volatility_knows_nothing_of_later(data_dir: Path) -> None:
    """The value at a bar is the same whether or not anything follows."""
    candles = read_candles(data_dir / "btcusdt-1h-2020-02-15_2020-04-15-binance.csv.gz").candles[:200]
    whole = RealisedVolatility(24)
    values = [whole.update(candle) for candle in candles]
    for count in (25, 60, 199):
        cut = RealisedVolatility(24)
        for candle in candles[:count]:
            cut.update(candle)
        assert cut.value == values[count - 1]


def test_a_move_over_an_outage_counts_as_one_of_its_length() -> None:
    """Four bars' time at once weigh half as much as the same move in one bar, and are not lost."""
    with_gap, without = RealisedVolatility(2), RealisedVolatility(2)
    for number, close in ((0, 100), (1, 100), (5, 121)):
        with_gap.update(bar("BTC", number, close))
    for number, close in ((0, 100), (1, 100), (2, 110)):
        without.update(bar("BTC", number, close))
    assert with_gap.value == pytest.approx(without.value)


def test_a_bar_that_is_not_newer_changes_no_volatility() -> None:
    volatility = RealisedVolatility(2)
    for number, close in ((0, 100), (1, 101), (2, 100)):
        volatility.update(bar("BTC", number, close))
    value = volatility.value
    assert value is not None
    assert volatility.update(bar("BTC", 2, 500)) == value
    assert volatility.update(bar("BTC", 1, 500)) == value
    same = RealisedVolatility(2)
    for number, close in ((0, 100), (1, 101), (2, 100), (3, 102)):
        same.update(bar("BTC", number, close))
    assert volatility.update(bar("BTC", 3, 102)) == same.value


def test_the_gate_takes_the_volatility_as_it_is(data_dir: Path) -> None:
    """One that is quiet leaves the gate active, the crash halts it: the limit here is 200 % a year."""
    series = read_candles(data_dir / "btcusdt-1h-2020-02-15_2020-04-15-binance.csv.gz")
    gate = Gate(
        "vault", Limits.for_tier("growth").replace(volatility_max="2"), clock=ManualClock("2020-02-15T00:00:00Z")
    )
    gate.deposit(10_000)
    volatility = RealisedVolatility(24)
    states: dict[int, str] = {}
    for candle in series.candles:
        value = volatility.update(candle)
        if value is not None:
            gate.set_volatility(value)
            states[candle.end_ms] = gate.state
    assert states[at_ms("2020-03-11")] == "active"
    assert states[at_ms("2020-03-13")] == "halted"
    assert states[at_ms("2020-03-25")] == "active"


@pytest.mark.parametrize("window", [1, 0, -1])
def test_a_deviation_needs_two(window: int) -> None:
    with pytest.raises(ValueError, match="2 or more"):
        RealisedVolatility(window)
    with pytest.raises(FeedError, match="window"):
        RollingCorrelation(["A"], window)
    with pytest.raises(FeedError, match="returns_min"):
        RollingCorrelation(["A"], 5, returns_min=window)


def returns_by_slot(series: CandleSeries) -> dict[int, float]:
    """Log returns between neighbouring bars, by the later one's place on the time line."""
    found: dict[int, float] = {}
    for before, after in pairwise(series.candles):
        if after.start_ms - before.start_ms == series.interval_ms:
            found[after.start_ms // series.interval_ms] = log(float(after.close) / float(before.close))
    return found


def pairwise_complete(one: dict[int, float], other: dict[int, float], slots: range, least: int) -> float:
    """The definition once more, in numpy's own words."""
    both = [slot for slot in slots if slot in one and slot in other]
    if len(both) < least:
        return nan
    return float(np.corrcoef([one[slot] for slot in both], [other[slot] for slot in both])[0, 1])


def test_correlation_of_recorded_minutes_with_bars_missing(data_dir: Path) -> None:
    """June 2019: 390 minutes are missing in one series or both, among them the outage. Against numpy, pair by pair."""
    series = [
        read_candles(data_dir / f"{asset}usd-1m-2019-06-22_2019-07-01-bitfinex.csv.gz") for asset in ("btc", "eth")
    ]
    window = 240
    rolling = RollingCorrelation(["BTCUSD", "ETHUSD"], window)
    returns = [returns_by_slot(one) for one in series]
    compared = unknown = 0
    for number, moment in enumerate(timeline(series)):
        rolling.update(moment.closed)
        if number % 97 or not moment.closed:
            continue
        newest = max(candle.start_ms for candle in moment.closed) // MINUTE_MS
        expected = pairwise_complete(*returns, range(newest - window + 1, newest + 1), window // 2)
        value = float(rolling.matrix()[0, 1])
        assert value == pytest.approx(expected, abs=1e-9, nan_ok=True)
        compared += 1
        unknown += isnan(value)
    assert compared > 100
    assert 0 < unknown < compared / 10, "after the start and after the outage"


def test_correlation_of_gap_free_data_is_polars(data_dir: Path) -> None:
    assets = ("btc", "eth", "ltc", "xrp")
    series = [read_candles(data_dir / f"{one}usdt-1h-2020-02-15_2020-04-15-binance.csv.gz") for one in assets]
    names = [one.asset for one in series]
    rolling = RollingCorrelation(names, 240)
    for moment in timeline(series):
        rolling.update(moment.closed)
    frame = pl.DataFrame({one.asset: [float(bar.close) for bar in one.candles[-241:]] for one in series})
    frame = frame.select(pl.all().log().diff()).tail(240)
    matrix = rolling.matrix()
    for row, one in enumerate(names):
        for column, other in enumerate(names):
            expected = frame.select(pl.corr(one, other)).item()
            assert matrix[row, column] == pytest.approx(expected, abs=1e-12)
    assert (matrix > 0.7).all()
    assert CorrelationClusters().update(names, matrix) == {"cluster-1": sorted(names)}


def test_random_holes_change_nothing_but_what_they_hide() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    draw = random.Random(seed)
    names = ["A", "B", "C"]
    rolling = RollingCorrelation(names, 50, returns_min=5)
    kept: dict[str, list[Candle]] = {name: [] for name in names}
    prices = dict.fromkeys(names, 1000.0)
    for slot in range(400):
        shared = draw.gauss(0, 0.01)
        closed = []
        for name in names:
            prices[name] = round(prices[name] * (1 + shared + draw.gauss(0, 0.01)), 6)
            if draw.random() > 0.2:
                closed.append(bar(name, slot, prices[name]))
                kept[name].append(closed[-1])
        rolling.update(closed)
    newest = max(candles[-1].start_ms for candles in kept.values()) // MINUTE_MS
    slots = range(newest - 49, newest + 1)
    returns = [returns_by_slot(CandleSeries(name, MINUTE_MS, tuple(candles), "")) for name, candles in kept.items()]
    matrix = rolling.matrix()
    for row in range(3):
        for column in range(3):
            expected = 1.0 if row == column else pairwise_complete(returns[row], returns[column], slots, 5)
            assert matrix[row, column] == pytest.approx(expected, abs=1e-9, nan_ok=True)


def filled(rows: Sequence[tuple[float, float]], window: int = 10, **more: int) -> RollingCorrelation:
    rolling = RollingCorrelation(["A", "B"], window, **more)
    for slot, (one, other) in enumerate(rows):
        rolling.update([bar("A", slot, one), bar("B", slot, other)])
    return rolling


def test_too_few_returns_and_no_movement_are_unknown() -> None:
    moving = [(100 + number % 3, 50 + number % 3) for number in range(6)]
    assert isnan(filled(moving[:5]).matrix()[0, 1])
    assert filled(moving).matrix()[0, 1] == pytest.approx(1, abs=1e-3)
    still = [(100 + number % 3, 50) for number in range(11)]
    matrix = filled(still).matrix()
    assert isnan(matrix[0, 1])
    assert isnan(matrix[1, 0])
    assert list(matrix.diagonal()) == [1, 1]


def test_a_steady_rise_is_no_movement_but_rounding() -> None:
    """Returns that are equal but for their last digits have no variance to speak of."""
    rows = [(100 * 1.01**number, 50 + number % 3) for number in range(11)]
    assert isnan(filled(rows).matrix()[0, 1])


def test_an_outage_makes_old_returns_leave_the_window() -> None:
    rolling = filled([(100 + number % 3, 50 + number % 3) for number in range(11)])
    assert not isnan(rolling.matrix()[0, 1])
    rolling.update([bar("A", 500, 101), bar("B", 500, 51)])
    assert isnan(rolling.matrix()[0, 1])


def test_a_late_bar_is_ignored_and_assets_may_come_one_by_one() -> None:
    rows = [(100 + number % 3, 50 + number % 4) for number in range(11)]
    together = filled(rows)
    apart = RollingCorrelation(["A", "B"], 10)
    for slot, (one, other) in enumerate(rows):
        apart.update([bar("A", slot, one)])
        apart.update([bar("B", slot, other)])
        apart.update([bar("A", slot - 1, 7)] if slot else [])
    assert apart.matrix() == pytest.approx(together.matrix())


REFUSED: list[tuple[str, Callable[[RollingCorrelation], object], str]] = [
    ("another asset", lambda rolling: rolling.update([bar("C", 0, 1)]), "a candle of C"),
    ("two intervals", lambda rolling: rolling.update([bar("A", 0, 1), bar("B", 0, 1, HOUR_MS)]), "one interval"),
    ("twice", lambda rolling: RollingCorrelation(["A", "A"], 5), "names one twice"),
]


@pytest.mark.parametrize(("act", "part"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_cannot_be_correlated_is_refused(act: Callable[[RollingCorrelation], object], part: str) -> None:
    with pytest.raises(FeedError, match=part):
        act(RollingCorrelation(["A", "B"], 5))


def matrix_of(assets: str, **pairs: float) -> np.ndarray:
    """A symmetric matrix from pairs like AB=0.8; 0 elsewhere."""
    matrix = np.eye(len(assets))
    for pair, value in pairs.items():
        row, column = (assets.index(one) for one in pair)
        matrix[row, column] = matrix[column, row] = value
    return matrix


# (what, assets in the matrix's order, pairs, groups)
CLUSTERS = [
    ("nothing", "ABC", {}, {}),
    ("at the link", "ABC", {"AB": 0.7}, {"cluster-1": ["A", "B"]}),
    ("just under it", "ABC", {"AB": 0.6999999}, {}),
    ("opposite", "ABC", {"AC": -0.7}, {"cluster-1": ["A", "C"]}),
    ("a chain", "ABCD", {"AB": 0.8, "BC": 0.8, "CD": 0.8}, {"cluster-1": ["A", "B", "C", "D"]}),
    ("two", "DCBA", {"AD": 0.8, "BC": 0.9}, {"cluster-1": ["A", "D"], "cluster-2": ["B", "C"]}),
    ("unknown", "ABC", {"AB": nan}, {"cluster-1": ["A", "B"]}),
    ("one", "A", {}, {}),
    ("none", "", {}, {}),
]


@pytest.mark.parametrize(("assets", "pairs", "groups"), [one[1:] for one in CLUSTERS], ids=[one[0] for one in CLUSTERS])
def test_clusters(assets: str, pairs: dict[str, float], groups: dict[str, list[str]]) -> None:
    found = CorrelationClusters().update(list(assets), matrix_of(assets, **pairs))
    assert found == groups
    assert list(found) == list(groups)


def test_clusters_do_not_depend_on_the_order_of_assets() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    draw = random.Random(seed)
    for _ in range(50):
        names = [f"A{number}" for number in range(8)]
        half = np.triu(np.array([[draw.uniform(-1, 1) for _ in names] for _ in names]), 1)
        matrix = half + half.T + np.eye(8)
        order = draw.sample(range(8), 8)
        first = CorrelationClusters(0.85).update(names, matrix)
        second = CorrelationClusters(0.85).update([names[one] for one in order], matrix[np.ix_(order, order)])
        assert first == second
        members = [asset for group in first.values() for asset in group]
        assert len(members) == len(set(members))
        assert all(len(group) > 1 for group in first.values())


def test_a_link_ends_only_under_unlink() -> None:
    clusters = CorrelationClusters(0.7, 0.6)
    seen = [bool(clusters.update("AB", matrix_of("AB", AB=value))) for value in (0.65, 0.7, 0.6, 0.65, 0.59, 0.65)]
    assert seen == [False, True, True, True, False, False]
    other_way = CorrelationClusters(0.7, 0.6)
    assert other_way.update("AB", matrix_of("AB", AB=0.7))
    assert other_way.update("BA", matrix_of("BA", AB=0.6))


@pytest.mark.parametrize(("link", "unlink"), [(0, None), (1.1, None), (0.7, 0.8), (0.7, 0), (nan, None), (0.7, nan)])
def test_links_are_between_zero_and_one(link: float, unlink: float | None) -> None:
    with pytest.raises(FeedError, match="0 < unlink <= link <= 1"):
        CorrelationClusters(link, unlink)


def test_the_gate_takes_the_groups_of_a_recorded_crash(data_dir: Path) -> None:
    """December 2017: from unknown (all in one group) to what an hour of minutes says, each time through the gate."""
    assets = ("btc", "eth", "ltc", "xrp")
    series = [read_candles(data_dir / f"{one}usd-1m-2017-12-18_2017-12-26-bitfinex.csv.gz") for one in assets]
    names = sorted(one.asset for one in series)
    rolling, clusters = RollingCorrelation(names, 60), CorrelationClusters(0.7, 0.6)
    gate = Gate("vault", Limits.for_tier("growth"), clock=ManualClock("2017-12-18T00:00:00Z"))
    changes: dict[int, dict[str, list[str]]] = {}
    now: dict[str, list[str]] | None = None
    for moment in timeline(series):
        rolling.update(moment.closed)
        if moment.at_ms % (5 * MINUTE_MS):
            continue
        groups = clusters.update(names, rolling.matrix())
        if groups != now:
            gate.set_correlation_groups(groups)
            changes[moment.at_ms] = now = groups
    assert next(iter(changes.values())) == {"cluster-1": names}
    assert {} in changes.values(), "on quiet days nothing moves together minute by minute"
    crash = [groups for at, groups in changes.items() if at_ms("2017-12-22T13:00") < at < at_ms("2017-12-22T16:00")]
    assert {"cluster-1": names} in crash
