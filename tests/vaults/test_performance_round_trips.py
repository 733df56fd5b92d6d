"""Round trips: by hand, and against the gate's own books."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from gxrisk import Gate, Limits, ManualClock, order
from gxrisk.vaults.round_trips import RoundTrip, RoundTrips, round_trips
from hypothesis import given, settings
from hypothesis import strategies as st

D = Decimal
START = "2020-03-12T00:00:00Z"
ASSETS = ("BTC", "ETH")
Fill = tuple[str, str, str, str]  # side, quantity, price, fee


def gate() -> tuple[Gate, ManualClock]:
    clock = ManualClock(START)
    made = Gate("trips", Limits.for_tier("growth"), clock=clock)
    made.deposit(10_000)
    for asset in ASSETS:
        made.mark(asset, 100, atr=1)
    return made, clock


# fills, ten seconds apart | side, quantity, profit, fees and seconds of each round trip | what is still held
TABLE: list[tuple[str, list[Fill], list[tuple[str, str, str, str, int]], str]] = [
    ("long", [("buy", "2", "100", "1"), ("sell", "2", "103", "1")], [("long", "2", "4", "2", 10)], "0"),
    ("short", [("sell", "2", "100", "0"), ("buy", "2", "103", "0.5")], [("short", "2", "-6.5", "0.5", 10)], "0"),
    ("rebate", [("buy", "1", "100", "-1"), ("sell", "1", "100", "0")], [("long", "1", "1", "-1", 10)], "0"),
    (
        "in parts",
        [("buy", "1", "100", "0"), ("buy", "1", "110", "0"), ("sell", "0.5", "120", "0"), ("sell", "1.5", "90", "0")],
        [("long", "2", "-15", "0", 30)],
        "0",
    ),
    (
        "through zero, the fee of 3 shared 1 to 2",
        [("buy", "1", "100", "0"), ("sell", "3", "110", "3"), ("buy", "2", "105", "0")],
        [("long", "1", "9", "1", 10), ("short", "2", "8", "2", 10)],
        "0",
    ),
    ("still open", [("buy", "2", "100", "1"), ("sell", "1", "103", "1")], [], "1"),
]


@pytest.mark.parametrize(("fills", "ended", "held"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_round_trips(fills: list[Fill], ended: list[tuple[str, str, str, str, int]], held: str) -> None:
    made, clock = gate()
    for number, (side, quantity, price, fee) in enumerate(fills):
        made.apply_fill("elsewhere", number, quantity, price, fee, asset="BTC", side=side)  # type: ignore[arg-type]
        clock.advance(10)
    fold = RoundTrips()
    trips = [trip for one in made.events() if one["kind"] == "fill" and (trip := fold.fold(one)) is not None]
    assert [(t.side, t.quantity, t.profit, t.fees, t.duration_s) for t in trips] == [
        (side, D(quantity), D(profit), D(fees), seconds) for side, quantity, profit, fees, seconds in ended
    ]
    assert sum(one.quantity for one in fold.held.values()) == D(held)
    assert [trip.decision for trip in trips] == [None] * len(trips)  # nobody approved these


def test_a_round_trip_knows_why_it_was_opened() -> None:
    made, _ = gate()

    def trade(number: int, side: str, why: str, *, reduce_only: bool = False) -> int:
        stop = None if reduce_only else 98 if side == "buy" else 102
        wish = order("BTC", side, 2, confidence=1, reasoning=why, stop_loss=stop, reduce_only=reduce_only)  # type: ignore[arg-type]
        decision = made.authorize(wish)
        assert decision.order_id is not None, decision.violations
        assert made.apply_fill(decision.order_id, number, 2, 100)
        assert decision.sequence is not None
        return decision.sequence

    first = trade(1, "buy", "cheap")
    trade(2, "sell", "dear", reduce_only=True)
    second = trade(3, "sell", "dear still")
    trade(4, "buy", "enough", reduce_only=True)
    found: list[RoundTrip] = list(round_trips(made.events()))
    assert [(one.decision, one.reasoning, one.profit) for one in found] == [
        (first, "cheap", 0), (second, "dear still", 0),
    ]  # fmt: skip


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(low), D(high), places=places, allow_nan=False, allow_infinity=False)


prices = decimals("0.000000001", "99999", 9) | decimals("90", "110", 4)
quantities = decimals("0.000000001", "9999", 9) | st.sampled_from([D(1), D(2), D(3)])
fills_of_all = st.lists(
    st.tuples(st.sampled_from(ASSETS), st.sampled_from(["buy", "sell"]), quantities, prices, decimals("-3", "9", 9)),
    max_size=40,
)


@settings(deadline=None, database=None, print_blob=True, max_examples=200)
@given(fills_of_all, st.integers(0, 40))
def test_the_sum_of_round_trips_is_the_gates_own(
    fills: list[tuple[str, str, Decimal, Decimal, Decimal]], cut: int
) -> None:
    """P&L of what ended + of what is open = realised - fees, to the last digit; a restart of the fold included."""
    made, _ = gate()
    for number, (asset, side, quantity, price, fee) in enumerate(fills):
        made.apply_fill("elsewhere", number, quantity, price, fee, asset=asset, side=side)  # type: ignore[arg-type]
    fold, profit = RoundTrips(), D(0)
    with localcontext(prec=100):
        for number, event in enumerate(one for one in made.events() if one["kind"] == "fill"):
            if number == cut:
                fold = RoundTrips.of_rows(fold.to_rows())
            trip = fold.fold(event)
            profit += 0 if trip is None else trip.profit
        profit += sum(one.profit for one in fold.held.values())
        now = made.snapshot()
        assert profit == now.realised - now.fees
        assert {asset: (one.quantity, one.cost) for asset, one in fold.held.items()} == {
            asset: (one.quantity, one.cost) for asset, one in now.positions.items()
        }
