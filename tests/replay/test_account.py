"""The ungated account: exact, and the same as the gate's own accounting."""

from decimal import Decimal
from fractions import Fraction
from typing import Literal

import pytest
from gxrisk import Gate, Limits, ManualClock
from gxrisk.replay import Account, Costs, ReplayError
from hypothesis import given
from hypothesis import strategies as st

Side = Literal["buy", "sell"]
D = Decimal

# fills (side, quantity, price, fee), then: position, realised, the P&L of each finished round trip
ROUND_TRIPS = [
    ("long and out", [("buy", 2, 100, 1), ("sell", 2, 105, 1)], 0, 10, [8]),
    ("short and out", [("sell", 2, 100, 1), ("buy", 2, 105, 1)], 0, -10, [-12]),
    ("added to", [("buy", 1, 100, 0), ("buy", 1, 110, 0), ("sell", 2, 120, 0)], 0, 30, [30]),
    ("in two parts", [("buy", 2, 100, 1), ("sell", 1, 105, 1), ("sell", 1, 95, 1)], 0, 0, [-3]),
    ("through zero", [("buy", 1, 100, 0), ("sell", 3, 90, 3)], -2, -10, [-11]),
    ("through zero and out", [("sell", 1, 100, 0), ("buy", 2, 90, 2), ("sell", 1, 95, 1)], 0, 15, [9, 3]),
]


@pytest.mark.parametrize(
    ("fills", "position", "realised", "profits"), [row[1:] for row in ROUND_TRIPS], ids=[row[0] for row in ROUND_TRIPS]
)
def test_round_trips(fills: list[tuple[Side, int, int, int]], position: int, realised: int, profits: list[int]) -> None:
    account = Account(D(1000))
    ended = [account.apply("BTC", side, D(quantity), D(price), D(fee)) for side, quantity, price, fee in fills]
    assert [profit for profit in ended if profit is not None] == profits
    assert account.quantity("BTC") == position
    assert account.realised == realised
    assert account.fees == sum(fill[3] for fill in fills)


MONEY = st.decimals("0.01", "100000", places=2)
FILLS = st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.decimals("0.001", "10", places=3), MONEY, MONEY))


@given(fills=FILLS, mark=MONEY)
def test_equity_is_the_cash_flow_plus_the_position_at_the_mark(
    fills: list[tuple[Side, Decimal, Decimal, Decimal]], mark: Decimal
) -> None:
    account, cash, position = Account(D(1000)), Fraction(1000), Fraction(0)
    for side, quantity, price, fee in fills:
        account.apply("BTC", side, quantity, price, fee)
        signed = Fraction(quantity) * (1 if side == "buy" else -1)
        cash -= signed * Fraction(price) + Fraction(fee)
        position += signed
    account.mark("BTC", mark)
    assert Fraction(account.equity) == cash + position * Fraction(mark)
    assert Fraction(account.quantity("BTC")) == position


@given(fills=FILLS, mark=MONEY)
def test_the_gate_keeps_the_same_account(fills: list[tuple[Side, Decimal, Decimal, Decimal]], mark: Decimal) -> None:
    """Fills that no one approved are booked all the same: the venue is the truth."""
    account = Account(D(1000))
    gate = Gate("v", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    gate.deposit(1000)
    for number, (side, quantity, price, fee) in enumerate(fills):
        account.apply("BTC", side, quantity, price, fee)
        gate.apply_fill(f"o{number}", "f", quantity, price, fee, asset="BTC", side=side)
    account.mark("BTC", mark)
    gate.mark("BTC", mark)
    assert gate.snapshot().equity == account.equity


# (side, market, slippage in bp, price, fee in bp, fee of one unit)
COSTS = [
    ("buy", "1000", 5, "1000.5", 4, "0.4002"),
    ("sell", "1000", 5, "999.5", 4, "0.3998"),
    ("buy", "0.000000001", 5, "0.000000002", 4, "0.000000001"),
    ("sell", "0.000000001", 5, "0.000000001", 4, "0.000000001"),
    ("buy", "7", 0, "7", 0, "0"),
]


@pytest.mark.parametrize(("side", "market", "slippage", "price", "fee_bp", "fee"), COSTS)
def test_costs_go_against_the_trader(side: Side, market: str, slippage: int, price: str, fee_bp: int, fee: str) -> None:
    costs = Costs(D(slippage), D(fee_bp))
    assert costs.price(side, D(market)) == D(price)
    assert costs.fee(D(1), costs.price(side, D(market))) == D(fee)


@pytest.mark.parametrize("value", ["-1", "1001", "nan", "inf"])
def test_absurd_costs_are_refused(value: str) -> None:
    with pytest.raises(ReplayError, match="basis points"):
        Costs(slippage_bp=D(value))
    with pytest.raises(ReplayError, match="basis points"):
        Costs(fee_bp=D(value))
