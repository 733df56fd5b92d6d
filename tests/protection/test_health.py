"""The health of a model: each statistic against a reference, each bound at its border, one alert a change."""

import json
from decimal import Decimal
from math import inf, isclose, nan

import empyrical
import numpy as np
import pandas as pd
import pytest
from gxrisk.protection import Bounds, ClosedTrade, HealthError, HealthMonitor, HealthSettings
from gxrisk.protection.health_settings import WATCHED
from gxrisk.protection.health_vitals import vitals
from gxrisk.vaults.performance import Curve
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

HOUR_MS = 3_600_000
OFF: dict[str, Bounds | None] = dict.fromkeys(WATCHED)


def trade(n: int, profit: float, equity: float = 1000.0, confidence: float | None = None) -> ClosedTrade:
    """A trade of half an hour that closed in the n-th hour."""
    return ClosedTrade(n * HOUR_MS + HOUR_MS // 2, profit, equity, 1800.0, confidence)


def run(profits: list[float], start: float = 1000.0) -> list[ClosedTrade]:
    """One trade an hour, each on the equity that the ones before left."""
    equity, made = start, []
    for n, profit in enumerate(profits):
        made.append(trade(n, profit, equity))
        equity += profit
    return made


PROFITS = st.lists(st.floats(-9, 9).map(lambda one: round(one, 3)), min_size=2, max_size=50)


# Statistics against references


@given(PROFITS)
def test_sharpe_is_the_reports_and_empyricals(profits: list[float]) -> None:
    trades = run(profits)
    returns = np.array([one.profit / one.equity for one in trades])
    assume(np.std(returns) > 1e-9)
    found = vitals(trades).sharpe
    assert found == pytest.approx(empyrical.sharpe_ratio(returns, annualization=24 * 365), rel=1e-6, abs=1e-9)
    assert found == pytest.approx(Curve.of(Decimal(one) for one in returns).sharpe, rel=1e-6, abs=1e-9)


@given(PROFITS, st.integers(2, 20))
def test_hours_without_a_trade_returned_nothing(profits: list[float], step: int) -> None:
    trades = [trade(n * step, one) for n, one in enumerate(profits)]
    returns = np.zeros((len(profits) - 1) * step + 1)
    returns[::step] = np.array(profits) / 1000.0
    assume(np.std(returns) > 1e-9)
    reference = empyrical.sharpe_ratio(returns, annualization=24 * 365)
    assert vitals(trades).sharpe == pytest.approx(reference, rel=1e-6, abs=1e-9)


def test_trades_of_one_hour_are_one_return() -> None:
    together = [ClosedTrade(n, 5.0, 1000.0 + 5 * n, 0.0) for n in range(3)]
    assert vitals([*together, trade(1, -3.0)]).sharpe == vitals([trade(0, 15.0), trade(1, -3.0)]).sharpe
    assert vitals(together).sharpe is None  # one hour has no deviation


@given(st.lists(st.floats(-9, -0.001), min_size=1, max_size=50))
def test_a_fall_from_the_start_is_empyricals_drawdown(profits: list[float]) -> None:
    trades = run(profits)
    returns = pd.Series([one.profit / one.equity for one in trades])
    assert vitals(trades).drawdown == pytest.approx(-empyrical.max_drawdown(returns), rel=1e-9)


DRAWDOWNS = [
    # what                                        profits             start   drawdown
    ("never above the start", [-10.0, -20.0, 5.0], 1000.0, 0.025),
    ("the highest point is the start, later ones are below zero", [-1e-9, -10.0], 1000.0, 0.01),
    ("a peak of nearly nothing", [1e-12, -50.0], 1000.0, 0.05),
    ("from a profit back to the start", [100.0, -100.0], 1000.0, 0.1),
    ("at its highest", [5.0, -3.0, 4.0], 1000.0, 0.0),
    ("all is lost", [-1000.0], 1000.0, 1.0),
    ("more than all is lost", [-1500.0], 1000.0, 1.5),
    ("nothing was there", [5.0], 0.0, inf),
    ("less than nothing was there", [5.0], -10.0, inf),
]


@pytest.mark.parametrize(("what", "profits", "start", "drawdown"), DRAWDOWNS, ids=[row[0] for row in DRAWDOWNS])
def test_drawdown_is_money_over_money_that_was_there(
    what: str, profits: list[float], start: float, drawdown: float
) -> None:
    assert vitals(run(profits, start)).drawdown == pytest.approx(drawdown, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_brier_is_scikit_learns(told: list[tuple[float, bool]]) -> None:
    found = vitals([trade(n, 1.0 if won else -1.0, confidence=said) for n, (said, won) in enumerate(told)])
    won = [int(one) for _, one in told]
    assert found.brier == pytest.approx(brier_score_loss(won, [said for said, _ in told], pos_label=1))
    rate = sum(won) / len(won)
    assert found.brier_base == pytest.approx(brier_score_loss(won, [rate] * len(won), pos_label=1))
    assert found.win_rate == pytest.approx(rate)


def test_what_was_not_told_is_not_known() -> None:
    found = vitals([trade(0, 1.0), trade(1, 0.0)])
    assert (found.brier, found.calibration, found.confidence, found.data_quality) == (None, None, None, None)
    assert (found.win_rate, found.duration_s) == (0.5, 1800.0)  # a scratch is not won
    assert vitals([]).drawdown is None


# Levels


def only(**bounds: Bounds) -> HealthSettings:
    """Settings that watch one statistic, from the first trade on."""
    return HealthSettings(window=20, trades_min=1, calm_trades=3, **{**OFF, **bounds})


BORDERS = [
    # drawdown   level         at a bound it is not beyond it
    (0.05, "low"),
    (0.0501, "elevated"),
    (0.10, "elevated"),
    (0.1001, "high"),
    (0.15, "high"),
    (0.1501, "critical"),
]


@pytest.mark.parametrize(("lost", "level"), BORDERS)
def test_each_bound_at_its_border(lost: float, level: str) -> None:
    health = HealthMonitor(only(drawdown=Bounds(0.05, 0.10, 0.15))).take(trade(0, -1000.0 * lost))
    assert health.level == level


def test_unknown_is_an_answer_until_there_are_enough_trades() -> None:
    monitor = HealthMonitor(HealthSettings(trades_min=3, window=3))
    answers = [monitor.take(trade(n, -100.0)) for n in range(3)]
    assert [one.level for one in answers] == [None, None, "critical"]
    assert answers[0].reason == "unknown: 1 of 3 trades that are needed"
    assert not answers[1].changes


def test_a_change_is_told_once_and_not_with_every_trade() -> None:
    monitor = HealthMonitor(only(drawdown=Bounds(0.05, 0.10, 0.15)))
    told = [change for n in range(10) for change in monitor.take(trade(n, -60.0 if n == 0 else 0.0)).changes]
    assert [(one.statistic, one.before, one.after) for one in told] == [("drawdown", "low", "elevated")]
    assert told[0].text == "drawdown: low to elevated, 0.06 is beyond 0.05 over the last 1 trades"


def test_a_value_that_swings_about_a_bound_does_not_flap() -> None:
    settings = HealthSettings(window=100, trades_min=1, **{**OFF, "drawdown": Bounds(0.05, 0.10, 0.15)})
    monitor = HealthMonitor(settings)
    monitor.take(trade(0, -50.0))
    changes = [
        change for n in range(1, 100) for change in monitor.take(trade(n, -1.0 if n % 2 else 1.0)).changes
    ]  # drawdown 5.1 %, 5.0 %, 5.1 %, ...
    assert len(changes) == 1


def test_a_level_falls_after_calm_trades_to_the_worst_of_them() -> None:
    monitor = HealthMonitor(only(drawdown=Bounds(0.05, 0.10, 0.15)))
    seen = [monitor.take(one).level for one in run([-160.0, 80.0, 50.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1000.0)]
    #        drawdown                               16 %    8 %   3 %   calm of three: the worst was elevated
    assert seen == ["critical", "critical", "critical", "elevated", "elevated", "elevated", "low", "low"]


def test_a_trade_as_bad_as_the_level_starts_the_calm_anew() -> None:
    monitor = HealthMonitor(only(drawdown=Bounds(0.05, 0.10, 0.15)))
    seen = [monitor.take(one).level for one in run([-60.0, 20.0, -20.0, 20.0, 1.0, 1.0], 1000.0)]
    #        drawdown                               6 %    4 %    6 %    4 %, then three calm ones
    assert seen == ["elevated"] * 5 + ["low"]


@given(st.lists(st.sampled_from([-30.0, -5.0, 0.0, 5.0, 30.0]), max_size=60))
def test_a_level_is_never_milder_than_the_trade_before_asked_for(profits: list[float]) -> None:
    settings = only(drawdown=Bounds(0.02, 0.05, 0.09))
    monitor, strict = HealthMonitor(settings), ("low", "elevated", "high", "critical")
    kept: list[ClosedTrade] = []
    for one in run(profits, 10_000.0):
        kept = [*kept, one][-settings.window :]
        drawdown = vitals(kept).drawdown
        assert drawdown is not None
        assert settings.drawdown is not None
        wanted, _ = settings.drawdown.level(drawdown, much_is_bad=True)
        health = monitor.take(one)
        assert health.level is not None
        assert strict.index(health.level) >= strict.index(wanted)
        assert len(health.changes) <= 1


def test_every_statistic_is_watched_and_named() -> None:
    bad = [ClosedTrade(n * HOUR_MS, -9.0 - n % 3, 1000.0, 50.0, confidence=0.2, data_quality=0.1) for n in range(20)]
    sure = [ClosedTrade(n * HOUR_MS, -9.0, 1000.0, 50.0, confidence=0.99) for n in range(20)]
    monitor = HealthMonitor(HealthSettings(duration_s=Bounds(10, 20, 30)))
    health = [monitor.take(one) for one in bad][-1]
    assert {name for name, level in health.levels.items() if level == "critical"} == {*WATCHED} - {"calibration"}
    calibrated = HealthMonitor()
    health = [calibrated.take(one) for one in sure][-1]
    assert health.levels["calibration"] == "critical"
    assert "data_quality" not in health.levels
    assert health.reason.endswith("unknown: data_quality")


# Restart, bad input


@given(st.lists(st.sampled_from([-90.0, -5.0, 0.0, 5.0, 90.0]), max_size=60), st.integers(0, 60))
def test_a_restart_changes_nothing(profits: list[float], cut: int) -> None:
    settings = HealthSettings(window=10, trades_min=5, calm_trades=2)
    straight = restarted = HealthMonitor(settings)
    trades = run(profits, 10_000.0)
    for one in trades[:cut]:
        straight.take(one)
    restarted = HealthMonitor.from_json(straight.to_json(), settings)
    for one in trades[cut:]:
        assert restarted.take(one) == straight.take(one)
    assert restarted.to_json() == straight.to_json()
    assert len(restarted.to_json()) < 65_536  # a note


WRONG = [
    "",
    "[]",
    '{"version": 2, "trades": [], "held": {}}',
    '{"version": 1, "trades": [[0, NaN, 1, 1, null, null]], "held": {}}',
    '{"version": 1, "trades": [[1, 1, 1, 1, null, null], [0, 1, 1, 1, null, null]], "held": {}}',
    '{"version": 1, "trades": [], "held": {"drawdown": ["fine", 0, "low"]}}',
    '{"version": 1, "trades": [], "held": {"sharp": ["low", 0, "low"]}}',
]


@pytest.mark.parametrize("text", WRONG)
def test_a_state_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(HealthError, match="this is no health"):
        HealthMonitor.from_json(text)


def test_a_state_of_other_settings_is_read_with_the_new_ones() -> None:
    monitor = HealthMonitor(HealthSettings(trades_min=5))
    for one in run([-50.0] * 9, 10_000.0):
        health = monitor.take(one)
    assert health.level == "critical"
    calm = HealthMonitor.from_json(monitor.to_json(), HealthSettings(window=20, trades_min=20))
    assert calm.health.level is None
    off = HealthMonitor.from_json(monitor.to_json(), HealthSettings(trades_min=5, **OFF))
    assert off.health.level == "low"


@pytest.mark.parametrize(
    "wrong",
    [{"profit": nan}, {"equity": inf}, {"duration_s": -1}, {"confidence": 1.01}, {"data_quality": nan}],
    ids=str,
)
def test_a_trade_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    row = {"at_ms": 0, "profit": 1.0, "equity": 1.0, "duration_s": 1.0, **wrong}
    with pytest.raises(HealthError, match=f"{next(iter(wrong))}: .* was given"):
        ClosedTrade(**row)  # type: ignore[arg-type]


def test_an_older_trade_is_refused() -> None:
    monitor = HealthMonitor()
    monitor.take(trade(1, 1.0))
    before = monitor.to_json()
    with pytest.raises(HealthError, match="or later is allowed"):
        monitor.take(trade(0, 1.0))
    assert monitor.to_json() == before
    assert json.loads(before)["version"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0},
        {"trades_min": 51},
        {"calm_trades": 1.5},
        {"drawdown": Bounds(0.2, 0.1, 0.3)},
        {"sharpe": Bounds(0, 1, 2)},
        {"win_rate": Bounds(nan, nan, nan)},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(HealthError, match=f"{next(iter(wrong))}: .* was given"):
        HealthSettings(**wrong)  # type: ignore[arg-type]


def test_profit_in_cents_or_in_dollars_is_the_same_health() -> None:
    dollars, cents = run([5.0, -3.0, 2.0, -9.0]), run([500.0, -300.0, 200.0, -900.0], 100_000.0)
    for name in ("sharpe", "drawdown", "win_rate"):
        assert isclose(getattr(vitals(dollars), name), getattr(vitals(cents), name), rel_tol=1e-9)
