"""Adaptive limits: what tightens them, how slowly they loosen, how seldom they write, and the tier above them."""

from collections.abc import Sequence
from decimal import Decimal as D
from itertools import pairwise
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from gxrisk import Gate, Limits, ManualClock, order
from gxrisk.feeds import RealisedVolatility, WilderAtr, read_candles
from gxrisk.protection import AdaptiveLimits, PositionSizer, RiskScale, estimate_edge
from gxrisk.protection.adaptive import RISK_CEILING, t_statistic
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from .accounts import BOUNDED, START, decimals, vault

GROWTH = Limits.for_tier("growth")
GOOD = [0.01, -0.004] * 10
HOUR = 3600


class Desk:
    """A gate with 10,000, its clock, and the guard that steers it."""

    def __init__(self, limits: Limits = GROWTH, **settings: object) -> None:
        self.clock = ManualClock(START)
        self.gate = Gate("adaptive", limits, clock=self.clock)
        self.gate.deposit(10_000)
        self.limits = limits
        self.guard = self.restarted(**settings)

    def restarted(self, **settings: object) -> AdaptiveLimits:
        return AdaptiveLimits(self.limits, **{"volatility_normal": "0.6", **settings})  # type: ignore[arg-type]

    def steer(self, returns: Sequence[float] = GOOD, volatility: float | None = 0.5, after_s: float = 0) -> RiskScale:
        self.clock.advance(after_s)
        found = self.guard.steer(self.gate, returns=returns, volatility=volatility)
        assert self.gate.snapshot().risk_scale == found.scale
        return found

    @property
    def records(self) -> int:
        """How often the gate was told."""
        return sum(event["kind"] == "risk_scale" for event in self.gate.events())


TARGETS = [
    ("all is well", GOOD, 0.6, "1", "nothing asks for less", "low"),
    ("twice the volatility", GOOD, 1.2, "0.5", "volatility is 120 %, 60 % is normal", "elevated"),
    ("an unproven record", [0.01] * 9, 0.6, "0.5", "9 trades are known, 10 are needed", "elevated"),
    ("no trade yet", [], 0.6, "0.5", "0 trades are known, 10 are needed", "elevated"),
    ("losses that are significant", [-0.01, -0.02] * 10, 0.6, "0.1", "the last 20 trades have a t-stat", "critical"),
    ("losses that are all the same", [-0.01] * 10, 0.6, "0.1", "the last 10 trades", "critical"),
    ("few losses, but clear ones", [-0.01, -0.011], 0.6, "0.1", "the last 2 trades", "critical"),
    ("old losses are forgotten", [-0.5] * 50 + GOOD, 0.6, "1", "nothing asks for less", "low"),
    ("volatility unknown", GOOD, None, "0.1", "volatility is None", "critical"),
    ("volatility is no number", GOOD, nan, "0.1", "volatility is nan", "critical"),
    ("volatility is infinite", GOOD, inf, "0.1", "volatility is inf", "critical"),
    ("volatility below zero", GOOD, -0.1, "0.1", "volatility is -0.1", "critical"),
    ("a return is no number", [*GOOD, nan], 0.6, "0.1", "a trade's return is not finite", "critical"),
]


@pytest.mark.parametrize(("name", "returns", "volatility", "scale", "reason", "level"), TARGETS)
def test_what_tightens(
    name: str, returns: list[float], volatility: float | None, scale: str, reason: str, level: str
) -> None:
    found = Desk().steer(returns, volatility)
    assert (found.scale, found.target, found.level) == (D(scale), D(scale), level)
    assert found.reason.startswith(reason)
    assert found.risk == D("0.02") * D(scale)


def test_a_loss_of_the_day_tightens_as_money_by_money() -> None:
    """4 % of 10,000 may be lost in a day: 200 of 400 leave half, whatever the account's size."""
    desk = Desk()
    desk.gate.funding("BTC", -200)
    found = desk.steer()
    assert (found.scale, found.reason) == (D("0.5"), "the day has lost 200 of 400 allowed")


def test_a_drawdown_tightens_in_proportion_to_what_is_left() -> None:
    """15 % may be lost in growth: 6 % over some days leave 60 %."""
    desk = Desk()
    for _ in range(2):
        desk.gate.funding("BTC", -300)
        desk.clock.advance(86_400)
    found = desk.steer()
    assert (found.scale, found.reason) == (D("0.6"), "the drawdown is 6 %")


def test_a_vault_without_money_divides_by_nothing() -> None:
    gate = Gate("bare", GROWTH)
    found = AdaptiveLimits(GROWTH, volatility_normal=1).update(gate.snapshot(), returns=GOOD, volatility=1)
    assert (found.scale, found.reason) == (D("0.1"), "the day has lost 0 of 0 allowed")


def test_tightening_is_at_once_and_loosening_takes_days() -> None:
    """From 0.25 back to 1 at a quarter a day: three days, looked at each hour."""
    desk = Desk()
    assert desk.steer(volatility=2.4).scale == D("0.25")
    scales = [desk.steer(after_s=HOUR).scale for _ in range(72)]
    assert scales[0] == D("0.25")
    assert scales[-2] < 1 == scales[-1]
    for hour, scale in enumerate(scales, 1):
        assert scale <= D("0.25") + D("0.25") * hour / 24 < scale + D("0.05") or scale == 1
    assert desk.steer(volatility=2.4, after_s=1).scale == D("0.25")


def test_time_that_nobody_looked_at_counts_as_an_hour() -> None:
    desk = Desk()
    desk.steer(volatility=6)
    found = desk.steer(after_s=30 * 86_400)
    assert found.scale == D("0.1")
    assert (found.target, found.reason) == (1, "loosening slowly, by 25 % a day")


def test_small_changes_are_not_recorded() -> None:
    """Volatility that swings about normal, looked at each minute for two days."""
    desk = Desk()
    generator = np.random.default_rng(5)  # seed 5
    for swing in generator.normal(0, 0.004, 2880):
        desk.steer(volatility=0.75 + swing, after_s=60)
    assert D("0.7") <= desk.gate.snapshot().risk_scale <= D("0.8")
    assert 1 <= desk.records <= 2 + 2 * 2 * 5  # two days loosen by half at most: ten steps up, each paid back


@BOUNDED
@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(0, 7200)), min_size=1, max_size=60))
def test_records_are_bounded_by_what_was_loosened(path: list[tuple[float, int]]) -> None:
    desk = Desk()
    for volatility, seconds in path:
        desk.steer(volatility=volatility, after_s=seconds)
    loosened = 0.25 / 86_400 * sum(min(seconds, 3600) for _, seconds in path)
    assert desk.records <= 20 + 2 * (loosened / 0.05)


@BOUNDED
@given(
    st.lists(
        st.tuples(st.lists(st.floats(-0.2, 0.2), max_size=25), st.none() | st.floats(-1, 5), st.integers(0, 40_000)),
        min_size=2,
        max_size=40,
    )
)
def test_never_looser_than_target_tier_or_rate(path: list[tuple[list[float], float | None, int]]) -> None:
    desk = Desk()
    found = []
    for returns, volatility, seconds in path:
        found.append((desk.steer(returns, volatility, after_s=seconds), seconds))
    for one, _ in found:
        assert D("0.05") <= one.scale <= one.target <= 1
        assert 0 <= one.risk <= RISK_CEILING
    allowed = D(1)
    for (before, _), (after, seconds) in pairwise(found):
        allowed = min(before.target, allowed) + D("0.25") * min(seconds, 3600) / 86_400
        assert after.scale <= allowed
        allowed = min(allowed, after.target)


def test_t_is_students_as_scipy_has_it() -> None:
    generator = np.random.default_rng(3)  # seed 3
    for size in (2, 5, 20, 100):
        sample = generator.normal(0.001, 0.02, size)
        assert t_statistic(sample.tolist()) == pytest.approx(ttest_1samp(sample, 0).statistic)
    assert (t_statistic([0.0, 0.0]), t_statistic([0.5, 0.5]), t_statistic([-0.5, -0.5])) == (0, inf, -inf)


def test_a_restart_goes_on_from_the_gates_scale() -> None:
    desk = Desk()
    desk.steer(volatility=3)
    desk.guard = desk.restarted()
    assert desk.steer(after_s=86_400).scale == D("0.2")
    assert desk.steer(after_s=HOUR).scale == D("0.2")


def test_a_person_who_tightens_is_not_overruled_and_one_who_loosens_is() -> None:
    desk = Desk()
    desk.steer(volatility=1.2)
    desk.gate.set_risk_scale("0.33")
    assert desk.steer(after_s=HOUR).scale == D("0.33")
    desk.gate.set_risk_scale(1)
    assert desk.steer(after_s=60).scale == D("0.33")


def test_from_a_scale_below_its_own_least_it_climbs_as_slowly() -> None:
    desk = Desk()
    desk.gate.set_risk_scale("0.001")
    scales = [desk.steer(after_s=997).scale for _ in range(40)]
    assert (scales[0], scales[15]) == (D("0.001"), D("0.001"))
    assert D("0.1") <= scales[-1] <= D("0.12")


def test_update_alone_sets_nothing() -> None:
    desk = Desk()
    found = desk.guard.update(desk.gate.snapshot(), returns=GOOD, volatility=1.2)
    assert (found.scale, found.changed, desk.gate.snapshot().risk_scale) == (D("0.5"), True, 1)
    again = desk.guard.update(desk.gate.snapshot(), returns=GOOD, volatility=0.5)
    assert (again.scale, again.changed) == (D("0.5"), True)


WRONG = [
    ({"risk_base": "0.051"}, "risk_base: 0.051 was given, 0 to 0.05 is allowed"),
    ({"volatility_normal": 0}, "volatility_normal: 0 was given, 0.000001 to 1000 is allowed"),
    ({"scale_min": 0}, "scale_min: 0 was given, 0.001 to 1 is allowed"),
    ({"trades_min": 21}, "trades_min: 21 was given, a whole number from 2 to 20 is allowed"),
    ({"step": nan}, "step: nan was given, 0.001 to 1 is allowed"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_settings_say_what_is_allowed(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match="was given") as raised:
        Desk(**settings)  # type: ignore[arg-type]
    assert str(raised.value) == message


@BOUNDED
@given(
    st.sampled_from(["capital_guard", "growth", "high_octane"]),
    st.lists(
        st.tuples(
            st.lists(st.floats(-0.1, 0.1), min_size=12, max_size=12),
            st.floats(0.1, 4),
            decimals("97", "103", 2),
            st.sampled_from(["buy", "sell"]),
            decimals("1", "3", 2),
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_exposure_never_exceeds_the_scaled_tier(tier: str, path: list[tuple[list[float], float, D, str, D]]) -> None:
    """Largest sizes through a real gate: what each approval leaves is within the tier's limits times the scale."""
    desk = Desk(Limits.for_tier(tier))
    sizer = PositionSizer(kelly_share=1, buffer=0, fraction_max=10, volatility_max=1, risk_max="0.05")
    for number, (returns, volatility, price, side, away) in enumerate(path):
        desk.gate.mark("BTC", price, atr=1)
        found = desk.steer(returns, volatility, after_s=60)
        desk.gate.mark("BTC", price, atr=1)
        stop = price - away if side == "buy" else price + away
        wish = order("BTC", side, 10**9, stop_loss=stop, confidence=1, reasoning="greedy")  # type: ignore[arg-type]
        size = sizer.size(wish, desk.gate.agent(), edge=1, volatility=0.1, scale=found.scale)
        before = desk.gate.snapshot()
        assert size.quantity * away <= RISK_CEILING * found.scale * before.equity
        if not size.quantity:
            continue
        decision = desk.gate.agent().authorize(wish.replace(quantity=size.quantity))
        assert decision
        after = desk.gate.snapshot()
        limits, scaled = desk.limits, after.equity * found.scale
        assert size.quantity * price <= limits.max_position_fraction * scaled
        assert after.exposures["BTC"] <= limits.max_concentration * scaled
        desk.gate.apply_fill(decision.order_id or "", f"{number}", size.quantity, price)


def test_through_the_recorded_crash_the_scale_falls_first_and_returns_slowly(data_dir: Path) -> None:
    """BTC, 15 February to 14 April 2020, by the hour, its own volatility, a trade's return each day."""
    rows = read_candles(data_dir / "btcusdt-1h-2020-02-15_2020-04-15-binance.csv.gz").candles
    clock = ManualClock(rows[0].start_ms * 1_000_000)
    gate = Gate("march", GROWTH, clock=clock)
    gate.deposit(10_000)
    guard, volatility, atr = AdaptiveLimits(GROWTH, volatility_normal="0.8"), RealisedVolatility(48), WilderAtr()
    scales: dict[int, D] = {}
    for bar in rows:
        clock.set(bar.end_ms * 1_000_000)
        gate.mark("BTC", bar.close, atr=atr.update(float(bar.high), float(bar.low), float(bar.close)))
        scales[bar.end_ms] = guard.steer(gate, returns=GOOD, volatility=volatility.update(bar)).scale
    crash_ms = 1_584_007_200_000 + 3_600_000  # the end of the hour of -18 %
    assert max(scales[at] for at in scales if crash_ms - 86_400_000 <= at < crash_ms) == 1
    assert scales[crash_ms] < D("0.5")
    assert min(scales.values()) <= D("0.2")
    assert max(scales[at] for at in scales if crash_ms <= at <= crash_ms + 3 * 86_400_000) < D("0.7")
    ups = [(before, after) for before, after in pairwise(scales.values()) if after > before]
    assert all(after - before <= D("0.06") for before, after in ups)
    records = sum(event["kind"] == "risk_scale" for event in gate.events())
    assert records == sum(before != after for before, after in pairwise(scales.values())) + 1 < len(rows) / 10


@pytest.mark.parametrize(
    ("returns", "factor"),
    [
        ([1e308, -1.7e308] * 10, "below 1"),
        ([-1.7e308] * 20, "least"),
        ([1.7e308] * 20, "one"),
        ([1e308, 1.0, 2.0] * 7, "one"),
        ([5e-324, -5e-324] * 10, "one"),
        ([float("nan")] * 20, "least"),
        ([float("-inf")] * 20, "least"),
        ([10**400] * 20, "least"),
    ],
)
def test_returns_that_no_square_holds_scale_and_never_raise(returns: list[float], factor: str) -> None:
    gate = vault(10_000)
    adaptive = AdaptiveLimits(gate.limits, volatility_normal=1)
    found = adaptive.update(gate.snapshot(), returns=returns, volatility=0.5)
    assert adaptive.scale_min <= found.scale <= 1
    if factor == "least":
        assert found.scale == adaptive.scale_min
    elif factor == "one":
        assert found.scale == 1
    else:
        assert adaptive.scale_min < found.scale < 1


@pytest.mark.parametrize("size", [1.0, 1e3, 1e200, 1e307])
def test_an_edge_of_huge_returns_is_that_of_small_ones(size: float) -> None:
    small = estimate_edge([0.02, -0.01] * 30)
    found = estimate_edge([0.02 * size, -0.01 * size] * 30)
    assert small is not None
    assert found is not None
    assert found.mean == pytest.approx(small.mean * size)
    assert found.deviation == pytest.approx(small.deviation * size)
