"""Stops: worked by hand, approved by a real gate, and trailing one way only."""

from decimal import ROUND_FLOOR
from decimal import Decimal as D
from itertools import product
from math import inf, nan
from pathlib import Path

import pytest
from gxrisk import Gate, Limits, order
from gxrisk.feeds import WilderAtr, read_candles
from gxrisk.protection import REGIMES, DynamicStops, RegimeDetector, StopPlan
from hypothesis import event, given, settings
from hypothesis import strategies as st

from .accounts import BOUNDED, decimals

GROWTH = Limits.for_tier("growth")
UNIT = D("1e-9")

# Entry 100, an ATR of 2 in growth: 1 to 8 away is allowed.
CASES = [
    ("unsure, unknown regime", "buy", 0, None, "98", "2 % of the entry"),
    ("sure, unknown regime", "buy", 1, None, "95", "5 % of the entry"),
    ("trending", "buy", "0.5", "trending", "95.8", "4.2 % of the entry"),
    ("choppy", "buy", "0.5", "choppy", "97.2", "2.8 % of the entry"),
    ("volatile", "buy", "0.5", "volatile", "94.75", "5.25 % of the entry"),
    ("stable", "buy", "0.5", "stable", "97.55", "2.45 % of the entry"),
    ("a short", "sell", "0.5", "trending", "104.2", "4.2 % of the entry"),
]


@pytest.mark.parametrize(("name", "side", "confidence", "regime", "price", "reason"), CASES)
def test_worked_by_hand(name: str, side: str, confidence: object, regime: str, price: str, reason: str) -> None:
    plan = planned(side=side, confidence=confidence, regime=regime)
    assert (plan.price, plan.reason) == (D(price), reason)
    assert plan.distance == abs(100 - D(price))


def planned(stops: DynamicStops | None = None, **given: object) -> StopPlan:
    terms = {"side": "buy", "entry": 100, "atr": 2, "confidence": "0.5", "regime": None, **given}
    side, entry = terms.pop("side"), terms.pop("entry")
    return (stops or DynamicStops(GROWTH)).stop(side, entry, **terms)  # type: ignore[arg-type]


HELD_INSIDE = [
    ("furthest", {"atr": "0.5"}, "98", "3.5 % of the entry, drawn in to 4 ATR"),
    ("nearest", {"atr": 20}, "90", "3.5 % of the entry, moved out to 0.5 ATR"),
    ("leverage", {"atr": 2, "leverage": 20}, "96.8", "3.5 % of the entry, drawn in to 80 % of the way to liquidation"),
    ("leverage that leaves room", {"atr": 2, "leverage": 5}, "96.5", "3.5 % of the entry"),
]


@pytest.mark.parametrize(("name", "given_", "price", "reason"), HELD_INSIDE)
def test_the_gates_range_holds_the_wish(name: str, given_: dict[str, object], price: str, reason: str) -> None:
    plan = planned(**given_)
    assert (plan.price, plan.reason) == (D(price), reason)


def test_between_two_ticks_the_nearer_to_the_entry_is_taken() -> None:
    stops = DynamicStops(GROWTH, tick="0.5")
    assert planned(stops, regime="trending").price == 96  # 95.8 was wished
    assert planned(stops, regime="trending", side="sell").price == 104


def test_little_leverage_is_held_before_liquidation_too() -> None:
    """At twice, 49 % away is liquidation, and 80 % of that is 39.2 %."""
    plan = planned(DynamicStops(GROWTH, base_min="0.5", base_max="0.5"), atr=20, leverage=2)
    assert plan.price == D("60.8")


IMPOSSIBLE = [
    ({"atr": None}, "the ATR is None"),
    ({"atr": 0}, "the ATR is 0"),
    ({"atr": nan}, "the ATR is nan"),
    ({"atr": "1e-10"}, "the ATR is 1e-10"),
    ({"entry": inf}, "the entry is inf"),
    ({"entry": -1}, "the entry is -1"),
    ({"confidence": 1.1}, "the confidence is 1.1: 0 to 1 is allowed"),
    ({"confidence": nan}, "the confidence is nan"),
    ({"confidence": True}, "the confidence is True"),
    ({"leverage": "0.5"}, "the leverage is 0.5: 1 or more is allowed"),
    ({"atr": 20, "leverage": 10}, "no stop lies 0.5 ATR or more from the entry (10.0), within 80 % of the way to"),
    ({"atr": 300}, "no stop lies 0.5 ATR or more from the entry (150.0), within 4 ATR (1200) and above 0"),
    ({"leverage": 200}, "no stop lies 0.5 ATR or more"),
]


@pytest.mark.parametrize(("given_", "reason"), IMPOSSIBLE)
def test_where_no_stop_can_be_there_is_none_and_a_reason(given_: dict[str, object], reason: str) -> None:
    plan = planned(**given_)
    assert (plan.price, plan.distance) == (None, None)
    assert plan.reason.startswith(reason)


def test_words_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="side: 'long' was given"):
        planned(side="long")
    with pytest.raises(ValueError, match="regime: 'wild' was given"):
        planned(regime="wild")
    with pytest.raises(ValueError, match=r"base_max: 0.01 was given, 0.02 to 0.5 is allowed"):
        DynamicStops(GROWTH, base_max="0.01")
    with pytest.raises(ValueError, match=r"multipliers: .'stable'. was given, one for each of"):
        DynamicStops(GROWTH, multipliers={"stable": 1})
    with pytest.raises(ValueError, match="tick: 0 was given"):
        DynamicStops(GROWTH, tick=0)


RULES_OF_STOPS = {"stop_loss_required", "stop_loss_distance", "liquidation_buffer"}


def refused_for_its_stop(limits: Limits, entry: D, atr: object, side: str, stop: D, leverage: D) -> set[str]:
    """What a real gate says of an order with this stop."""
    gate = Gate("stops", limits)
    gate.deposit(10**12)
    gate.mark("BTC", entry, atr=atr)  # type: ignore[arg-type]
    one = order("BTC", side, UNIT, leverage=leverage, stop_loss=stop, confidence=1, reasoning="a stop")  # type: ignore[arg-type]
    return RULES_OF_STOPS & {violation.rule for violation in gate.validate_order(one).violations}


limits_of_stops = st.builds(
    lambda tier, low, wide, margin, share: Limits.for_tier(tier).replace(
        stop_atr_min=low, stop_atr_max=low + wide, maintenance_margin=margin, liquidation_share=share, max_leverage=1000
    ),
    st.sampled_from(["capital_guard", "growth", "high_octane"]),
    st.sampled_from([D("0.5"), D("0.5"), D(0)]) | decimals("0", "3", 9),
    st.sampled_from([D(4), D("0.5"), UNIT]) | decimals("0.000000001", "5", 9),
    st.just(D("0.01")) | decimals("0", "0.2", 3),
    st.sampled_from([D("0.8"), D(1)]) | decimals("0.01", "1", 3),
)
atrs = st.floats(1e-9, 3000) | decimals("0.000000001", "10", 9)


@st.composite
def markets(draw: st.DrawFn) -> tuple[D, object]:
    """An entry and an ATR: mostly a part of it, as a float or exactly, sometimes anything."""
    entry = draw(decimals("0.000000001", "0.0001", 9) | decimals("0.01", "100000", 9) | decimals("1", "100000", 2))
    part = max(float(entry) * draw(st.floats(1e-4, 0.3)), 1e-9)
    return entry, draw(st.sampled_from([part, part, D(part).quantize(UNIT), draw(atrs)]))


@settings(BOUNDED, max_examples=300)
@given(
    limits_of_stops,
    st.sampled_from(["buy", "sell"]),
    markets(),
    decimals("0", "1", 3),
    st.sampled_from([*REGIMES, None]),
    st.sampled_from([D(1), D(1), D(2), D(5)]) | decimals("1", "30", 3),
    st.sampled_from([UNIT, UNIT, D("0.01"), D("0.5")]),
)
def test_every_stop_passes_a_real_gate_and_none_is_left_out(
    limits: Limits, side: str, market: tuple[D, object], confidence: D, regime: str | None, leverage: D, tick: D
) -> None:
    """A stop that is given passes the gate's three rules of stops; where none is given, no price on the tick does."""
    entry, atr = market
    stops = DynamicStops(limits, tick=tick)
    plan = stops.stop(side, entry, atr=atr, confidence=confidence, regime=regime, leverage=leverage)  # type: ignore[arg-type]
    if plan.price is not None:
        event("a stop")
        assert plan.price % tick == 0
        assert refused_for_its_stop(limits, entry, atr, side, plan.price, leverage) == set()
        return
    event("none")
    # the nearest allowed distance decides: it may be too near for no tick, too far for leverage, or below zero
    sign, unit = (1 if side == "buy" else -1), D(str(atr)) if isinstance(atr, D) else D(atr).quantize(UNIT)  # type: ignore[arg-type]
    near = max(limits.stop_atr_min * unit, UNIT)
    steps = (entry / tick).to_integral_value(ROUND_FLOOR)
    nearest = ((entry - sign * near) / tick).to_integral_value(ROUND_FLOOR)
    for place in (*range(-2, 3), steps - nearest):
        price = (nearest + place) * tick
        if price > 0:
            assert refused_for_its_stop(limits, entry, atr, side, price, leverage) != set()


@BOUNDED
@given(
    decimals("0.01", "1000", 4), atrs, decimals("0", "1", 3), decimals("0", "1", 3), st.sampled_from(["buy", "sell"])
)
def test_a_surer_idea_never_has_a_nearer_stop_and_regimes_are_in_their_order(
    entry: D, atr: object, one: D, other: D, side: str
) -> None:
    stops = DynamicStops(GROWTH)

    def distance(confidence: D, regime: str) -> D:
        plan = stops.stop(side, entry, atr=atr, confidence=confidence, regime=regime)  # type: ignore[arg-type]
        return plan.distance or D(0)

    for regime in REGIMES:
        assert distance(min(one, other), regime) <= distance(max(one, other), regime)
    for confidence in (one, other):
        in_order = [distance(confidence, regime) for regime in ("stable", "choppy", "trending", "volatile")]
        assert in_order == sorted(in_order)


@BOUNDED
@given(
    st.sampled_from(["buy", "sell"]),
    st.lists(
        st.tuples(decimals("50", "150", 3), st.none() | atrs, decimals("0", "1", 2), st.sampled_from([*REGIMES, None])),
        min_size=1,
        max_size=30,
    ),
)
def test_a_trailing_stop_never_moves_away(side: str, path: list[tuple[D, object, D, str | None]]) -> None:
    """Whatever price, ATR, confidence and regime do: only towards the market, and never across it."""
    stops, sign = DynamicStops(GROWTH), 1 if side == "buy" else -1
    stop = D(90) if side == "buy" else D(110)
    for price, atr, confidence, regime in path:
        plan = stops.trail(side, stop, price, atr=atr, confidence=confidence, regime=regime)  # type: ignore[arg-type]
        assert plan.price is not None
        assert (plan.price - stop) * sign >= 0
        assert plan.price == stop or (price - plan.price) * sign > 0
        assert plan.price == stop or plan == stops.stop(
            side,  # type: ignore[arg-type]
            price,
            atr=atr,  # type: ignore[arg-type]
            confidence=confidence,
            regime=regime,  # type: ignore[arg-type]
        )
        stop = plan.price


def test_a_trailing_stop_stays_where_none_can_be_placed() -> None:
    stops = DynamicStops(GROWTH)
    plan = stops.trail("buy", 95, 120, atr=None, confidence=1, regime=None)
    assert (plan.price, plan.distance) == (95, 25)
    assert plan.reason == "the stop stays: the ATR is None: without one above 0 no stop can be placed"
    assert stops.trail("buy", 95, nan, atr=1, confidence=1, regime=None).price == 95
    assert stops.trail("sell", 105, 99, atr=2, confidence=0, regime=None).price == D("100.98")
    with pytest.raises(ValueError, match="stop: nan was given, a price above 0 is allowed"):
        stops.trail("buy", nan, 100, atr=1, confidence=1, regime=None)


def test_on_recorded_markets_every_stop_passes(data_dir: Path) -> None:
    """Five-minute bars of May 2021, with the detector's own regimes and Wilder's ATR as the feed gives it."""
    rows = read_candles(data_dir / "ethusdt-5m-2021-05-10_2021-05-26-binance.csv.gz").candles
    detector, atr, placed = RegimeDetector(), WilderAtr(), 0
    stops = DynamicStops(GROWTH, tick="0.01")
    trails = {"buy": D(1), "sell": D(10**6)}
    for n, bar in enumerate(rows):
        regime = detector.update(bar).regime
        unit = atr.update(float(bar.high), float(bar.low), float(bar.close))
        for side, sure in product(("buy", "sell"), ("0.3", "1")):
            if n % 50 == 0:
                plan = stops.stop(side, bar.close, atr=unit, confidence=sure, regime=regime)  # type: ignore[arg-type]
                assert (plan.price is None) == (unit is None)
                if plan.price is not None:
                    placed += 1
                    assert refused_for_its_stop(GROWTH, bar.close, unit, side, plan.price, D(1)) == set()
            before = trails[side]
            trails[side] = stops.trail(side, before, bar.close, atr=unit, confidence=sure, regime=regime).price or D(0)  # type: ignore[arg-type]
    assert placed > 350
    assert trails["buy"] > 4000 > 2000 > trails["sell"]  # the high of 4,372 and the low of 1,728 were trailed
