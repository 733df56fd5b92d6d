"""Fills, fees, funding, flows and days (section 4). The account starts with 10,000; BTC is marked at 100."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from .rows import number
from .vaults import Number, Side, Vault, exit_of, proposal

Fill = tuple[Side, str, str, str]  # side, quantity, price, fee


class Books(NamedTuple):
    """Executed orders, and what the books say afterwards."""

    case: str
    fills: list[Fill]
    position: str
    cost: str
    realised: str
    fees: str
    unrealised: str
    streak: int


BOOKS = [
    Books("a buy", [("buy", "2", "100", "0.1")], "2", "200", "0", "0.1", "0", 0),
    Books("a sell", [("sell", "2", "103", "0.1")], "-2", "-206", "0", "0.1", "6", 0),
    Books("a rebate", [("buy", "2", "100", "-0.1")], "2", "200", "0", "-0.1", "0", 0),
    Books("two prices", [("buy", "1", "100", "0"), ("buy", "2", "103", "0")], "3", "306", "0", "0", "-6", 0),
    # A third of the cost of 306 goes with the third that is sold: 105 - 102.
    Books("a partial close", [("buy", "1", "100", "0"), ("buy", "2", "103", "0"), ("sell", "1", "105", "0")],
          "2", "204", "3", "0", "-4", 0),
    # A third of 300.000000002 is 100.000000000666..., rounded up, against the trader, at the eighteenth digit.
    Books("a share that does not divide",
          [("buy", "1", "100", "0"), ("buy", "2", "100.000000001", "0"), ("sell", "1", "100.000000001", "0")],
          "2", "200.000000001333333333", "0.000000000333333333", "0", "-0.000000001333333333", 0),
    # The last close takes the remainder, so the whole trip is exact: 300.000000003 - 300.000000002.
    Books("and its remainder",
          [("buy", "1", "100", "0"), ("buy", "2", "100.000000001", "0"), ("sell", "1", "100.000000001", "0"),
           ("sell", "2", "100.000000001", "0")],
          "0", "0", "0.000000001", "0", "0", 0),
    Books("a scratch in thirds is no loser",
          [("buy", "0.000000003", "1.000000001", "0"), ("sell", "0.000000001", "1.000000001", "0"),
           ("sell", "0.000000002", "1.000000001", "0")],
          "0", "0", "0", "0", "0", 0),
    Books("a short that won", [("sell", "2", "100", "0"), ("buy", "2", "90", "0")], "0", "0", "20", "0", "0", 0),
    Books("a loser by one unit", [("buy", "1", "100", "0"), ("sell", "1", "99.999999999", "0")],
          "0", "0", "-0.000000001", "0", "0", 1),
    # 10 won; 2 of fee for 4 units: 0.5 with the close, 1.5 with the new short of 3 at 110, worth 30 more at 100.
    Books("through zero", [("buy", "1", "100", "0"), ("sell", "4", "110", "2")], "-3", "-330", "10", "2", "30", 0),
    # Nothing won; 1 of the fee of 4 is the close's: a loser. The short carries 3.
    Books("through zero, a loser by its share of the fee", [("buy", "1", "100", "0"), ("sell", "4", "100", "4")],
          "-3", "-300", "0", "4", "0", 1),
    Books("and the short, at zero with its share", [("buy", "1", "100", "0"), ("sell", "4", "100", "4"),
          ("buy", "3", "99", "0")], "0", "0", "3", "4", "0", 1),
    Books("and the short, a winner", [("buy", "1", "100", "0"), ("sell", "4", "100", "4"),
          ("buy", "3", "98.9", "0")], "0", "0", "3.3", "4", "0", 0),
    Books("and the short, a loser", [("buy", "1", "100", "0"), ("sell", "4", "100", "4"),
          ("buy", "3", "99.1", "0")], "0", "0", "2.7", "4", "0", 2),
    Books("the entry's fee is of the trip: zero", [("buy", "1", "100", "0.1"), ("sell", "1", "100.1", "0")],
          "0", "0", "0.1", "0.1", "0", 0),
    Books("the entry's fee is of the trip: loser", [("buy", "1", "100", "0.1"), ("sell", "1", "100.099999999", "0")],
          "0", "0", "0.099999999", "0.1", "0", 1),
    Books("partial losers are one trip", [("buy", "3", "100", "0"), ("sell", "1", "99", "0"), ("sell", "1", "99", "0"),
          ("sell", "1", "99", "0")], "0", "0", "-3", "0", "0", 1),
    Books("a losing part of a winner", [("buy", "2", "100", "0"), ("sell", "1", "99", "0"), ("sell", "1", "102", "0")],
          "0", "0", "1", "0", "0", 0),
    Books("two losers", [("buy", "1", "100", "0"), ("sell", "1", "99", "0"), ("sell", "1", "99", "0"),
          ("buy", "1", "100", "0")], "0", "0", "-2", "0", "0", 2),
]  # fmt: skip


@pytest.mark.parametrize("row", BOOKS, ids=[row.case for row in BOOKS])
def test_fills(row: Books) -> None:
    """Average cost, exactly; equity is collateral + realised + unrealised - fees + funding."""
    vault = Vault()
    for side, quantity, price, fee in row.fills:
        vault.filled(proposal(side, number(quantity)), number(price), number(fee))
    snap = vault.now
    position = snap.positions.get("BTC")
    assert (position or 0) == number(row.position)
    assert (position.cost if position else 0) == number(row.cost)
    assert (snap.realised, snap.fees) == (number(row.realised), number(row.fees))
    assert (snap.unrealised, snap.loss_streak) == (number(row.unrealised), row.streak)
    assert snap.equity == 10_000 + snap.realised + snap.unrealised - snap.fees
    assert snap.day_loss == 10_000 - snap.equity


# What is filled in turn (side, quantity, stop; a stop of 0 is an order without approval), the stop of what is held.
STOPS: list[tuple[str, list[tuple[Side, int, int]], int | None]] = [
    ("a long", [("buy", 1, 90)], 90),
    ("the furthest of a long, first", [("buy", 1, 90), ("buy", 1, 95)], 90),
    ("the furthest of a long, last", [("buy", 1, 95), ("buy", 1, 90)], 90),
    ("the furthest of a short", [("sell", 1, 105), ("sell", 1, 110), ("sell", 1, 108)], 110),
    ("a part is closed", [("buy", 2, 90), ("sell", 1, 104)], 90),
    ("through zero", [("buy", 1, 90), ("sell", 3, 104)], 104),
    ("flat in between", [("buy", 1, 80), ("sell", 1, 104), ("buy", 1, 95)], 95),
    ("one had none", [("buy", 1, 90), ("buy", 1, 0)], None),
    ("the first had none", [("buy", 1, 0), ("buy", 1, 90)], None),
    ("none, then through zero", [("buy", 1, 0), ("sell", 2, 104)], 104),
]


@pytest.mark.parametrize(("case", "fills", "stop"), STOPS, ids=[row[0] for row in STOPS])
def test_a_position_knows_its_stop(case: str, fills: list[tuple[Side, int, int]], stop: int | None) -> None:
    """The furthest one of the orders that built it; not known where one of them had none."""
    vault = Vault()
    for side, quantity, at in fills:
        if at:
            vault.filled(proposal(side, quantity, stop=at))
        else:
            vault.fill("elsewhere", quantity, asset="BTC", side=side)
            vault.gate.resume()
    assert vault.now.positions["BTC"].stop_loss == stop, case
    assert vault.gate.agent().snapshot().positions["BTC"].stop_loss == stop, case


def test_a_round_trip_leaves_funding_out() -> None:
    """5 paid in funding, 1 unit won by price: a winner, and the streak is over."""
    vault = Vault().round_trip(-1).holding(1)
    vault.gate.funding("BTC", -5)
    vault.filled(exit_of("sell", 1), "100.000000001")
    assert (vault.now.loss_streak, vault.now.funding) == (0, -5)
    assert vault.now.equity == 10_000 - 1 - 5 + Decimal("0.000000001")


# What changes the equity, by how much the day's loss.
DAY_LOSS: list[tuple[str, Any, str]] = [
    ("nothing", lambda v: v, "0"),
    ("funding paid", lambda v: v.gate.funding("BTC", "-5"), "5"),
    ("funding received", lambda v: v.gate.funding("BTC", "5"), "-5"),
    ("a fee", lambda v: v.filled(proposal("buy", 1, "ETH"), 100, "0.3"), "0.3"),
    ("an unrealised loss", lambda v: v.marked("BTC", "99.5"), "5"),
    ("an unrealised gain", lambda v: v.marked("BTC", "100.000000001"), "-0.00000001"),
    ("a realised loss", lambda v: v.filled(exit_of("sell", 4), 98), "8"),
    ("a deposit", lambda v: v.gate.deposit(7), "0"),
]


@pytest.mark.parametrize(("case", "change", "loss"), DAY_LOSS, ids=[row[0] for row in DAY_LOSS])
def test_the_days_loss_holds_everything(case: str, change: Any, loss: str) -> None:
    """Long 10 at 100; the day opened at 10,000."""
    vault = Vault().holding(10)
    change(vault)
    assert vault.now.day_loss == number(loss), case


class Flow(NamedTuple):
    """What is won (or lost) and paid in, in turn: ("won", 5), ("in", 7). What the account then says."""

    case: str
    deeds: list[tuple[str, str]]
    equity: str
    base: str
    peak: str
    opening: str


FLOWS = [
    Flow("nothing yet", [], "0", "0", "0", "0"),
    Flow("a deposit", [("in", "10000")], "10000", "10000", "10000", "10000"),
    Flow("two deposits", [("in", "10000"), ("in", "2500")], "12500", "12500", "12500", "12500"),
    # 9,000 and 9,000 more: all double
    Flow("a loss, a deposit", [("in", "10000"), ("won", "-1000"), ("in", "9000")], "18000", "20000", "20000", "20000"),
    Flow("a gain, a deposit", [("in", "10000"), ("won", "2000"), ("in", "12000")], "24000", "20000", "24000", "20000"),
    # up to 12,000, down to 9,000, then doubled
    Flow("a peak behind", [("in", "10000"), ("won", "2000"), ("won", "-3000"), ("in", "9000")],
         "18000", "20000", "24000", "20000"),
    # 4/3 of 10 is 13.333..., rounded up at the eighteenth digit
    Flow("a scale that does not divide", [("in", "10"), ("won", "-7"), ("in", "1")],
         "4", "13.333333333333333334", "13.333333333333333334", "13.333333333333333334"),
    # before the first deposit, and while equity is not above nothing, a flow is simply added
    Flow("a gain before the first deposit", [("won", "100"), ("in", "10000")], "10100", "10000", "10100", "10000"),
    Flow("a loss before the first deposit", [("won", "-100"), ("in", "10000")], "9900", "10000", "10000", "10000"),
    Flow("a deposit at zero", [("in", "10000"), ("won", "-10000"), ("in", "500")], "500", "10500", "10500", "10500"),
    Flow("a deposit below zero", [("in", "10000"), ("won", "-10100"), ("in", "500")], "400", "10500", "10500", "10500"),
    Flow("a deposit one unit above", [("in", "1"), ("won", "-0.999999999"), ("in", "0.000000001")],
         "0.000000002", "2", "2", "2"),
]  # fmt: skip


@pytest.mark.parametrize("row", FLOWS, ids=[row.case for row in FLOWS])
def test_flows(row: Flow) -> None:
    """A deposit moves no percentage."""
    vault = Vault(deposit=None)
    for deed, amount in row.deeds:
        if deed == "in":
            vault.gate.deposit(amount)
        else:
            vault.gate.funding("BTC", amount)
    snap = vault.now
    assert snap.equity == number(row.equity)
    assert (snap.base, snap.peak, snap.day_opening) == (number(row.base), number(row.peak), number(row.opening))
    peak_based = Vault(deposit=None, drawdown_base="peak")
    for deed, amount in row.deeds:
        (peak_based.gate.deposit if deed == "in" else lambda won: peak_based.gate.funding("BTC", won))(amount)
    assert peak_based.now.base == number(row.peak)


def test_nothing_is_lost_before_the_first_deposit() -> None:
    """Neither of the day nor of the base."""
    snap = Vault(deposit=None).lost(100).now
    assert (snap.equity, snap.day_loss, snap.drawdown) == (-100, 0, 0)


MIDNIGHT = "2020-03-13T00:00:00Z"


def held_overnight() -> Vault:
    """Long 10, marked at 110 just before midnight: 10,100 by the last marks of the old day."""
    vault = Vault(max_daily_trades=5, at="2020-03-12T23:59:00Z").holding(10)
    return vault.after(59).marked("BTC", 110)


# What is the first thing to happen on the new day; the day's loss after it, measured from 10,100.
FIRST_OF_THE_DAY: list[tuple[str, Any, Number]] = [
    ("a question", lambda v: v.gate.state, 0),
    ("a mark", lambda v: v.marked("BTC", 90), 200),
    ("a fee", lambda v: v.filled(proposal("buy", 1, "ETH"), 100, 3), 3),
    ("funding", lambda v: v.gate.funding("BTC", -7), 7),
    ("a deposit", lambda v: v.gate.deposit(10_100), 0),
]


@pytest.mark.parametrize(("case", "first", "loss"), FIRST_OF_THE_DAY, ids=[row[0] for row in FIRST_OF_THE_DAY])
def test_a_day_opens_at_the_equity_of_the_last_marks_of_the_old_one(case: str, first: Any, loss: Number) -> None:
    """Whatever comes first on the new day comes after its opening."""
    vault = held_overnight()
    assert (vault.now.day_opening, vault.now.day_loss, vault.now.daily_trades) == (10_000, -100, 1)
    vault.clock.set("2020-03-12T23:59:59.999999999Z")
    assert vault.now.day_opening == 10_000
    vault.clock.set(MIDNIGHT)
    first(vault)
    (record,) = vault.journal("day")
    assert (record["date"], record["opening"]) == ("2020-03-13", 10_100)
    assert vault.now.day_loss == loss, case
    assert vault.now.daily_trades == (1 if case == "a fee" else 0)


def test_days_that_nobody_saw_are_one_roll() -> None:
    """From the 12th to the 20th; the trades of the day start anew."""
    vault = held_overnight()
    vault.clock.set("2020-03-20T08:00:00Z")
    assert vault.now.day_opening == 10_100
    assert [record["date"] for record in vault.journal("day")] == ["2020-03-20"]


# Memecoin and its opposite: quantity, price, a price one step on, and what that step is worth.
SCALES: list[tuple[str, str, str, str, str]] = [
    ("1e12 units at 1e-8", "1000000000000", "0.00000001", "0.000000011", "1000"),
    ("1e-6 units at 1e7", "0.000001", "10000000", "10000000.000000001", "0.000000000000001"),
    ("1e-9 units at 1e9", "0.000000001", "1000000000", "1000000000.000000001", "0.000000000000000001"),
    ("1e18 units at 2e-9", "1000000000000000000", "0.000000002", "0.000000003", "1000000000"),
]


@pytest.mark.parametrize(("case", "quantity", "price", "next_price", "gain"), SCALES, ids=[row[0] for row in SCALES])
def test_scales(case: str, quantity: str, price: str, next_price: str, gain: str) -> None:
    """Bought and sold at one step more; at the boundary of an absolute cap to the smallest unit."""
    notional = number(quantity) * number(price)
    vault = Vault(deposit=10**7, marks={"BTC": price}, atr=number(price), max_order_notional=notional)
    wanted = proposal("buy", quantity, price=price)
    if case != "1e18 units at 2e-9":  # no quantity is above 1e18
        above = wanted.replace(quantity=number(quantity) + Decimal("0.000000001"))
        assert vault.codes(above) == ("order_notional",)
    assert vault.gate.max_quantity(wanted) == number(quantity)
    vault.filled(wanted, price)
    assert (vault.now.equity, vault.now.exposures["BTC"]) == (10**7, notional)
    vault.marked("BTC", next_price)
    assert vault.now.unrealised == number(gain)
    vault.filled(exit_of("sell", quantity), next_price)
    assert (vault.now.realised, vault.now.equity) == (number(gain), 10**7 + number(gain))
