"""Liquidation: the same prices as the paper venue's and the gate's rule, and what is said of them."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D
from fractions import Fraction
from pathlib import Path

import pytest
from gxrisk import Gate, Limits, order
from gxrisk.feeds import read_candles
from gxrisk.protection import LiquidationRisk, PortfolioRisk
from gxrisk.protection.liquidation import isolated_price
from gxrisk.venues import Filled, PaperVenue
from gxrisk.venues.paper.margin import liquidation_price
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.vault import FREE, GATE_DEPOSIT, Vault, moments

from .accounts import BOUNDED, Held, book, decimals, held, idea, portfolios, vault

GROWTH = Limits.for_tier("growth")


def assessed(gate: Gate, limits: Limits = GROWTH, **given: object) -> PortfolioRisk:
    return LiquidationRisk(limits).assess(gate.snapshot(), **given)  # type: ignore[arg-type]


def test_an_empty_portfolio_gives_zeros_and_low() -> None:
    for gate in (vault(0), vault(10_000)):
        found = assessed(gate)
        assert (found.gross, found.profit, found.maintenance) == (0, 0, 0)
        assert (found.level, found.positions, found.advice) == ("low", (), ())
    assert (found.leverage, found.margin_use, found.risk) == (0, 0, 0)


# Equity, then the position; growth: 1 % maintenance margin. A long of 90 at 100 on 1,000: 100 - 910 / 89.1.
CASES = [
    ("levered long", 1_000, held("BTC", 90, 100), "89.786756453", "0.102132435", "critical"),
    ("levered short", 1_000, held("BTC", -90, 100), "110.01100111", "0.100110011", "critical"),
    ("unlevered long", 10_000, held("BTC", 90, 100), None, None, "critical"),
    ("small and safe", 10_000, held("BTC", 1, 100), None, None, "low"),
    ("small short", 10_000, held("BTC", -1, 100), "10000", "99", "low"),
    ("past it", 1_000, held("BTC", 90, 100, 89), "89.786756453", "0", "critical"),
]


@pytest.mark.parametrize(("name", "deposit", "one", "price", "distance", "level"), CASES, ids=lambda x: str(x)[:16])
def test_worked_by_hand(
    name: str, deposit: int, one: Held, price: str | None, distance: str | None, level: str
) -> None:
    found = assessed(vault(deposit, [one]), atr={"BTC": 2}).positions[0]
    assert found.cross == (None if price is None else pytest.approx(D(price), abs=D("1e-8")))
    assert found.distance == (None if distance is None else pytest.approx(D(distance), abs=D("1e-7")))
    assert found.level == level
    if found.distance is not None and found.mark is not None:
        assert found.distance_atr == pytest.approx(found.distance * found.mark / 2, abs=D("1e-6"))


@BOUNDED
@given(portfolios(), decimals("1", "20000", 2), decimals("0", "0.5", 3))
def test_cross_prices_are_the_paper_venues(positions: list[Held], deposit: D, margin: D) -> None:
    """The same to the last digit, where that price can be reached; and there, exactly, equity is the margin."""
    gate, account = vault(deposit, positions), book(deposit, positions, margin)
    marks = {one.asset: one.mark for one in positions if one.mark is not None}
    found = assessed(gate, GROWTH.replace(maintenance_margin=margin))
    assert found.gross == account.ledger.gross(marks)
    assert found.profit == sum((one.profit for one in found.positions), D(0))
    assert found.equity == account.ledger.equity(marks)
    for one in found.positions:
        expected = liquidation_price(account, one.asset, marks)
        assert expected is not None
        assert one.cross == (expected if expected > 0 else None)
        if one.cross is not None:
            moved = {**marks, one.asset: one.cross}
            equity, needed = account.ledger.equity(moved), margin * account.ledger.gross(moved)
            assert abs(equity - needed) <= abs(one.quantity) * 2 * D("1e-9")


def test_in_the_recorded_crash_the_venue_takes_over_at_the_price_that_was_told(data_dir: Path) -> None:
    """BTC on 12 March 2020, five times equity: the same price told at each bar, and met by the paper venue at 10:45."""
    rows = read_candles(data_dir / "btcusdt-5m-2020-03-01_2020-03-13-binance.csv.gz").candles
    day = [one for one in rows if one.start_ms >= 1_583_971_200_000]
    desk = Vault(PaperVenue(costs=replace(FREE, impact=D(0), leverage_max=D(20))), deposit=1_000)
    guard, told, distances = LiquidationRisk(GROWTH), set(), []
    for number, moment in enumerate(moments(day)):
        desk.advance(moment)
        if number == 1:
            desk.buy("0.6", asset="BTCUSDT")
        taken = [one for one in desk.reports if isinstance(one, Filled) and one.leg == "liquidation"]
        if taken:
            break
        snapshot = desk.gate.snapshot()
        if snapshot.positions:
            # the test's gate has more money than the venue, so that only the venue decides
            found = guard.assess(replace(snapshot, equity=snapshot.equity - GATE_DEPOSIT + 1_000))
            told.add(found.positions[0].cross)
            distances.append(found.positions[0].distance or D(0))
            assert found.level == "critical"  # without a stop it risks nearly everything from the start
    assert told == {taken[0].price}
    assert taken[0].at == datetime(2020, 3, 12, 10, 45, tzinfo=UTC)
    assert distances[-1] < D("0.07") < D("0.19") < distances[0]


@BOUNDED
@given(
    st.sampled_from(["buy", "sell"]),
    decimals("1", "1000", 2),
    st.sampled_from([D("1.25"), D(2), D(4), D(5), D(8), D(10)]),
    decimals("0", "0.09", 3),
)
def test_isolated_prices_are_where_the_gates_rule_has_them(side: str, entry: D, leverage: D, margin: D) -> None:
    """With the whole way allowed, a stop at the isolated price passes `liquidation_buffer`, one beyond it does not."""
    limits = Limits.for_tier("high_octane").replace(
        maintenance_margin=margin, liquidation_share=1, stop_atr_min="1e-9", stop_atr_max=1000
    )
    gate = Gate("rule", limits)
    gate.deposit(10**9)
    gate.mark("BTC", entry, atr=1000)
    quantity = D(1) if side == "buy" else D(-1)
    price = isolated_price(quantity, entry, leverage, margin)
    assert price is not None
    one = order("BTC", side, "0.001", leverage=leverage, stop_loss=price, confidence=1, reasoning="at")  # type: ignore[arg-type]
    assert rules(gate, one) == set()
    beyond = price - quantity * D("1e-9")
    if beyond > 0:
        assert rules(gate, one.replace(stop_loss=beyond)) == {"liquidation_buffer"}
    held_here = vault(10**9, [Held("BTC", quantity, entry, entry)])
    found = LiquidationRisk(limits).assess(held_here.snapshot(), leverage={"BTC": leverage}).positions[0]
    assert found.isolated == price


def rules(gate: Gate, one: object) -> set[str]:
    return {violation.rule for violation in gate.validate_order(one).violations}  # type: ignore[arg-type]


def test_risk_is_what_the_stop_costs_or_liquidation_where_it_comes_first() -> None:
    gate = vault(1_000, [held("BTC", 10, 100), held("ETH", -1, 50)])
    found = {one.asset: one for one in assessed(gate, stops={"BTC": 95, "ETH": 51}).positions}
    assert (found["BTC"].risk, found["ETH"].risk) == (D("0.05"), D("0.001"))
    isolated = assessed(gate, stops={"BTC": 80}, leverage={"BTC": 10}).positions[0]
    assert (isolated.isolated, isolated.risk) == (91, D("0.09"))  # liquidated at 91, long before the stop
    bare = assessed(gate).positions[0]
    assert bare.risk == pytest.approx((100 - bare.cross) * 10 / 1000, abs=D("1e-8"))  # type: ignore[operator]
    assert assessed(vault(2_000, [held("BTC", 10, 100)])).positions[0].risk == D("0.5")  # to zero
    assert assessed(vault(500, [held("BTC", -10, 100)])).positions[0].risk == pytest.approx(
        D("0.970297"), abs=D("1e-5")
    )
    assert assessed(vault(9_000, [held("BTC", -10, 100)])).positions[0].risk == pytest.approx(D(1) / 9)  # to twice
    passed = assessed(vault(1_000, [held("BTC", 10, 100, 90)]), stops={"BTC": 95}).positions[0]
    assert passed.risk == 0
    total = assessed(gate, stops={"BTC": 95, "ETH": 51})
    assert total.risk == D("0.051")


def test_the_stops_that_the_gate_knows_count_until_others_are_given() -> None:
    """5 at 100 on 10,000 with its stop at 98: 0.1 % of equity; trailed to 99.5 a quarter of that."""
    gate = vault(10_000)
    gate.mark("BTC", 100, atr=1)
    approved = gate.authorize(idea("buy", 5))
    gate.apply_fill(approved.order_id or "", "1", 5, 100)
    assert assessed(gate).positions[0].risk == D("0.001")
    assert assessed(gate, stops={"BTC": "99.5"}).positions[0].risk == D("0.00025")


@pytest.mark.parametrize(
    ("quantity", "level", "codes"),
    [
        (1, "low", []),
        (6, "elevated", []),
        (11, "high", ["reduce"]),
        (30, "critical", ["reduce", "stop"]),
        (70, "critical", ["reduce", "diversify", "stop"]),
    ],
)
def test_levels_and_advice(quantity: int, level: str, codes: list[str]) -> None:
    """Unlevered and without a stop, the part of equity held is the risk: thresholds at 5, 10 and 25 %."""
    found = assessed(vault(10_000, [held("BTC", quantity, 100)]))
    assert (found.level, [one.code for one in found.advice]) == (level, codes)
    assert all(one.assets == ("BTC",) and one.text.endswith(".") for one in found.advice)


def test_thresholds_belong_to_the_lower_level() -> None:
    for quantity, level in ((5, "low"), ("5.000001", "elevated"), (25, "high"), ("25.000001", "critical")):
        assert assessed(vault(10_000, [held("BTC", quantity, 100)])).level == level


def test_a_distance_at_its_threshold_belongs_to_the_lower_level() -> None:
    """Liquidation exactly 10 % above a short, and a little nearer; the same at 5 ATR."""
    limits = GROWTH.replace(maintenance_margin="0.1")
    gate = vault(10_000, [held("BTC", -1, 100)])
    for leverage, level in ((5, "elevated"), ("5.000001", "high")):
        found = assessed(gate, limits, stops={"BTC": 101}, leverage={"BTC": leverage})
        assert found.level == level
    assert assessed(gate, limits, stops={"BTC": 101}, leverage={"BTC": 5}, atr={"BTC": 2}).level == "elevated"
    assert assessed(gate, limits, stops={"BTC": 101}, leverage={"BTC": 5}, atr={"BTC": "2.000001"}).level == "high"


def test_each_measure_can_raise_the_level() -> None:
    gate = vault(10_000, [held("BTC", -90, 100)])
    stop = {"BTC": "100.1"}
    near = assessed(gate, stops=stop)
    assert near.positions[0].distance == D("1.090209020")
    assert near.level == "low"
    assert assessed(gate, stops=stop, leverage={"BTC": 5}).level == "elevated"  # 19 % away
    assert assessed(gate, stops=stop, leverage={"BTC": 10}).level == "high"  # 9 %
    assert assessed(gate, stops=stop, leverage={"BTC": 25}).level == "critical"  # 3 %
    assert assessed(gate, stops=stop, atr={"BTC": 30}).level == "high"  # 109 away: 3.6 ATR
    wide = GROWTH.replace(maintenance_margin="0.3")
    found = assessed(gate, wide, stops=stop)
    assert (found.margin_use, found.level) == (D("0.27"), "elevated")
    assert "maintenance margin takes 27 %" in found.reason


def test_groups_are_summed_for_diversification() -> None:
    held_two = [held("BTC", 50, 100), held("ETH", -110, 100), held("XRP", 1, 100)]
    guard = LiquidationRisk(GROWTH, groups={"majors": ["BTC", "ETH", "SOL"]})
    advice = [one for one in guard.assess(vault(10_000, held_two).snapshot()).advice if one.code == "diversify"]
    assert [one.assets for one in advice] == [("ETH",), ("BTC", "ETH")]  # 110 % over 60 %, 160 % over 150 %
    assert "majors makes 16000, over 150 %" in advice[1].text


def test_what_cannot_be_known_is_critical() -> None:
    blind = assessed(vault(10_000, [Held("BTC", D(1), D(100), None)]))
    assert (blind.level, blind.positions[0].cross, blind.risk) == ("critical", None, None)
    assert "no price" in blind.reason
    broke = assessed(vault(10, [held("BTC", 5, 100, 90)]))
    assert (broke.level, broke.margin_use, broke.leverage, broke.risk) == ("critical", None, None, None)
    assert [one.code for one in broke.advice] == ["reduce", "diversify", "stop"]


def test_a_margin_of_one_divides_by_nothing() -> None:
    found = assessed(vault(10_000, [held("BTC", 1, 100)]), GROWTH.replace(maintenance_margin=1))
    assert found.positions[0].cross is None
    assert assessed(vault(50, [held("BTC", 1, 100)]), GROWTH.replace(maintenance_margin=1)).positions[0].cross == 100


WRONG = [
    ({"distance_levels": (0.1, 0.2, 0.3)}, "distance_levels: .* was given, three falling numbers are allowed"),
    ({"atr_levels": (1, 2)}, "atr_levels: .* was given, three falling numbers are allowed"),
    ({"risk_levels": (0.3, 0.2, 0.1)}, "risk_levels: .* was given, three rising numbers are allowed"),
    ({"margin_levels": (0.3, 0.4, 1.1)}, "margin_levels: 1.1 was given, 0 to 1 is allowed"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_settings_say_what_is_allowed(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LiquidationRisk(GROWTH, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1, float("nan"), "much", sys.float_info.max])
def test_what_is_no_atr_is_refused(value: object) -> None:
    gate = vault(10_000, [held("BTC", 1, 100)])
    with pytest.raises(ValueError, match=r"BTC: .* was given, a number above 0 is allowed"):
        assessed(gate, atr={"BTC": value})


@BOUNDED
@given(portfolios(), decimals("0.01", "20000", 2), decimals("0.001", "1", 3))
def test_less_money_is_never_less_risk(positions: list[Held], deposit: D, part: D) -> None:
    richer = assessed(vault(deposit, positions))
    poorer = assessed(vault((deposit * part).quantize(D("1e-9")) or D("1e-9"), positions))
    order_of = ("low", "elevated", "high", "critical").index
    assert order_of(poorer.level) >= order_of(richer.level) or Fraction(poorer.equity) == Fraction(richer.equity)
