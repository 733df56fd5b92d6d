"""The rules as a whole: every one has its rows, all are evaluated, and what is missing violates."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from gxrisk import RULES, Order

from . import test_rules_flow, test_rules_input, test_rules_losses, test_rules_size, test_rules_stops
from .rows import Row
from .vaults import Vault, exit_of, proposal

FAMILIES = (test_rules_input, test_rules_size, test_rules_stops, test_rules_losses, test_rules_flow)
ROWS: list[Row] = [row for family in FAMILIES for row in family.ROWS] + test_rules_input.DUPLICATES

# The order of section 6.
SECTION_6 = """
    trading_state duplicate_order unknown_asset stale_price reduce_only leverage position_size stop_loss_required
    stop_loss_distance daily_loss drawdown concentration correlated_exposure liquidation_buffer stop_risk_budget
    price_collar order_notional order_rate open_orders
"""


def test_the_rules_are_those_of_the_specification() -> None:
    """In its order."""
    assert tuple(SECTION_6.split()) == RULES


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_rows_that_pass_and_rows_that_are_refused(rule: str) -> None:
    """On both sides, and with an exit, or an opening for the rule that is of exits."""
    rows = [row for row in ROWS if row.rule == rule]
    assert {row.refused for row in rows} == {True, False}
    assert {row.order.side for row in rows} == {"buy", "sell"}
    if rule not in ("reduce_only",):
        assert {row.order.reduce_only for row in rows} == {True, False}


def test_no_two_rows_have_the_same_name() -> None:
    """So that a failure points to one row."""
    names = [(row.rule, row.case) for row in ROWS]
    assert len(names) == len(set(names))


STRICT = {
    "max_leverage": 2,
    "max_position_fraction": "0.1",
    "max_daily_loss": "0.02",
    "max_drawdown": "0.1",
    "max_concentration": "0.6",
    "max_correlated_exposure": "0.8",
    "stop_atr_min": "0.5",
    "stop_atr_max": 3,
    "max_order_notional": 1000,
    "price_collar": "0.05",
    "order_burst": 1,
    "orders_per_minute": 1,
    "max_open_orders": 1,
    "maintenance_margin": "0.01",
    "liquidation_share": "0.8",
    "stop_risk_budget": "0.01",
    "assets": ["ETH"],
    "mark_age_s_max": 60,
}


def ruined() -> Vault:
    """Everything against it: long ETH, an order working, an id and all tokens used, 2,000 lost, BTC stale, unlisted."""
    vault = Vault().holding(1, "ETH")
    vault.accepted(proposal("buy", 1, "ETH", client_id="used"))
    vault.lost(2000).limited(**STRICT)
    vault.gate.authorize(proposal("buy", 1, "ETH"))
    return vault.after("60.000000001").marked("ETH", 100)


# Everything about an opening with a stop on the right side; with none; everything about an exit.
EVERYTHING = proposal("buy", 9000, price=200, stop=1, leverage=5, client_id="used")
NO_STOP = {"stop_loss_distance", "liquidation_buffer", "stop_risk_budget"}
AN_EXIT = ("trading_state", "duplicate_order", "unknown_asset", "reduce_only", "price_collar")
WITH_STOP = tuple(code for code in RULES if code not in ("reduce_only", "stop_loss_required", "order_rate"))
TOGETHER: list[tuple[str, Order, tuple[str, ...]]] = [
    ("an opening", EVERYTHING, WITH_STOP),
    (
        "an opening without a stop",
        EVERYTHING.replace(stop_loss=None),
        tuple(code for code in RULES if code not in {"reduce_only", "order_rate", *NO_STOP}),
    ),
    ("an exit", exit_of("buy", 9, price=200, client_id="used"), AN_EXIT),
]


@pytest.mark.parametrize(("wanted", "expected"), [row[1:] for row in TOGETHER], ids=[row[0] for row in TOGETHER])
def test_all_violations_are_reported_in_the_order_of_the_rules(wanted: Order, expected: tuple[str, ...]) -> None:
    """A minute after the last token went there is one again, so the rate comes on top once that is spent too."""
    vault = ruined()
    if wanted.reduce_only:
        vault.gate.pause()
    assert vault.codes(wanted) == expected
    decision = vault.gate.authorize(wanted)  # takes the token
    assert tuple(violation.rule for violation in decision.violations) == expected
    with_rate = tuple(code for code in RULES if code in {*expected, "order_rate"})
    assert vault.codes(wanted) == (expected if wanted.reduce_only else with_rate)
    record = vault.journal("decision")[-1]
    assert tuple(violation["rule"] for violation in record["violations"]) == expected
    assert [v["message"] for v in record["violations"]] == [v.message for v in decision.violations]


UNMEASURED = ("leverage", "position_size", "daily_loss", "drawdown", "concentration", "correlated_exposure")
SMALLEST = proposal("buy", "0.000000001")


def broke(left: str, **changes: Any) -> Vault:
    """Equity of so much, resumed from nothing: the loss limits are as wide as they go, at 100 %."""
    return Vault(**changes).lost(Decimal(10_000) - Decimal(left))


# What is missing, the vault, the order, and what is violated for it.
MISSING: list[tuple[str, Callable[[], Vault], Order, tuple[str, ...]]] = [
    ("no deposit", lambda: Vault(deposit=None), SMALLEST, UNMEASURED),
    # Equity 100, but the day opened at nothing: a loss of 0 is not below 100 % of 0.
    ("no deposit, funding received", lambda: Vault(deposit=None).lost(-100), SMALLEST, ("daily_loss",)),
    # 1,000 x 0.000000001 = 0.000001 of each, and the order is worth 0.0000001
    ("equity one unit above nothing", lambda: broke("0.000000001"), SMALLEST, ()),
    ("equity of nothing", lambda: broke("0"), SMALLEST, ("trading_state", *UNMEASURED)),
    ("equity one unit below nothing", lambda: broke("-0.000000001"), SMALLEST, ("trading_state", *UNMEASURED)),
    ("no ATR", lambda: Vault(atr=None), SMALLEST, ("stop_loss_distance",)),
    ("an ATR of nothing", lambda: Vault(atr=0), SMALLEST, ("stop_loss_distance",)),
    (
        "no mark",
        lambda: Vault(marks={}, max_order_notional=1000),
        proposal("buy", 1, price=100, stop=99, leverage=2),
        ("unknown_asset", "stale_price", "leverage", "position_size", "stop_loss_distance", "concentration",
         "correlated_exposure", "price_collar", "order_notional"),
    ),
    (
        "no mark and no limit price",
        lambda: Vault(marks={}, max_order_notional=1000),
        proposal("buy", 1, stop=99, leverage=2),
        ("unknown_asset", "stale_price", "leverage", "position_size", "stop_loss_required", "concentration",
         "correlated_exposure", "order_notional"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "wanted", "expected"), [row[1:] for row in MISSING], ids=[row[0] for row in MISSING])
def test_what_cannot_be_computed_is_violated(
    given: Callable[[], Vault], wanted: Order, expected: tuple[str, ...]
) -> None:
    """Never skipped, never taken for zero."""
    vault = given()
    assert vault.codes(wanted) == expected
    for violation in vault.gate.validate_order(wanted).violations:
        assert len(violation.message.split()) >= 4


def test_an_asset_held_and_never_marked_stands_against_every_opening() -> None:
    """It cannot be measured: leverage, staleness, and the group that it is in; and it halts."""
    vault = Vault()
    vault.gate.set_correlation_groups({"one": ["BTC", "DOGE"]})
    vault.fill("foreign", 1, asset="DOGE", side="buy")
    vault.gate.resume()  # the mismatch
    assert vault.codes(proposal("buy", 1, "ETH")) == ("trading_state", "stale_price", "leverage")
    expected = ("trading_state", "stale_price", "leverage", "correlated_exposure")
    assert vault.codes(proposal("buy", 1, "BTC")) == expected
    assert vault.marked("DOGE", 100).codes(proposal("buy", 1, "BTC")) == ()


def test_an_overflow_refuses_and_changes_nothing() -> None:
    """1e18 x 1e18 is beyond 128 bits: its own code stands after the rules."""
    vault = Vault(deposit=10**12, marks={"BTC": 10**18})
    before = vault.now
    decision = vault.gate.validate_order(proposal("buy", 10**18, stop=1))
    found = [violation.rule for violation in decision.violations]
    assert found[-1] == "arithmetic_overflow"
    assert {"leverage", "position_size", "concentration", "correlated_exposure"} <= set(found)
    assert vault.now == before
    assert vault.codes(proposal("buy", "0.000000001", stop=10**18 - 1)) == ()


# confidence, exit or opening, by whom; the outcome under a minimum of 0.3
HELD: list[tuple[str, bool, str, str]] = [
    ("0.299999999", False, "agent", "held"),
    ("0.3", False, "agent", "approved"),
    ("0.300000001", False, "agent", "approved"),
    ("0", False, "agent", "held"),
    ("0.299999999", True, "agent", "approved"),
    ("0.299999999", True, "owner", "approved"),
    ("0.299999999", True, "protection", "approved"),
    ("0.299999999", False, "owner", "rejected"),
]


@pytest.mark.parametrize(("confidence", "is_exit", "origin", "outcome"), HELD)
def test_an_unsure_opening_is_held(confidence: str, is_exit: bool, origin: str, outcome: str) -> None:
    """At 0.3 it is not; exits never are."""
    vault = Vault(min_confidence="0.3").holding(5)
    wanted = (exit_of if is_exit else proposal)("sell", 1, confidence=confidence)
    for ask in (vault.gate.validate_order, vault.gate.authorize):
        decision = ask(wanted, origin=origin)  # type: ignore[arg-type]
        assert (decision.outcome, bool(decision)) == (outcome, outcome == "approved")
        assert [v.rule for v in decision.violations] == (["trading_state"] if outcome == "rejected" else [])


def test_a_held_order_lists_its_violations() -> None:
    """`held` wins over `rejected`."""
    decision = Vault(min_confidence="0.3").gate.authorize(proposal(stop=None, confidence="0.1"))
    assert decision.outcome == "held"
    assert [violation.rule for violation in decision.violations] == ["stop_loss_required"]
    assert (decision.order_id, decision.approval) == (None, None)


def test_an_owners_opening_is_refused_for_its_origin_alone() -> None:
    """Rate and collar are the agent's."""
    vault = Vault(price_collar="0.05", order_burst=1, orders_per_minute=1)
    assert vault.gate.authorize(proposal()).approved
    wanted = proposal("buy", 1, price=150)
    assert vault.codes(wanted, "owner") == vault.codes(wanted, "protection") == ("trading_state",)
    assert vault.codes(wanted) == ("price_collar", "order_rate")
