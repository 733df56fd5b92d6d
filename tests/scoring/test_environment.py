"""The environment: Gymnasium's own checker, an exact mask, no look-ahead, rewards by hand, the fills of a replay."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gxrisk import Limits
from gxrisk.agent import Action, Hold, HoldPolicy, Portfolio, View
from gxrisk.agent.environment import ID, EnvironmentSettings, GateEnvironment
from gxrisk.agent.observation import BOUND, observation
from gxrisk.feeds import Candle, CandleSeries, read_candles, reconstruct
from gxrisk.replay import Costs, ReplayError, ReplaySettings, VaultPlan, replay
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

MINUTE_MS = 60_000
START_MS = 1_583_971_200_000
QUARTER_HOUR = EnvironmentSettings(bar_ms=900_000)
FREE = Costs(Decimal(0), Decimal(0))
HOLD, CLOSE, UNSURE_BUY, BUY, BIG_BUY, UNSURE_SELL, SELL = 0, 1, 2, 4, 6, 7, 9
CRASHES = ("btcusdt-5m-2020-03-01_2020-03-13-binance.csv.gz", "ethusdt-5m-2021-05-10_2021-05-26-binance.csv.gz")


def made(prices: Sequence[float | tuple[float, float, float, float]]) -> CandleSeries:
    """Minutes of (open, high, low, close) or a single price, after seventeen that end at 100 with a range of 2."""
    rows = [(100.0, 101.0, 99.0, 100.0)] * 17
    rows += [price if isinstance(price, tuple) else (price, price, price, price) for price in prices]
    candles = tuple(
        Candle("BTC", START_MS + n * MINUTE_MS, MINUTE_MS, *(Decimal(str(one)) for one in row), 0.0)
        for n, row in enumerate(rows)
    )
    return CandleSeries("BTC", MINUTE_MS, candles, "by hand")


def played(series: CandleSeries, numbers: Sequence[int], **more: Any) -> tuple[GateEnvironment, list[float]]:
    """The environment after some choices from the first candle on, and what each earned."""
    environment = GateEnvironment([series], replace(EnvironmentSettings(costs=FREE), **more))
    environment.reset(seed=0, options={"start": 0})
    return environment, [float(environment.step(np.int64(number))[1]) for number in numbers]


def crash(data_dir: Path, number: int = 0) -> CandleSeries:
    return read_candles(data_dir / CRASHES[number])


def coarse(limits: Limits, **more: Any) -> EnvironmentSettings:
    return EnvironmentSettings(limits=limits.replace(mark_age_s_max=300), **more)


def test_gymnasium_s_own_checker_finds_nothing(data_dir: Path) -> None:
    """As Gymnasium makes it, so that nothing is left out; its warnings are errors here."""
    for series, chosen in (
        (reconstruct(), QUARTER_HOUR),
        (crash(data_dir), coarse(Limits.for_tier("growth"))),
    ):
        check_env(gymnasium.make(ID, series=[series], settings=chosen).unwrapped)


def test_gymnasium_makes_it_by_name() -> None:
    environment = gymnasium.make(f"gxrisk.agent.environment:{ID}", series=[reconstruct()], settings=QUARTER_HOUR)
    seen, info = environment.reset(seed=1)
    assert seen in environment.observation_space
    assert environment.action_space.sample(info["action_mask"]) in np.flatnonzero(info["action_mask"])
    environment.close()
    environment.close()


def outcome_on_record(environment: GateEnvironment, since: int) -> list[str]:
    """What the gate's own record says of the agent's proposals since then."""
    assert environment.gate is not None
    events = environment.gate.events(since)
    return [
        "hold" if event["kind"] == "hold" else event["outcome"]
        for event in events
        if event["kind"] == "hold" or (event["kind"] == "decision" and event["origin"] == "agent")
    ]


def walk(environment: GateEnvironment, seed: int, options: dict[str, Any], steps: int) -> dict[tuple[str, bool], int]:
    """Choose at random, masked out or not, and hold each choice against the gate's own record of it."""
    random = np.random.default_rng(seed)
    environment.reset(seed=seed, options=options)
    seen: dict[tuple[str, bool], int] = {}
    for _ in range(steps):
        number = random.integers(len(environment.choices))
        choice, mask = environment.choices[number], environment.action_masks()
        assert environment.gate is not None
        gate = environment.gate
        held = bool(gate.snapshot().positions)
        since = gate.sequence
        _, _, terminated, truncated, info = environment.step(number)
        (recorded,) = outcome_on_record(environment, since)
        is_hold = choice.kind == "hold" or choice.confidence < 0.3
        if is_hold:
            assert (recorded, info["outcome"], mask[number]) == ("hold", "held", True)
        elif mask[number]:
            assert (recorded, info["outcome"]) == ("approved", "approved")
        elif choice.kind == "close" and not held:
            assert recorded == "hold"  # flat: there is nothing that could be asked
        else:
            assert (recorded, info["outcome"]) == ("rejected", "rejected")
        key = (choice.kind if not is_hold else "hold", bool(mask[number]))
        seen[key] = seen.get(key, 0) + 1
        if terminated or truncated:
            break
    return seen


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), start=st.integers(0, 2_000), tier=st.sampled_from(["capital_guard", "growth"]))
def test_the_mask_is_exact(seed: int, start: int, tier: str) -> None:
    """What is masked out would be refused, what is not is approved: by the gate's own record, wherever it stands."""
    chosen = replace(
        QUARTER_HOUR,
        bar_ms=MINUTE_MS,
        limits=Limits.for_tier(tier),
        fractions=(Decimal("0.05"), Decimal("0.15"), Decimal("0.4")),
    )
    walk(GateEnvironment([reconstruct()], chosen), seed, {"start": start}, 150)


@pytest.mark.parametrize("number", range(len(CRASHES)))
def test_the_mask_is_exact_through_recorded_crashes(data_dir: Path, number: int) -> None:
    """With halts, the day's loss and number of trades, and sizes: refusals of openings and of closes."""
    limits = Limits.for_tier("high_octane").replace(
        max_daily_trades=20, max_daily_loss="0.01", max_drawdown="0.9", losses_in_row_max=3, order_burst=1
    )
    environment = GateEnvironment(
        [crash(data_dir, number)],
        coarse(limits, steps_max=4_000, fractions=(Decimal("0.1"), Decimal("0.3"), Decimal("0.6"))),
    )
    seen = walk(environment, number, {"start": 0}, 4_000)
    for kind in ("open", "close"):
        assert seen[kind, True] > 20
        assert seen[kind, False] > 20
    assert environment.gate is not None
    rules = {
        violation["rule"]
        for event in environment.gate.events()
        if event["kind"] == "decision"
        for violation in event["violations"]
    }
    assert {"trading_state", "position_size", "concentration"} <= rules


def test_the_same_seed_and_choices_give_the_same_episode(data_dir: Path) -> None:
    def episode(seed: int) -> list[Any]:
        environment = GateEnvironment([reconstruct(), crash(data_dir)], coarse(Limits.for_tier("growth")))
        seen, info = environment.reset(seed=seed)
        told: list[Any] = [(seen.tolist(), info["at"])]
        environment.action_space.seed(seed)
        for _ in range(60):
            mask = environment.action_masks().astype(np.int8)
            seen, reward, terminated, truncated, info = environment.step(environment.action_space.sample(mask))
            told.append((seen.tolist(), reward, terminated, truncated, info["equity"], info["at"]))
            if terminated or truncated:
                break
        return told

    assert episode(3) == episode(3)
    starts = {episode(seed)[0][1] for seed in range(5)}
    assert len(starts) > 1


def test_no_look_ahead() -> None:
    """Another future changes nothing that was seen, masked or earned before it."""
    whole = reconstruct()
    cut = 900
    tail = tuple(
        replace(bar, open=bar.open * 2, high=bar.high * 2, low=bar.low * 2, close=bar.close * 2)
        for bar in whole.candles[cut:]
    )
    other = replace(whole, candles=whole.candles[:cut] + tail)
    known = datetime.fromtimestamp(whole.candles[cut - 1].end_ms / 1000, UTC)

    def told(series: CandleSeries) -> list[Any]:
        environment = GateEnvironment([series], EnvironmentSettings())
        seen, info = environment.reset(seed=0, options={"start": 600})
        random = np.random.default_rng(0)
        steps: list[Any] = [(seen.tolist(), info["action_mask"].tolist())]
        while datetime.fromisoformat(info["at"]) < known:
            seen, reward, *_, info = environment.step(random.integers(len(environment.choices)))
            steps.append((seen.tolist(), reward, info["action_mask"].tolist(), info["equity"]))
        return steps

    assert told(whole) == told(other)
    assert len(told(whole)) > 250


# what the next minute is, choice, what the step earns: the range is 2, so the stop is 4 from 100
HANDS = [
    ("hold earns nothing", 104, HOLD, 0.0),
    ("a loss avoided when unsure: one unit at the stop, half paid", (100, 100, 94, 94), UNSURE_BUY, 0.5),
    ("half a unit avoided", 98, UNSURE_BUY, 0.25),
    ("a gap through the stop", 92, UNSURE_BUY, 1.0),
    ("a gain missed when unsure", 102, UNSURE_BUY, -0.25),
    ("the other side: a loss avoided", 104, UNSURE_SELL, 0.5),
    ("the other side: a gain missed", 98, UNSURE_SELL, -0.25),
    ("nothing to close", 104, CLOSE, 0.0),
]


@pytest.mark.parametrize(("following", "number", "earned"), [row[1:] for row in HANDS], ids=[row[0] for row in HANDS])
def test_what_a_hold_earns_by_hand(following: Any, number: int, earned: float) -> None:
    environment, rewards = played(made([following, 100, 100, 100]), [number])
    assert rewards == [pytest.approx(earned)]
    assert environment.gate is not None
    assert environment.gate.snapshot().positions == {}


# the minutes after the choice, choice, confidence, outcome in units of risk of the first step that it is in
TRADES = [
    ((100, 104, 100, 104), BUY, 0.9, 1.0),
    ((100, 100, 98, 98), BUY, 0.9, -0.5),
    ((100, 100, 95, 97), BUY, 0.9, -1.0),  # at the stop
    ((100, 100, 98, 98), SELL, 0.9, 0.5),
    ((100, 102, 100, 102), SELL, 0.9, -0.5),
]


@pytest.mark.parametrize(("following", "number", "confidence", "outcome"), TRADES)
def test_what_a_trade_earns_by_hand(following: Any, number: int, confidence: float, outcome: float) -> None:
    _, rewards = played(made([following, 100, 100, 100]), [number])
    won = outcome > 0
    brier = 0.25 - (confidence - won) ** 2
    assert rewards == [pytest.approx(outcome + 0.5 * abs(outcome) * brier)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(97, 103), min_size=1, max_size=8))
def test_the_steps_of_a_trade_add_up_to_its_reward(path: list[float]) -> None:
    """Whatever way the price takes inside its stop: confidence is in the trade, not in each bar of it."""
    path = [round(price, 2) for price in path]
    series = made([100, *path, path[-1], path[-1], path[-1]])
    environment, rewards = played(series, [BUY, *[HOLD] * len(path), CLOSE, HOLD])
    assert environment.gate is not None
    outcome = float(environment.gate.snapshot().equity - 100_000) / (100 * 4)
    assert outcome == pytest.approx((path[-1] - 100) / 4, abs=1e-9)
    assert sum(rewards) == pytest.approx(environment.settings.reward.trade(outcome, 0.9), abs=1e-9)
    assert rewards[-1] == 0


def test_a_held_opening_that_the_gate_would_refuse_anyway_avoided_nothing() -> None:
    """Halted by a move of 10 %: to be unsure is no merit then."""
    prices = [100, 112, 112, 100, 100, 100]
    halted, rewards = played(made(prices), [HOLD, HOLD, UNSURE_BUY, UNSURE_BUY])
    assert halted.gate is not None
    assert halted.gate.state == "halted"
    assert rewards == [0, 0, 0, 0]


def test_costs_are_the_replay_s() -> None:
    """Fees and slippage of opening and closing at an unchanged price, as what they are of the risk."""
    costs = Costs(Decimal(50), Decimal(10))
    environment, rewards = played(made([100] * 6), [BUY, CLOSE, HOLD], costs=costs)
    assert environment.gate is not None
    lost = 100_000 - environment.gate.snapshot().equity
    assert lost == 100 * (Decimal("0.5") * 2 + Decimal("0.1005") + Decimal("0.0995"))
    made_of_it = -float(lost) / (100 * 4)
    assert sum(rewards) == pytest.approx(made_of_it * (1 - 0.5 * (0.25 - 0.81)))
    assert rewards[2] == 0


class Script:
    """The environment's choices as a strategy, from the first bar at which it asks."""

    def __init__(self, environment: GateEnvironment, numbers: Sequence[int]) -> None:
        self.environment = environment
        self.numbers = list(numbers)

    def decide(self, view: View) -> Action:
        if len(view.candles) < 17 or not self.numbers:
            return Hold(1.0, "not asked")
        return self.environment.choices[self.numbers.pop(0)].action(view)


def test_it_is_the_replay_s_account(data_dir: Path) -> None:
    """The same choices in `replay`: the same equity to the last digit after six hundred bars of a crash."""
    whole = crash(data_dir)
    series = replace(whole, candles=whole.candles[2_700:3_330])
    chosen = coarse(Limits.for_tier("growth"))
    environment = GateEnvironment([series], chosen)
    environment.reset(seed=0, options={"start": 0})
    random = np.random.default_rng(11)
    numbers: list[int] = []
    is_over = False
    while not is_over:
        numbers.append(int(random.choice(np.flatnonzero(environment.action_masks()))))
        *_, terminated, truncated, _info = environment.step(np.int64(numbers[-1]))
        is_over = terminated or truncated
    assert environment.gate is not None
    plan = VaultPlan("growth", chosen.limits)
    cut = replace(series, candles=series.candles[: len(numbers) + 17 - (not terminated)])
    (vault,) = replay(
        [cut], lambda: HoldPolicy(Script(environment, numbers)), [plan], ReplaySettings(correlated=False)
    ).vaults
    assert len(numbers) > 300
    assert vault.fills > 30
    assert vault.equity == environment.gate.snapshot().equity


def test_it_ends_when_the_drawdown_breaker_trips() -> None:
    limits = Limits.for_tier("growth").replace(max_drawdown="0.001")
    falling = made([100, (100, 100, 97, 97), 97, 97, 97])
    environment = GateEnvironment([falling], EnvironmentSettings(limits=limits, costs=FREE))
    environment.reset(seed=0, options={"start": 0})
    assert environment.step(np.int64(BIG_BUY))[2:4] == (False, False)
    assert environment.step(np.int64(HOLD))[2:4] == (True, False)
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(np.int64(HOLD))
    environment.reset(seed=0)
    environment.step(np.int64(HOLD))


def test_it_ends_when_nothing_is_left() -> None:
    """A short, ten times its stop away within one minute."""
    limits = Limits.for_tier("high_octane").replace(max_drawdown=1)
    gap = made([100, 1000, 1000, 1000, 1000])
    environment = GateEnvironment([gap], EnvironmentSettings(limits=limits, fractions=(Decimal("0.5"),), costs=FREE))
    environment.reset(seed=0, options={"start": 0})
    sell = next(n for n, one in enumerate(environment.choices) if one.side == "sell" and one.confidence == 0.9)
    environment.step(np.int64(sell))
    _, reward, terminated, _, info = environment.step(np.int64(HOLD))
    assert (terminated, info["equity"]) == (True, 0)
    assert float(reward) == pytest.approx(-10 * (1 + 0.5 * (0.81 - 0.25)))


def test_it_is_cut_where_the_candles_end_or_the_steps_do() -> None:
    environment = GateEnvironment([made([100] * 4)], EnvironmentSettings())
    environment.reset(seed=0)
    ends = [environment.step(np.int64(HOLD))[2:4] for _ in range(5)]
    assert ends == [(False, False)] * 4 + [(False, True)]
    environment = GateEnvironment([made([100] * 4)], EnvironmentSettings(steps_max=2))
    environment.reset(seed=0)
    assert [environment.step(np.int64(HOLD))[3] for _ in range(2)] == [False, True]


def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(ReplayError, match="no candles"):
        GateEnvironment([])
    with pytest.raises(ReplayError, match="BTC has 18 candles, an episode needs 21"):
        GateEnvironment([made([100])])
    with pytest.raises(ReplayError, match="mark_age_s_max"):
        GateEnvironment([replace(made([100] * 9), interval_ms=300_000)])
    for name, values in (
        ("steps_max", (0, -1)),
        ("fractions", ((), (Decimal(0),), (Decimal(-1),))),
        ("confidences", ((), (0.0,), (1.1,), (float("nan"),))),
        ("stop_atr", (0, float("inf"), float("nan"))),
    ):
        for value in values:
            with pytest.raises(ReplayError, match=name):
                EnvironmentSettings(**{name: value})  # type: ignore[arg-type]
    environment = GateEnvironment([made([100] * 9)])
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(np.int64(0))
    with pytest.raises(ReplayError, match="start 6 was given, 0 to 5"):
        environment.reset(options={"start": 6})
    environment.reset()
    for action in (-1, len(environment.choices), 0.5):
        with pytest.raises(gymnasium.error.InvalidAction):
            environment.step(action)  # type: ignore[arg-type]


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=30), st.floats(0, 1e6) | st.none())
def test_every_view_can_be_seen(prices: list[float], atr: float | None) -> None:
    series = made(prices)
    candles = series.candles[17:]
    view = View("BTC", None, candles, atr, Portfolio(Decimal(0), {"BTC": Decimal(3)}, {"BTC": Decimal(1)}, "halted"))  # type: ignore[arg-type]
    seen = observation(view)
    assert seen.dtype == np.float32
    assert np.isfinite(seen).all()
    assert (abs(seen) <= BOUND).all()


def test_without_gymnasium_the_rest_works_and_the_error_names_the_extra() -> None:
    source = """
import sys
sys.modules["gymnasium"] = None
import gxrisk, gxrisk.agent, gxrisk.protection
try:
    import gxrisk.agent.environment
except gxrisk.GxriskError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "the environment needs Gymnasium: pip install 'gxrisk[rl]'\n"
