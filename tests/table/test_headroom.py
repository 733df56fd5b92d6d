"""What would pass: max_quantity, headroom, lot steps, correlation groups, risk scale."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from gxrisk import RULES, InvalidOrder, Limits, Order

from .rows import number
from .vaults import UNIT, Vault, exit_of, proposal


def grouped() -> Vault:
    """The majors may be 15,000; ETH is 10,000 of it."""
    vault = Vault(max_correlated_exposure="1.5").holding(100, "ETH")
    vault.gate.set_correlation_groups({"majors": ["BTC", "ETH"]})
    return vault


def reducing() -> Vault:
    """Long 5, of which 2 are being sold."""
    vault = Vault().holding(5)
    vault.accepted(exit_of("sell", 2))
    return vault


def scaled(scale: str, **limits: Any) -> Vault:
    """Under a risk scale."""
    vault = Vault(**limits)
    vault.gate.set_risk_scale(scale)
    return vault


def spent() -> Vault:
    """No token is left."""
    vault = Vault(order_burst=1, orders_per_minute=1)
    vault.gate.authorize(proposal())
    return vault


BUY, SELL = proposal(), proposal("sell")
# case, vault, order, lot step; the most, worked out by hand; the rule that refuses one step more
MOST: list[tuple[str, Callable[[], Vault], Order, str | None, str, str]] = [
    ("position_size", lambda: Vault(max_position_fraction="0.25"), BUY, None, "25", "position_size"),
    ("position_size, sell", lambda: Vault(max_position_fraction="0.25"), SELL, None, "25", "position_size"),
    ("position_size at 125", lambda: Vault(max_position_fraction="0.25"), proposal(price=125), None, "20",
     "position_size"),
    ("position_size, half the scale", lambda: scaled("0.5", max_position_fraction="0.25"), BUY, None, "12.5",
     "position_size"),
    # 2,500 / 3 = 833.333333333...
    ("position_size, a mark of 3", lambda: Vault(max_position_fraction="0.25", marks={"BTC": 3}),
     proposal(stop=2), None, "833.333333333", "position_size"),
    ("a lot step", lambda: Vault(max_position_fraction="0.25"), BUY, "0.3", "24.9", "position_size"),
    ("a lot step that fits", lambda: Vault(max_position_fraction="0.25"), BUY, "0.5", "25", "position_size"),
    ("a lot step too large", lambda: Vault(max_position_fraction="0.25"), BUY, "25.000000001", "0", "position_size"),
    ("leverage", lambda: Vault(max_leverage=1), BUY, None, "100", "leverage"),
    ("concentration, beside 20 long", lambda: Vault(max_concentration="0.6").holding(20), BUY, None, "40",
     "concentration"),
    ("concentration, through 20 long", lambda: Vault(max_concentration="0.6").holding(20), SELL, None, "80",
     "concentration"),
    ("correlated_exposure", grouped, SELL, None, "50", "correlated_exposure"),
    ("order_notional", lambda: Vault(max_order_notional=1000), BUY, "0.7", "9.8", "order_notional"),
    ("stop_risk_budget", lambda: Vault(stop_risk_budget="0.01"), proposal(stop=90), None, "10", "stop_risk_budget"),
    ("reduce_only", lambda: Vault().holding(5), exit_of("sell", 1), None, "5", "reduce_only"),
    ("reduce_only, 2 working", reducing, exit_of("sell", 1), None, "3", "reduce_only"),
    ("reduce_only, the wrong side", reducing, exit_of("buy", 1), None, "0", "reduce_only"),
    ("the least of several", lambda: Vault(max_order_notional=1000, max_leverage="1"), BUY, None, "10",
     "order_notional"),
    # Of any size: 1,000 x the equity of 10,000, at 100.
    ("nothing in the way", Vault, BUY, None, "100000", "leverage"),
    ("no stop", Vault, proposal(stop=None), None, "0", "stop_loss_required"),
    ("no token", spent, BUY, None, "0", "order_rate"),
    ("an asset never marked", Vault, proposal("buy", 1, "DOGE", price=100), None, "0", "unknown_asset"),
    ("no equity", lambda: Vault(deposit=None), BUY, None, "0", "position_size"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "given", "wanted", "step", "most", "rule"), MOST, ids=[row[0] for row in MOST])
def test_max_quantity(
    case: str, given: Callable[[], Vault], wanted: Order, step: str | None, most: str, rule: str
) -> None:
    """That is approved, one step more is not; the order's own quantity does not matter and nothing changes."""
    vault = given()
    if step:
        vault.gate.set_lot_steps({wanted.asset: step})
    before = vault.now
    quantity = vault.gate.max_quantity(wanted)
    assert quantity == number(most), case
    assert quantity == vault.gate.max_quantity(wanted.replace(quantity=10**18))
    assert quantity == vault.gate.agent().max_quantity(wanted)
    if quantity:
        assert vault.codes(wanted.replace(quantity=quantity)) == ()
    assert rule in vault.codes(wanted.replace(quantity=quantity + Decimal(step or UNIT)))
    assert vault.now == before
    if quantity:
        assert vault.gate.authorize(wanted.replace(quantity=quantity)).approved


@pytest.mark.parametrize("control", ["pause", "kill"])
def test_nothing_would_pass_in_a_halted_vault(control: str) -> None:
    """For the agent, whose question it is."""
    vault = Vault().holding(5)
    getattr(vault.gate, control)(*(["stop"] if control == "kill" else []))
    assert vault.gate.max_quantity(BUY) == vault.gate.max_quantity(exit_of("sell", 1)) == 0
    assert vault.gate.headroom("BTC", "buy")["trading_state"] == 0


def test_nothing_would_pass_under_a_used_id() -> None:
    """The id would have to be new."""
    vault = Vault()
    vault.approved(proposal(client_id="a"))
    assert vault.gate.max_quantity(proposal(client_id="a")) == 0
    assert vault.gate.max_quantity(proposal(client_id="b")) > 0


# Growth, 10,000, BTC at 100, 20 long and a working sell of 5: what each rule would let pass.
HEADROOM: list[tuple[str, str | None, str | None]] = [
    # rule, buy, sell (None: it sets no bound)
    ("leverage", "480", "515"),  # 5 x 10,000 / 100 = 500: 20 + b; s + 5 - 20 (a sell of 5 works)
    ("position_size", "25", "25"),
    ("concentration", "40", "75"),  # 60: 20 + b; s + 5 - 20
    ("correlated_exposure", "130", "165"),  # 150, likewise
    ("order_notional", None, None),
    ("daily_loss", None, None),
    ("drawdown", None, None),
    ("open_orders", None, None),
    ("order_rate", None, None),
    ("stale_price", None, None),
    ("unknown_asset", None, None),
    ("trading_state", None, None),
]


def test_headroom_is_that_of_each_rule() -> None:
    """Growth's limits; the least of them is what max_quantity says."""
    vault = Vault(Limits.for_tier("growth").replace(max_position_fraction="1"))
    vault.filled(proposal("buy", 20, stop=97))
    vault.accepted(proposal("sell", 5, stop=103))
    vault.limited(max_position_fraction="0.25")
    for side, column in (("buy", 1), ("sell", 2)):
        room = vault.gate.headroom("BTC", side)  # type: ignore[arg-type]
        assert list(room) == [code for code in RULES if code in room]
        for row in HEADROOM:
            assert room[row[0]] == number(row[column]), (side, row[0])
        least = min(most for most in room.values() if most is not None)
        wanted = proposal("buy", 1, stop=97) if side == "buy" else proposal("sell", 1, stop=103)
        assert vault.gate.max_quantity(wanted) == least == 25


def test_headroom_of_a_lot_step_and_of_the_unknown() -> None:
    """On the step; nothing for what was never marked."""
    vault = Vault(max_order_notional=1000)
    vault.gate.set_lot_steps({"BTC": "0.7"})
    assert vault.gate.headroom("BTC", "buy")["order_notional"] == Decimal("9.8")
    assert vault.gate.headroom("ETH", "buy")["order_notional"] == 10
    assert vault.gate.headroom("DOGE", "buy")["unknown_asset"] == 0


GROUPS: list[tuple[str, dict[str, list[str]], str | None]] = [
    ("together", {"majors": ["BTC", "ETH"]}, "50"),
    ("apart", {"one": ["BTC"], "two": ["ETH"]}, "150"),
    ("neither", {}, "150"),
    ("with others", {"all": ["BTC", "ETH", "SOL"]}, "30"),
    ("one alone, the other in none", {"one": ["BTC"]}, "150"),
    ("with an asset never seen", {"majors": ["ETH", "BTC", "DOGE"]}, "50"),
    ("in two groups", {"one": ["BTC", "ETH"], "two": ["ETH", "SOL"]}, None),
    ("twice in one", {"one": ["BTC", "BTC"]}, None),
]


@pytest.mark.parametrize(("case", "groups", "most"), GROUPS, ids=[row[0] for row in GROUPS])
def test_correlation_groups(case: str, groups: dict[str, list[str]], most: str | None) -> None:
    """Cap 15,000; ETH holds 10,000 and SOL 2,000; regrouping takes effect at once; what is refused changes nothing."""
    vault = Vault(max_correlated_exposure="1.5").holding(100, "ETH").holding(-20, "SOL")
    vault.gate.set_correlation_groups({"first": ["BTC", "SOL"]})
    assert vault.gate.headroom("BTC", "buy")["correlated_exposure"] == 130
    if most is None:
        with pytest.raises(InvalidOrder):
            vault.gate.set_correlation_groups(groups)
        assert vault.gate.headroom("BTC", "buy")["correlated_exposure"] == 130
    else:
        vault.gate.set_correlation_groups(groups)
        assert vault.gate.headroom("BTC", "buy")["correlated_exposure"] == number(most), case


SCALES: list[tuple[Any, bool]] = [
    ("0.000000001", True),
    ("0.5", True),
    (1, True),
    ("1.000000001", False),
    (0, False),
    ("-0.5", False),
    (True, False),
    (None, False),
]


@pytest.mark.parametrize(("scale", "fits"), SCALES)
def test_the_risk_scale_is_above_nothing_and_at_most_one(scale: Any, fits: bool) -> None:
    """It multiplies position size, concentration and correlated exposure, and nothing else; it moves freely."""
    vault = Vault(max_position_fraction=1, max_concentration=1, max_correlated_exposure=1, max_leverage=1).holding(1)
    if not fits:
        with pytest.raises(InvalidOrder):
            vault.gate.set_risk_scale(scale)
        scale = 1
    else:
        vault.gate.set_risk_scale("0.000000002")
        vault.gate.set_risk_scale(scale)  # up again, with a position: no limit is loosened by it
    assert vault.now.risk_scale == Decimal(scale)
    room, cap = vault.gate.headroom("BTC", "buy"), 100 * Decimal(scale)
    assert room["position_size"] == cap
    assert room["concentration"] == room["correlated_exposure"] == max(0, cap - 1)
    assert room["leverage"] == 99
