"""The pipeline: each stage, their order, that guards only ever make an order stricter, and what a broken one does."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from gxrisk import Gate, Limits, ManualClock, Order, order
from gxrisk.agent import Portfolio, View
from gxrisk.agent.strategy import REASONING_CHARS_MAX
from gxrisk.feeds import Candle
from gxrisk.protection import (
    Bounds,
    ClosedTrade,
    FailurePredictor,
    HealthMonitor,
    HealthSettings,
    ProtectionPipeline,
    ProtectionSettings,
    pipeline_of,
)
from gxrisk.protection.pipeline import Case, Finding, Record
from gxrisk.protection.pipeline_guards import ORDER, after_order, annual_volatility
from gxrisk.protection.pipeline_reasoning import explained, refusal
from gxrisk.protection.settings import HealthGuardSettings, PortfolioSettings, SizeSettings
from hypothesis import given
from hypothesis import strategies as st

from .accounts import BOUNDED, START, Held, decimals, held, idea, portfolios, vault

D = Decimal
START_MS = 1_584_014_400_000
HOUR_MS = 3_600_000
ALONE: dict[str, Any] = dict.fromkeys(name for name, _ in ORDER)


def bars(count: int = 120, step: float = 0.004, seed: int = 1) -> tuple[Candle, ...]:
    """An hourly random walk that ends at 100."""
    moves = np.random.default_rng(seed).normal(0, step, count)
    closes = 100 * np.exp(np.cumsum(moves) - moves.sum())
    made = []
    for number, close in enumerate(closes):
        price, span = D(str(round(float(close), 4))), D("0.5")
        made.append(
            Candle("BTC", START_MS + (number - count) * HOUR_MS, HOUR_MS, price, price + span, price - span, price, 9.0)
        )
    return tuple(made)


def view(candles: tuple[Candle, ...] | None = None, atr: float | None = 1.0) -> View:
    """BTC at noon."""
    return View(
        "BTC", datetime(2020, 3, 12, 12, tzinfo=UTC), bars() if candles is None else candles, atr, Portfolio(D(0))
    )


def only(**stages: Any) -> ProtectionPipeline:
    """A pipeline of these stages alone."""
    return pipeline_of(ProtectionSettings(**{**ALONE, "breakers": False, **stages}))


def marked(**more: Any) -> Gate:
    """An empty vault of 10,000 that knows BTC at 100, which moves by 1."""
    gate = vault(more.pop("deposit", 10_000), **more)
    gate.mark("BTC", 100, atr=1)
    return gate


def trades(profits: Sequence[float], settings: HealthSettings | None = None) -> Record:
    """A record of hourly trades on 10,000, each of 1,000 worth."""
    monitor = HealthMonitor(settings)
    for number, profit in enumerate(profits):
        health = monitor.take(ClosedTrade(number * HOUR_MS, profit, 10_000.0, 1800.0, 0.6))
    return Record(tuple(one / 1000 for one in profits), 1800.0, health)


# The whole


def test_the_order_of_the_stages_is_one_list() -> None:
    file = {"file": "x", "sha256": "0" * 64}
    everything = ProtectionSettings(drift=file, predictor=file)  # type: ignore[arg-type]
    names = [name for name, _ in pipeline_of(everything).guards]
    assert names == ["breakers", "adaptive", "stop", "size", "portfolio", "health", "drift", "predictor", "gate"]
    assert set(ALONE) < set(ProtectionSettings.model_fields), "each stage is named as its settings"
    for left_out in ALONE:
        fewer = everything.model_copy(update={left_out: False if left_out == "breakers" else None})
        assert [name for name, _ in pipeline_of(fewer).guards] == [one for one in names if one != left_out]


def test_all_guards_pass_and_change_a_sane_order_and_say_so() -> None:
    found = pipeline_of(ProtectionSettings()).assess(idea(quantity=20, stop_loss=90), view(), marked())
    assert found.approved
    assert found.refused_by is None
    changed = [str(one) for one in found.reasons if one.did == "changed"]
    assert [one.split(":")[0] for one in changed] == ["stop", "size"]
    assert "stop 90 to " in changed[0]
    assert changed[1] == "size: size 20 to 5, no edge is known: 5 % of equity, the floor"
    assert found.quantity == 5
    assert 96 <= found.order.stop_loss < 98
    assert found.level == "low"


def test_a_refusal_ends_it_and_tells_which_guard() -> None:
    asked = []

    def says(name: str, finding: Finding) -> tuple[str, Any]:
        return name, lambda case: asked.append((name, case.order.quantity)) or finding

    pipeline = ProtectionPipeline(
        [
            says("first", Finding("half", "elevated", quantity_max=D(10))),
            says("second", Finding("no: 3 of 2", "high", refuses=True)),
            says("third", Finding("never asked", "critical")),
        ]
    )
    found = pipeline.assess(idea(quantity=20), view(), marked())
    assert asked == [("first", 20), ("second", 10)], "each sees what is left by those before"
    assert (found.approved, found.refused_by, found.level, found.quantity) == (False, "second", "high", 0)
    wanted = idea(quantity=20)
    text = refusal(wanted, found)
    assert text == "not opened: buy 20 BTC, stop 98; second: no: 3 of 2; first: size 20 to 10, half. The model: a test"
    assert len(refusal(wanted.replace(reasoning="x" * 4000), found)) == REASONING_CHARS_MAX


def test_a_changed_order_says_what_was_changed_within_what_a_record_holds() -> None:
    pipeline = ProtectionPipeline([("cap", lambda case: Finding("much " * 200, quantity_max=D(1)))])
    for said in ("short", "x" * 4000):
        found = pipeline.assess(idea(quantity=20, reasoning=said), view(), marked())
        left = explained(found)
        assert left.reasoning.startswith(said[:3000])
        assert "[cap: size 20 to 1, much" in left.reasoning
        assert len(left.reasoning) <= REASONING_CHARS_MAX
        assert (left.quantity, left.confidence, left.stop_loss) == (1, 1, 98)


@pytest.mark.parametrize(
    "broken",
    [
        lambda case: 1 / 0,
        lambda case: None,
        lambda case: Finding("NaN", quantity_max=D("NaN")),
        lambda case: Finding("NaN", stop_loss=D("NaN")),
        lambda case: Finding("text", quantity_max="much"),  # type: ignore[arg-type]
        lambda case: Finding("negative stop", stop_loss=D(-5)).missing,  # type: ignore[attr-defined]
    ],
)
def test_a_guard_that_raises_or_answers_nonsense_refuses(broken: Any) -> None:
    no_stop = idea(quantity=1, stop_loss=None)
    found = ProtectionPipeline([("odd", broken), ("next", lambda case: Finding("fine"))]).assess(
        no_stop, view(), marked()
    )
    assert (found.approved, found.refused_by, found.level) == (False, "odd", "critical")
    assert [one.guard for one in found.failed] == ["odd"]
    assert "raised" in found.failed[0].text


def test_exits_are_never_touched() -> None:
    """Whatever the state, whatever the guards."""
    gate = vault(1_000, [held("BTC", 90, 100, 50)])
    gate.kill("a test")
    leave = order("BTC", "sell", 90, confidence=0.1, reasoning="out", reduce_only=True)
    raising = ProtectionPipeline([("odd", lambda case: 1 / 0)])  # type: ignore[arg-type,return-value]
    for pipeline in (raising, pipeline_of(ProtectionSettings())):
        found = pipeline.assess(leave, view(()), gate)
        assert found.approved
        assert found.order is leave


findings = st.one_of(
    st.none(),
    st.builds(
        Finding,
        reason=st.text(max_size=20),
        level=st.sampled_from([None, "low", "high"]),
        refuses=st.sampled_from([False, False, False, True]),
        quantity_max=st.none() | decimals("-5", "400", 12),
        stop_loss=st.none() | decimals("80", "120", 11) | st.just(D("NaN")),
    ),
)
wishes = st.builds(
    idea,
    side=st.sampled_from(["buy", "sell"]),
    quantity=decimals("0.001", "300", 3),
    stop_loss=st.none() | decimals("90", "110", 2),
    leverage=st.sampled_from([1, 2, 5, 9]),
    confidence=decimals("0", "1", 2),
    price=st.none() | decimals("90", "110", 1),
)


@given(answers=st.lists(findings, max_size=4), wish=wishes, positions=portfolios(2))
@BOUNDED
def test_whatever_guards_answer_an_order_only_becomes_stricter(
    answers: list[Finding | None], wish: Order, positions: list[Held]
) -> None:
    """Never larger, never a wider stop, never other in anything else; approved only where the gate approves it too."""
    gate = vault(20_000, positions)
    gate.mark("BTC", 100, atr=1)
    pipeline = ProtectionPipeline((str(n), lambda case, one=one: one) for n, one in enumerate(answers))  # type: ignore[misc]
    before = gate.sequence
    found = pipeline.assess(wish, view(), gate)
    left = found.order
    assert 0 < left.quantity <= wish.quantity
    kept = ("asset", "side", "leverage", "price", "confidence", "take_profit", "reduce_only", "reasoning")
    assert all(getattr(left, name) == getattr(wish, name) for name in kept)
    if wish.stop_loss is not None:
        assert left.stop_loss is not None
        assert left.stop_loss >= wish.stop_loss if wish.side == "buy" else left.stop_loss <= wish.stop_loss
    if found.approved:
        assert gate.validate_order(left).approved
        assert all(one is not None and not one.refuses for one in answers)
        assert not answers or left.quantity <= min(one.quantity_max or left.quantity for one in answers if one)
    assert gate.sequence == before, "nothing is recorded by asking"


@given(wish=wishes, positions=portfolios(2), profits=st.lists(st.floats(-30, 30), max_size=40))
@BOUNDED
def test_the_real_guards_approve_nothing_that_the_gate_refuses(
    wish: Order, positions: list[Held], profits: list[float]
) -> None:
    gate = vault(20_000, positions)
    gate.mark("BTC", 100, atr=1)
    record = trades(profits) if profits else None
    found = pipeline_of(ProtectionSettings()).assess(wish, view(), gate, record)
    assert not found.failed
    if found.approved:
        assert gate.validate_order(found.order).approved
        assert found.order.quantity <= min(wish.quantity, gate.max_quantity(found.order))
        assert found.order.quantity * 100 <= D("0.25") * gate.snapshot().equity, "the sizer's hard cap"


# Each stage


def test_breakers_name_what_tripped() -> None:
    gate = marked()
    gate.mark("BTC", 85, atr=1)
    found = only(breakers=True).assess(idea(quantity=1, stop_loss=84), view(), gate)
    assert found.refused_by == "breakers"
    assert "halted: price_move (" in found.reasons[0].text
    gate = marked()
    gate.pause()
    assert only(breakers=True).assess(idea(quantity=1), view(), gate).reasons[0].text == "the vault is halted: paused"


def test_adaptive_refuses_while_volatility_is_unknown_and_tells_the_scale() -> None:
    gate, stage = marked(), only(adaptive={})
    assert stage.assess(idea(quantity=1), view(bars(24)), gate).refused_by == "adaptive"
    assert stage.assess(idea(quantity=1), view(()), gate).refused_by == "adaptive"
    gate.set_risk_scale("0.4")
    found = stage.assess(idea(quantity=1), view(bars(25)), gate)
    assert (found.approved, found.level, found.reasons[0].text) == (True, "high", "40 % of the limits may be used")


def test_volatility_is_the_figure_of_the_last_day() -> None:
    """Of hours the last 24 returns, against numpy; the further past does not matter."""
    candles = bars(200)
    closes = np.log([float(one.close) for one in candles[-25:]])
    expected = float(np.std(np.diff(closes), ddof=1)) * np.sqrt(365 * 24)
    assert annual_volatility(view(candles)) == pytest.approx(expected)
    assert annual_volatility(view(candles[:-1][-24:])) is None


@pytest.mark.parametrize(
    ("side", "given", "expected"),
    [("buy", 90, "nearer"), ("buy", 99, "kept"), ("buy", None, "set"), ("sell", 110, "nearer"), ("sell", 101, "kept")],
)
def test_stops_are_drawn_in_and_never_moved_away(side: str, given: int | None, expected: str) -> None:
    found = only(stop={}).assess(idea(side, quantity=1, stop_loss=given), view(), marked())
    assert found.approved
    if expected == "kept":
        assert found.order.stop_loss == given
        assert found.reasons[0].did == "passed"
    else:
        assert found.reasons[0].did == "changed"
        distance = abs(100 - found.order.stop_loss)
        assert D("0.5") <= distance <= 4, "inside of the gate's range in ATR"


def test_without_a_range_no_stop_is_placed_and_nothing_opens() -> None:
    found = only(stop={}).assess(idea(quantity=1), view(atr=None), marked())
    assert found.refused_by == "stop"
    assert "the ATR is None" in found.reasons[0].text


def test_size_follows_the_record_and_not_the_confidence() -> None:
    stage, gate = only(size=SizeSettings(fraction_max=1)), marked()
    wish = idea(quantity=25)
    assert stage.assess(wish, view(), gate).quantity == 5, "the floor, 5 % of 10,000 at 100"
    good = stage.assess(wish, view(), gate, trades([6.0, -4.0] * 40))
    assert good.quantity > 5
    bad = stage.assess(wish, view(), gate, trades([4.0, -6.0] * 40))
    assert (bad.refused_by, bad.quantity) == ("size", 0)
    assert "the edge is -0.0007" in bad.reasons[0].text
    gate.set_risk_scale("0.5")
    scaled = stage.assess(wish, view(), gate)
    assert scaled.quantity == D("2.5")
    assert scaled.reasons[0].text.endswith("no edge is known: 5 % of equity, the floor; of all that 50 %")


def test_size_is_smaller_in_a_wild_market() -> None:
    """With an edge the period is a trade's: half an hour of that market, or the record's own deviation if larger."""
    record = trades([60.0, -40.0] * 40)
    settings = SizeSettings(fraction_max=1000, risk_max="0.05", volatility_max="0.02")
    sizes = []
    for step in (0.001, 0.05, 0.5):
        gate = marked(limits=Limits.for_tier("high_octane"))
        found = only(size=settings).assess(idea(quantity=50, stop_loss="99.5"), view(bars(step=step)), gate, record)
        sizes.append(found.quantity)
    assert sizes[0] == sizes[1] > sizes[2] > 0


def test_what_the_gate_refuses_altogether_is_left_to_the_gate() -> None:
    found = only(size={}).assess(idea(quantity=1, stop_loss=101), view(), marked())
    assert found.refused_by == "gate"
    assert found.order.quantity == 1


def test_portfolio_refuses_what_is_near_its_liquidation_and_what_a_gap_would_end() -> None:
    limits = Limits.for_tier("high_octane").replace(max_position_fraction=10, max_concentration=10, max_leverage=10)
    gate = marked(limits=limits, deposit=10_000)
    gate.mark("BTC", 100, atr=1)
    wide = only(portfolio=PortfolioSettings(gap="0.5"))
    small, big = (idea(quantity=quantity, leverage=2, stop_loss=97) for quantity in (100, 300))
    assert wide.assess(small, view(), gate).approved
    refused = wide.assess(big, view(), gate)
    assert refused.refused_by == "portfolio"
    assert "a gap of -50 % is not survived" in refused.reasons[0].text
    assert only(portfolio=PortfolioSettings(gap="0.2")).assess(big, view(), gate).approved
    strict = only(portfolio=PortfolioSettings(refuse_from="elevated", gap="0.1")).assess(big, view(), gate)
    assert strict.refused_by == "portfolio"
    assert "BTC" in strict.reasons[0].text


@given(positions=portfolios(3), wish=wishes)
@BOUNDED
def test_the_account_after_the_order_is_what_the_gate_would_book(positions: list[Held], wish: Order) -> None:
    gate = vault(50_000, positions)
    gate.mark("BTC", 100, atr=1)
    case = Case(wish, view(), gate.snapshot(), gate.limits, (), Record(), gate)
    expected, entry = after_order(case), wish.price or 100
    gate.apply_fill("elsewhere", "wish", wish.quantity, entry, asset="BTC", side=wish.side)
    booked = gate.snapshot()
    assert {name: one.quantity for name, one in expected.positions.items()} == {
        name: one.quantity for name, one in booked.positions.items()
    }
    for name, one in expected.positions.items():
        assert float(one.cost) == pytest.approx(float(booked.positions[name].cost))
        assert float(one.unrealised) == pytest.approx(float(booked.positions[name].unrealised), abs=1e-6)


@pytest.mark.parametrize(("refuse_from", "approved"), [("critical", True), ("high", False), ("elevated", False)])
def test_health_refuses_from_its_level_on(refuse_from: str, approved: bool) -> None:
    off = dict.fromkeys(("drawdown", "sharpe", "calibration", "confidence", "data_quality"))
    bounds = HealthSettings(win_rate=Bounds(0.45, 0.35, 0.25), **off)  # type: ignore[arg-type]
    record = trades([10.0] * 6 + [-5.0] * 14, bounds)
    assert record.health is not None
    assert record.health.level == "high"
    stage = only(health=HealthGuardSettings(refuse_from=refuse_from, bounds=bounds))
    found = stage.assess(idea(quantity=1), view(), marked(), record)
    assert found.approved is approved
    assert "win_rate (0.3)" not in found.reasons[0].text
    assert "win_rate 0.3 (high)" in found.reasons[0].text
    assert stage.assess(idea(quantity=1), view(), marked()).approved, "unknown is no refusal"


def test_the_predictor_is_pinned_by_its_hash_and_refuses_the_unusual(tmp_path: Any) -> None:
    from gxrisk.agent.features import FEATURE_NAMES, FEATURES_VERSION, features

    known = [features(view(bars(120, seed=seed))) for seed in range(260)]
    model = FailurePredictor(FEATURE_NAMES, version=FEATURES_VERSION)
    model.train([one.values for one in known if one is not None])
    digest = model.save(tmp_path / "model")
    named = {"file": str(tmp_path / "model"), "sha256": digest}
    assert only(predictor=named).assess(idea(quantity=1), view(bars(120, seed=7)), marked()).approved
    odd = only(predictor=named).assess(idea(quantity=1), view(bars(120, step=0.3)), marked())
    assert odd.refused_by == "predictor"
    assert "more unusual than" in odd.reasons[0].text
    assert only(predictor=named).assess(idea(quantity=1), view(bars(9)), marked()).refused_by == "predictor"
    changed = only(predictor={**named, "sha256": "0" * 64})
    found = changed.assess(idea(quantity=1), view(), marked())
    assert (found.refused_by, found.failed[0].guard) == ("predictor", "predictor")
    assert "is not the recorded file" in found.failed[0].text
    (tmp_path / "model").rename(tmp_path / "elsewhere")
    gone = only(predictor=named)
    assert gone.assess(idea(quantity=1), view(), marked()).failed
    (tmp_path / "elsewhere").rename(tmp_path / "model")
    assert not gone.assess(idea(quantity=1), view(bars(120, seed=7)), marked()).failed, "read again until it is there"


# Settings


def test_settings_are_frozen_validated_and_come_back_from_json() -> None:
    settings = ProtectionSettings(
        size=SizeSettings(floor="0.01"),
        stop=None,
        health=HealthGuardSettings(refuse_from="high", bounds=HealthSettings(window=30, duration_s=Bounds(1, 2, 3))),
        predictor={"file": "model", "sha256": "ab" * 32},  # type: ignore[arg-type]
    )
    assert ProtectionSettings.model_validate_json(settings.model_dump_json()) == settings
    assert ProtectionSettings.model_validate(settings.to_dict()) == settings
    assert settings != ProtectionSettings()
    with pytest.raises(ValueError, match="frozen"):
        settings.stop = None  # type: ignore[misc]


@pytest.mark.parametrize(
    ("stage", "given", "message"),
    [
        ("size", {"risk_max": "0.06"}, "risk_max: 0.06 was given, 0 to 0.05 is allowed"),
        ("size", {"floor": "nan"}, "finite number"),
        ("size", {"kelly": 1}, "Extra inputs are not permitted"),
        ("stop", {"base_min": "0.1", "base_max": "0.05"}, "base_max: 0.05 was given, 0.1 to 0.5 is allowed"),
        ("adaptive", {"volatility_normal": 0}, "volatility_normal: 0 was given"),
        ("portfolio", {"gap": "1.5"}, "less than or equal to 1"),
        ("health", {"bounds": {"window": 5}}, "trades_min: 20 was given, at most the window"),
        ("health", {"bounds": {"window": 301}}, "bounds.window: 301 was given, up to 300 is allowed"),
        ("health", {"refuse_from": "low"}, "'elevated', 'high' or 'critical'"),
        ("predictor", {"file": "x", "sha256": "abc"}, "String should match pattern"),
        ("answer_s", 0, "greater than 0"),
        ("unknown", 1, "Extra inputs are not permitted"),
    ],
)
def test_wrong_settings_say_what_is_allowed(stage: str, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProtectionSettings(**{stage: given})


def test_the_clock_of_these_accounts() -> None:
    """The bars end at the gate's now."""
    assert ManualClock(START).now_ns == START_MS * 1_000_000 == bars()[-1].end_ms * 1_000_000


def test_an_order_that_the_gate_passes_only_later_is_sized_all_the_same() -> None:
    """Refused while it is sized, passed a moment later: the sizer's own caps hold in between."""
    gate = marked()

    def then(act: Any) -> Any:
        return lambda case: act() or Finding("done")

    sized = pipeline_of(ProtectionSettings(**{**ALONE, "breakers": False, "size": SizeSettings()})).guards[0]
    pipeline = ProtectionPipeline([("shut", then(gate.pause)), sized, ("open", then(gate.resume))])
    found = pipeline.assess(idea(quantity=20), view(), gate)
    assert found.approved
    assert found.quantity == 5, "5 % of equity, the floor"
    changed = next(str(one) for one in found.reasons if one.did == "changed")
    assert changed.startswith("size: size 20 to 5, the gate ")


@pytest.mark.parametrize(
    ("stages", "gate", "limit", "observed", "passes"),
    [
        ({"breakers": True}, "paused", "active", "halted", "nothing of a model's until a person ends it"),
        ({"breakers": True}, "crashed", "active", "halted", "nothing of a model's until 2020-03-12 12:15:00 UTC"),
        ({"health": HealthGuardSettings()}, "losing", "under critical", "critical", "openings after a person's review"),
        ({"size": SizeSettings()}, "losing", "an edge above 0", "-0.005", "openings after a person's review"),
    ],
)
def test_a_refusal_says_limit_observed_and_what_would_pass(
    stages: dict[str, Any], gate: str, limit: str, observed: str, passes: str
) -> None:
    one, record = marked(), Record()
    if gate == "paused":
        one.pause()
    if gate == "crashed":
        one.mark("BTC", 85, atr=1)
    if gate == "losing":
        record = trades([-9.0] * 40)
    found = only(**stages).assess(idea(quantity=1), view(), one, record)
    (objection,) = found.objections
    assert objection.did == "refused"
    assert (objection.limit, objection.passes) == (limit, passes)
    assert objection.observed is not None
    assert objection.observed.startswith(observed)
    assert found.quantity_max == 0


@given(quantity=decimals("1", "900", 2), leverage=st.integers(5, 10), gap=st.sampled_from(["0.2", "0.5", "1"]))
@BOUNDED
def test_what_the_portfolio_guard_says_would_pass_does(quantity: Decimal, leverage: int, gap: str) -> None:
    wide = Limits.for_tier("growth").replace(
        max_position_fraction=100, max_concentration=100, max_correlated_exposure=100, max_leverage=100
    )
    wanted, gate = idea(quantity=quantity, leverage=leverage), marked(limits=wide)
    guard = dict(only(portfolio=PortfolioSettings(gap=gap)).guards)["portfolio"]
    alone = ProtectionPipeline([("portfolio", guard)])
    found = alone.assess(wanted, view(), gate)
    if found.refused_by == "portfolio" and found.quantity_max:
        assert found.quantity_max < quantity
        assert alone.assess(wanted.replace(quantity=found.quantity_max), view(), gate).refused_by != "portfolio"
    else:
        assert found.quantity_max == 0
