"""Changed limits and breakers (section 9): tightening trips at once, loosening never ends one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from gxrisk import BREAKERS, VaultError

from .vaults import UNIT, Vault, exit_of, proposal


def moved() -> Vault:
    """7 % up within the window, where 10 % are allowed."""
    return Vault(price_move_max="0.1", price_move_window_s=300, price_move_pause_s=900).after(10).marked("BTC", 107)


def silent() -> Vault:
    """ETH is held and its mark is 31 s old."""
    return Vault(mark_age_s_max=60).holding(1, "ETH").after(31)


def losing() -> Vault:
    """Three lost in a row."""
    return Vault(losses_in_row_max=5, loss_pause_s=1800).round_trip(-1).round_trip(-1).round_trip(-1)


def volatile() -> Vault:
    """Volatility of 20 %."""
    vault = Vault(volatility_max="0.3")
    vault.gate.set_volatility("0.2")
    return vault


# breaker, vault, limit, a value that does not trip, one that does
TIGHTENED: list[tuple[str, Callable[[], Vault], str, Decimal | int, Decimal | int]] = [
    ("price_move", moved, "price_move_max", Decimal("0.07"), Decimal("0.07") - UNIT),
    ("drawdown", lambda: Vault().lost(1000), "max_drawdown", Decimal("0.1") + UNIT, Decimal("0.1")),
    ("daily_loss", lambda: Vault().lost(300), "max_daily_loss", Decimal("0.03") + UNIT, Decimal("0.03")),
    ("oracle_failure", silent, "mark_age_s_max", 31, 31 - UNIT),
    ("consecutive_losses", losing, "losses_in_row_max", 4, 3),
    ("execution_failure", lambda: Vault().failed().failed(), "failures_in_row_max", 3, 2),
    ("trade_limit", lambda: Vault().holding(1).holding(1), "max_daily_trades", 3, 2),
    ("volatility", volatile, "volatility_max", Decimal("0.2"), Decimal("0.2") - UNIT),
]


@pytest.mark.parametrize(("breaker", "given", "limit", "holds", "trips"), TIGHTENED, ids=[row[0] for row in TIGHTENED])
def test_tightening_trips_at_once(
    breaker: str, given: Callable[[], Vault], limit: str, holds: Decimal | int, trips: Decimal | int
) -> None:
    """The record of the trip follows that of the limits."""
    vault = given()
    assert vault.limited(**{limit: holds}).tripped() == ()
    sequence = vault.now.sequence
    vault.limited(**{limit: trips})
    assert [record["kind"] for record in vault.gate.events(sequence)][:2] == ["limits", "trip"]
    assert vault.tripped() == (breaker,)


def test_the_tightened_drawdown_base_trips_at_once() -> None:
    """Measured from the peak of 12,000 instead of the deposit: 2,000 are lost, of 1,800."""
    vault = Vault(max_drawdown="0.15").lost(-2000).lost(2000)
    assert vault.tripped() == ()
    assert vault.limited(drawdown_base="peak").tripped() == ("drawdown",)


def executed() -> Vault:
    """More was filled than approved, and closed again."""
    vault = Vault()
    vault.fill("foreign", 1, asset="BTC", side="buy")
    vault.fill("back", 1, asset="BTC", side="sell")
    return vault


def jumped() -> Vault:
    """A move of 12 %."""
    return moved().marked("BTC", 112)


def lost_five() -> Vault:
    """Five lost in a row."""
    return losing().round_trip(-1).round_trip(-1)


def wild() -> Vault:
    """Volatility of 50 %."""
    vault = volatile()
    vault.gate.set_volatility("0.5")
    return vault


def day_over() -> Vault:
    """Two openings, both closed, of two a day."""
    return Vault(max_daily_trades=2).round_trip(1).round_trip(1)


LOOSENED: list[tuple[str, Callable[[], Vault], dict[str, Any]]] = [
    ("price_move", jumped, {"price_move_max": 1, "price_move_window_s": 1, "price_move_pause_s": 1}),
    ("drawdown", lambda: Vault(max_drawdown="0.15").lost(1500), {"max_drawdown": 1}),
    ("daily_loss", lambda: Vault(max_daily_loss="0.04").lost(400), {"max_daily_loss": 1}),
    ("consecutive_losses", lost_five, {"losses_in_row_max": 100, "loss_pause_s": 1}),
    ("execution_failure", lambda: Vault(failures_in_row_max=1).failed(), {"failures_in_row_max": 100}),
    ("trade_limit", day_over, {"max_daily_trades": 100}),
    ("volatility", wild, {"volatility_max": 1}),
    ("fill_mismatch", executed, {"max_leverage": 1000}),
]


@pytest.mark.parametrize(("breaker", "given", "limits"), LOOSENED, ids=[row[0] for row in LOOSENED])
def test_loosening_never_ends_a_breaker(breaker: str, given: Callable[[], Vault], limits: dict[str, Any]) -> None:
    """Nor moves the end of one that is timed."""
    vault = given()
    before = [(trip.breaker, trip.since, trip.until) for trip in vault.gate.trips]
    vault.limited(**limits).after(2)
    assert [(trip.breaker, trip.since, trip.until) for trip in vault.gate.trips] == before
    assert [breaker_ for breaker_, *_ in before] == [breaker]
    assert vault.journal("end") == []


def test_an_oracle_failure_cannot_be_loosened_away() -> None:
    """It needs exposure, and with exposure nothing is loosened."""
    vault = silent().after(30)
    assert vault.tripped() == ("oracle_failure",)
    with pytest.raises(VaultError, match="mark_age_s_max"):
        vault.limited(mark_age_s_max=3600)
    assert vault.tripped() == ("oracle_failure",)


def test_the_tables_cover_every_breaker() -> None:
    """fill_mismatch has no limit to tighten; oracle_failure cannot be loosened."""
    assert [row[0] for row in TIGHTENED] == [code for code in BREAKERS if code != "fill_mismatch"]
    assert [row[0] for row in LOOSENED] == [code for code in BREAKERS if code != "oracle_failure"]


# What stands in the way of loosening, and whether it does.
IN_THE_WAY: list[tuple[str, Callable[[], Any], bool]] = [
    ("nothing", Vault, True),
    ("a position", lambda: Vault().holding("0.000000001"), False),
    ("a short", lambda: Vault().holding("-0.000000001"), False),
    ("a working order", lambda: with_working(), False),
    ("a working exit", lambda: with_working(exiting=True), False),
    ("what was closed", lambda: Vault().round_trip(1), True),
]


def with_working(exiting: bool = False) -> Vault:
    """An order at the venue; a working exit has its position too."""
    vault = Vault()
    if exiting:
        vault.holding(1).accepted(exit_of("sell", 1))
    else:
        vault.accepted(proposal())
    return vault


@pytest.mark.parametrize(("case", "given", "is_free"), IN_THE_WAY, ids=[row[0] for row in IN_THE_WAY])
def test_loosening_needs_a_flat_vault_with_no_working_orders(
    case: str, given: Callable[[], Vault], is_free: bool
) -> None:
    """Refused as a whole, tightened fields and all; tightening alone is always possible."""
    vault = given().limited(max_leverage=50, price_collar="0.5")
    change = vault.gate.limits.replace(max_leverage="50.000000001", price_collar="0.1")
    if is_free:
        vault.gate.set_limits(change)
    else:
        with pytest.raises(VaultError, match="max_leverage"):
            vault.gate.set_limits(change)
    assert vault.gate.limits == change if is_free else vault.gate.limits.price_collar == Decimal("0.5"), case
