"""Money is exact: the gate against plain fractions; and a flow moves no percentage."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil
from typing import Any

from gxrisk import Gate, Limits, ManualClock
from hypothesis import given
from hypothesis import strategies as st

from .vaults import ASSETS, BOUNDED, START, decimals, sides

ATTO = 10**18
prices = decimals("0.000000001", "99999", 9) | decimals("90", "110", 4)
quantities = decimals("0.000000001", "9999", 9) | st.sampled_from([Decimal(1), Decimal(3)])
amounts = decimals("-5000", "5000", 9)

event = st.one_of(
    st.tuples(st.just("fill"), st.sampled_from(ASSETS), sides, quantities, prices, decimals("-3", "9", 9)),
    st.tuples(st.just("mark"), st.sampled_from(ASSETS), prices),
    st.tuples(st.just("funding"), st.sampled_from(ASSETS), amounts),
    st.tuples(st.just("deposit"), decimals("0.000000001", "9999", 9)),
)


class Ledger:
    """The books in fractions: cash in and out, and what is held."""

    def __init__(self) -> None:
        self.deposits = self.fees = self.funding = self.traded = Fraction(0)
        self.held: dict[str, Fraction] = defaultdict(Fraction)
        self.marks: dict[str, Fraction] = {}
        self.cost_of_unmarked: dict[str, Fraction] = defaultdict(Fraction)

    def note(self, happened: tuple[Any, ...]) -> None:
        """Book one event."""
        match happened:
            case ("fill", asset, side, quantity, price, fee):
                signed = Fraction(quantity) * (1 if side == "buy" else -1)
                self.held[asset] += signed
                self.traded -= signed * Fraction(price)
                self.fees += Fraction(fee)
            case ("mark", asset, price):
                self.marks[asset] = Fraction(price)
            case ("funding", _, amount):
                self.funding += Fraction(amount)
            case ("deposit", amount):
                self.deposits += Fraction(amount)

    def equity(self) -> Fraction:
        """Cash and what is held, at the marks: nothing is shared out, so nothing is rounded."""
        worth = sum((held * self.marks[asset] for asset, held in self.held.items() if held), Fraction(0))
        return self.deposits + self.traded + worth - self.fees + self.funding


def carry_out(gate: Gate, happened: tuple[Any, ...], number: int) -> None:
    """The same on the gate."""
    match happened:
        case ("fill", asset, side, quantity, price, fee):
            assert gate.apply_fill("elsewhere", number, quantity, price, fee, asset=asset, side=side)
        case ("mark", asset, price):
            assert gate.mark(asset, price)
        case ("funding", asset, amount):
            gate.funding(asset, amount)
        case ("deposit", amount):
            gate.deposit(amount)


def fresh() -> Gate:
    """A vault with every asset marked at 100."""
    gate = Gate("exact", Limits.for_tier("growth"), clock=ManualClock(START))
    for asset in ASSETS:
        gate.mark(asset, 100)
    return gate


@BOUNDED
@given(st.lists(event, max_size=30))
def test_equity_is_that_of_fractions(events: list[tuple[Any, ...]]) -> None:
    gate, ledger = fresh(), Ledger()
    ledger.marks = dict.fromkeys(ASSETS, Fraction(100))
    for number, happened in enumerate(events):
        carry_out(gate, happened, number)
        ledger.note(happened)
        now = gate.snapshot()
        assert Fraction(now.equity) == ledger.equity()
        assert Fraction(now.collateral) == ledger.deposits
        assert Fraction(now.fees) == ledger.fees
        assert Fraction(now.funding) == ledger.funding
        assert {a: Fraction(p) for a, p in now.positions.items()} == {a: h for a, h in ledger.held.items() if h}
        with localcontext(prec=80):
            assert now.equity == now.collateral + now.realised + now.unrealised - now.fees + now.funding
            assert now.day_loss == (now.day_opening - now.equity if now.collateral else 0)
            assert now.gross_exposure == sum(now.exposures.values())


@BOUNDED
@given(st.lists(st.tuples(sides, quantities, prices), min_size=1, max_size=12), prices)
def test_a_round_trip_from_flat_to_flat_is_exact(fills: list[tuple[str, Decimal, Decimal]], last: Decimal) -> None:
    gate, ledger = fresh(), Ledger()
    for number, (side, quantity, price) in enumerate(fills):
        carry_out(gate, ("fill", "BTC", side, quantity, price, Decimal(0)), number)
        ledger.note(("fill", "BTC", side, quantity, price, Decimal(0)))
    if held := ledger.held["BTC"]:
        side, size = ("sell", held) if held > 0 else ("buy", -held)
        with localcontext(prec=80):
            quantity = Decimal(size.numerator) / Decimal(size.denominator)
        carry_out(gate, ("fill", "BTC", side, quantity, last, Decimal(0)), len(fills))
        ledger.note(("fill", "BTC", side, quantity, last, Decimal(0)))
    now = gate.snapshot()
    assert now.positions == {}
    assert now.unrealised == 0
    assert Fraction(now.realised) == ledger.traded


def scaled(anchor: Decimal, after: Decimal, before: Decimal) -> Fraction:
    """The anchor times after / before, rounded up at the eighteenth digit."""
    return Fraction(ceil(Fraction(anchor) * Fraction(after) / Fraction(before) * ATTO), ATTO)


@BOUNDED
@given(decimals("-9000", "20000", 9), st.lists(decimals("0.000000001", "1000000", 9), min_size=1, max_size=5))
def test_a_deposit_moves_no_percentage(gain: Decimal, flows: list[Decimal]) -> None:
    gate = fresh()
    gate.deposit(10_000)
    gate.funding("BTC", gain)
    for flow in flows:
        was = gate.snapshot()
        gate.deposit(flow)
        now = gate.snapshot()
        assert Fraction(now.equity) == Fraction(was.equity) + Fraction(flow)
        for name in ("base", "peak", "day_opening"):
            assert Fraction(now[name]) == scaled(was[name], now.equity, was.equity), name
        drawdown = max(Fraction(0), 1 - Fraction(now.equity) / Fraction(now.base))
        assert 0 <= Fraction(now.drawdown) - drawdown < Fraction(1, 10**9)
        assert abs(now.drawdown - was.drawdown) <= Decimal("0.000000001")


@BOUNDED
@given(decimals("0.000000001", "20000", 9), decimals("0.000000001", "20000", 9))
def test_while_nothing_is_left_a_deposit_is_simply_added(loss: Decimal, flow: Decimal) -> None:
    gate = fresh()
    gate.deposit(10_000)
    gate.funding("BTC", -10_000 - loss)
    was = gate.snapshot()
    gate.deposit(flow)
    now = gate.snapshot()
    assert (now.base, now.day_opening) == (was.base + flow, was.day_opening + flow)
    assert now.equity == flow - loss
