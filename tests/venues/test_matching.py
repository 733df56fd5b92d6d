"""What fills, when and at which price: one row a behaviour, prices worked out by hand, fees and slippage switched off.

A row plays bars (one price, or open-high-low-close) of one minute from minute 0 on. An action in minute n comes after
the moment in which bar n opens, so the first price that it can meet is the open of bar n, told when the bar closes. The
open of bar 0 gives nothing, since no volume is known: what is sent in minute 0 meets the open of bar 1 first.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest
from gxrisk import ManualClock, order
from gxrisk.feeds import Moment
from gxrisk.venues import PaperVenue

from tests.venues.vault import FREE, MINUTE_MS, Play, Vault, bar, done, play, trade

Row = tuple[str, Sequence[Any], Play, list[str]]

TIMING: list[Row] = [
    ("a decision never fills at its own price", [100, 101], {0: lambda v: v.buy(1)}, ["#1 order buy 1 @ 101"]),
    ("nor at the close after it", [(100, 100, 90, 90), 95], {0: lambda v: v.buy(1)}, ["#1 order buy 1 @ 95"]),
    ("a gap in the data", [100, None, None, 104], {0: lambda v: v.buy(1)}, ["#1 order buy 1 @ 104"]),
    (
        "a cancel that arrives within a bar comes after it",
        [100, (100, 100, 89, 95), 95],
        {0: lambda v: v.buy(1, 90), 1: lambda v: v.cancel(1)},
        ["#1 order buy 1 @ 90"],
    ),
    (
        "and before the next one",
        [100, 100, (100, 100, 89, 95)],
        {0: lambda v: v.buy(1, 90), 1: lambda v: v.cancel(1)},
        ["#1 cancelled: cancelled on request"],
    ),
    (
        "a cancel in the same minute as the order",
        [100, (100, 100, 89, 95)],
        {0: lambda v: (v.buy(1, 90), v.cancel(1))},
        ["#1 cancelled: cancelled on request"],
    ),
]

ON_OPEN: list[Row] = [
    (
        "sent to an open, whatever the bar comes to",
        [100, (101, 150, 50, 99), 105],
        {1: lambda v: v.buy(1)},
        ["#1 order buy 1 @ 101"],
    ),
    (
        "its stop holds in the rest of the bar",
        [100, (101, 101, 94, 99)],
        {1: lambda v: v.buy(1, stop=95)},
        ["#1 order buy 1 @ 101", "#1 stop_loss sell 1 @ 95"],
    ),
    (
        "a stop that the open has gapped",
        [100, (94, 96, 93, 96)],
        {1: lambda v: v.buy(1, stop=95)},
        ["#1 order buy 1 @ 94", "#1 stop_loss sell 1 @ 94"],
    ),
    (
        "its target holds there too",
        [100, (101, 105, 100, 101)],
        {1: lambda v: v.buy(1, target=104)},
        ["#1 order buy 1 @ 101", "#1 take_profit sell 1 @ 104"],
    ),
    (
        "of both the stop counts",
        [100, (101, 110, 90, 100), 100],
        {1: lambda v: v.buy(1, stop=95, target=104)},
        ["#1 order buy 1 @ 101", "#1 stop_loss sell 1 @ 95"],
    ),
    (
        "an exit comes before the stop that the bar reaches",
        [100, (100, 100, 90, 90), 95],
        {0: lambda v: v.buy(2, stop=95), 1: lambda v: v.sell(2, reduce_only=True)},
        ["#1 order buy 2 @ 100", "#2 order sell 2 @ 100"],
    ),
    (
        "a cancel of the same minute is too late",
        [100, 101],
        {1: lambda v: (v.buy(1), v.cancel(1))},
        ["#1 order buy 1 @ 101"],
    ),
    ("a limit that the open is through takes", [100, 101], {1: lambda v: v.buy(1, 103)}, ["#1 order buy 1 @ 101"]),
    (
        "one that it is not rests",
        [100, (100, 100, 90, 99), 99, 97],
        {1: lambda v: v.buy(1, 98)},
        ["#1 order buy 1 @ 97"],
    ),
    ("no bar begins then", [100, 100, None, 104], {2: lambda v: v.buy(1)}, ["#1 order buy 1 @ 104"]),
]

LIMITS: list[Row] = [
    ("a touch fills no buy", [100, (100, 100, 98, 99), 99], {0: lambda v: v.buy(1, 98)}, []),
    ("through it does", [100, (100, 100, "97.999999999", 99)], {0: lambda v: v.buy(1, 98)}, ["#1 order buy 1 @ 98"]),
    ("a touch fills no sale", [100, (100, 102, 100, 101), 101], {0: lambda v: v.sell(1, 102)}, []),
    ("through it does too", [100, (100, "102.1", 100, 101)], {0: lambda v: v.sell(1, 102)}, ["#1 order sell 1 @ 102"]),
    ("a gap gives the better open", [100, 100, 95], {0: lambda v: v.buy(1, 98)}, ["#1 order buy 1 @ 95"]),
    ("and to a sale", [100, 100, 105], {0: lambda v: v.sell(1, 102)}, ["#1 order sell 1 @ 105"]),
    ("a limit through the market takes it", [100, 100], {0: lambda v: v.buy(1, 103)}, ["#1 order buy 1 @ 100"]),
    ("the bar in which it arrives cannot fill it", [(100, 100, 90, 99), 99], {0: lambda v: v.buy(1, 98)}, []),
]

LEGS: list[Row] = [
    ("a stop touched", [100, (100, 100, 95, 99)], {0: lambda v: v.buy(1, stop=95)}, ["#1 stop_loss sell 1 @ 95"]),
    ("a stop not reached", [100, (100, 100, "95.000000001", 99)], {0: lambda v: v.buy(1, stop=95)}, []),
    ("a short's stop", [100, (100, 105, 100, 99)], {0: lambda v: v.sell(1, stop=105)}, ["#1 stop_loss buy 1 @ 105"]),
    ("a gap through the stop", [100, 100, 90], {0: lambda v: v.buy(1, stop=95)}, ["#1 stop_loss sell 1 @ 90"]),
    ("a short's gap", [100, 100, 110], {0: lambda v: v.sell(1, stop=105)}, ["#1 stop_loss buy 1 @ 110"]),
    ("an entry past its stop", [100, 94], {0: lambda v: v.buy(1, stop=95)}, ["#1 stop_loss sell 1 @ 94"]),
    ("a target touched", [100, (100, 104, 100, 101)], {0: lambda v: v.buy(1, target=104)}, []),
    (
        "a target crossed",
        [100, (100, "104.5", 100, 101)],
        {0: lambda v: v.buy(1, target=104)},
        ["#1 take_profit sell 1 @ 104"],
    ),
    ("a target gapped", [100, 100, 107], {0: lambda v: v.buy(1, target=104)}, ["#1 take_profit sell 1 @ 107"]),
    (
        "one bar reaches both: the stop counts",
        [100, (100, 110, 90, 100), 100],
        {0: lambda v: v.buy(1, stop=95, target=104)},
        ["#1 stop_loss sell 1 @ 95"],
    ),
    (
        "one cancels the other",
        [100, (100, 105, 100, 105), (105, 105, 90, 90)],
        {0: lambda v: v.buy(1, stop=95, target=104)},
        ["#1 take_profit sell 1 @ 104"],
    ),
    (
        "a fill within a bar has its stop in the same bar",
        [100, (100, 100, 94, 99)],
        {0: lambda v: v.buy(1, 98, stop=95)},
        ["#1 stop_loss sell 1 @ 95"],
    ),
    (
        "but its target only from the next bar on",
        [100, (100, 105, 97, 100), (100, 104, 100, 100)],
        {0: lambda v: v.buy(1, 98, target=104)},
        [],
    ),
    (
        "stops in the order in which the market meets them",
        [100, 100, (100, 100, 90, 90)],
        {0: lambda v: (v.buy(1, stop=92), v.buy(2, stop=96))},
        ["#2 stop_loss sell 2 @ 96", "#1 stop_loss sell 1 @ 92"],
    ),
]

REDUCTIONS: list[Row] = [
    (
        "an existing stop comes before an opening order",
        [100, 100, 100, (100, 100, 94, 94)],
        {0: lambda v: v.buy(2, stop=95), 1: lambda v: v.buy(1, 98, stop=90)},
        ["#1 stop_loss sell 2 @ 95", "#2 order buy 1 @ 98"],
    ),
    (
        "the oldest legs shrink first",
        [100, 100, 100, (100, 100, 90, 90)],
        {0: lambda v: (v.buy(2, stop=92), v.buy(2, stop=96)), 1: lambda v: v.sell(3, reduce_only=True)},
        ["#3 order sell 3 @ 100", "#2 stop_loss sell 1 @ 96"],
    ),
    (
        "flat leaves no leg",
        [100, 100, 100, (100, 100, 90, 90)],
        {0: lambda v: v.buy(2, stop=92), 1: lambda v: v.sell(2, reduce_only=True)},
        ["#2 order sell 2 @ 100"],
    ),
    (
        "a turn keeps legs of what it opened alone",
        [100, 100, 100, (100, 120, 100, 90)],
        {0: lambda v: v.buy(1, stop=95), 1: lambda v: v.sell(3, stop=110)},
        ["#2 order sell 3 @ 100", "#2 stop_loss buy 2 @ 110"],
    ),
    (
        "an opening order that only reduces brings no leg",
        [100, 100, 100, (100, 120, 100, 90)],
        {0: lambda v: v.buy(3, stop=90), 1: lambda v: v.sell(1, stop=110)},
        ["#2 order sell 1 @ 100"],
    ),
    (
        "a leg first cancels the exit that would exceed",
        [100, 100, 100, (100, 100, 90, 90)],
        {0: lambda v: v.buy(2, stop=95), 1: lambda v: v.sell(2, 120, reduce_only=True)},
        ["#2 cancelled: reduce-only: it would exceed the position", "#1 stop_loss sell 2 @ 95"],
    ),
    (
        "and keeps the exit for which there is room",
        [100, 100, 100, (100, 100, 95, 95), (95, 121, 95, 95)],
        {
            0: lambda v: (v.buy(2, stop=96), v.buy(2, stop=91)),
            1: lambda v: (v.sell(2, 120, reduce_only=True), v.sell(1, 130, reduce_only=True)),
        },
        [
            "#4 cancelled: reduce-only: it would exceed the position",
            "#1 stop_loss sell 2 @ 96",
            "#3 order sell 2 @ 120",
        ],
    ),
    (
        "the stop comes before an exit at a better price in the same bar",
        [100, 100, 100, (100, 121, 90, 90)],
        {0: lambda v: v.buy(2, stop=95), 1: lambda v: v.sell(1, 120, reduce_only=True)},
        ["#2 cancelled: reduce-only: it would exceed the position", "#1 stop_loss sell 2 @ 95"],
    ),
]


ENTRIES = {name: 0 for name, *_ in TIMING + ON_OPEN + LIMITS} | {name: 1 for name, *_ in LEGS + REDUCTIONS}
ENTRIES |= dict.fromkeys(
    (
        "stops in the order in which the market meets them",
        "the oldest legs shrink first",
        "and keeps the exit for which there is room",
    ),
    2,
)


ROWS = TIMING + ON_OPEN + LIMITS + LEGS + REDUCTIONS


@pytest.mark.parametrize(("name", "bars", "actions", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_matching(name: str, bars: Sequence[Any], actions: Play, expected: list[str]) -> None:
    """Every row ends with exactly the reports it names; acceptances and the entries before them are left out."""
    vault = Vault(PaperVenue(costs=FREE))
    lines = [line.split(" ", 1)[1] for line in play(vault, candles(bars), actions)]
    told = [line for line in lines if not line.endswith("accepted")]
    entries = ENTRIES[name]
    assert told[entries:] == expected
    assert [line.split(" ")[:2] for line in told[:entries]] == [[f"#{one + 1}", "order"] for one in range(entries)]
    vault.agrees()


def candles(rows: Sequence[Any]) -> list[Any]:
    """The bars of a row; None leaves a minute out."""
    return [
        bar(minute, *(row if isinstance(row, tuple) else (row,))) for minute, row in enumerate(rows) if row is not None
    ]


@pytest.mark.parametrize(
    ("latency_ms", "filled"),
    [(0, "1 #1 order buy 1 @ 101"), (60_000, "1 #1 order buy 1 @ 101"), (60_001, "2 #1 order buy 1 @ 102")],
)
def test_latency_to_the_millisecond(latency_ms: int, filled: str) -> None:
    """An order takes part in what begins when it has arrived, and not a millisecond before."""
    vault = Vault(PaperVenue(costs=replace(FREE, latency_ms=latency_ms)))
    lines = play(vault, [bar(0, 100), bar(1, 101), bar(2, 102)], {0: lambda v: v.buy(1)})
    assert lines[1] == filled


@pytest.mark.parametrize(("latency_ms", "price"), [(0, 101), (59_999, 101), (60_000, 102), (60_001, 103)])
def test_who_arrives_after_the_bar_does_not_get_its_open(latency_ms: int, price: int) -> None:
    """An order that was sent to an open arrives while the bar lasts, or meets the first open after its arrival."""
    vault = Vault(PaperVenue(costs=replace(FREE, latency_ms=latency_ms)))
    lines = play(vault, [bar(minute, 100 + minute) for minute in range(4)], {1: lambda v: v.buy(1)})
    assert lines[1].endswith(f"#1 order buy 1 @ {price}")


@pytest.mark.parametrize(("late_ms", "price"), [(0, 101), (1, 102), (30_000, 102), (59_750, 102), (59_751, 103)])
def test_who_thinks_gets_no_price_from_before(late_ms: int, price: int) -> None:
    """By the clock that the venue follows an order was sent after the open: it waits for the next one."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.venue.follow(vault.clock)

    def think(vault: Vault) -> None:
        vault.clock.advance(D(late_ms) / 1000)
        vault.buy(1)

    lines = play(vault, [bar(minute, 100 + minute) for minute in range(4)], {1: think})
    assert lines[1].endswith(f"#1 order buy 1 @ {price}")


def test_a_clock_behind_the_feed_stamps_nothing_earlier() -> None:
    """A wall clock that is slow is no way to an open of before."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.venue.follow(ManualClock(0))
    lines = play(vault, [bar(minute, 100 + minute) for minute in range(4)], {2: lambda v: v.buy(1)})
    assert lines == ["3 #1 accepted", "3 #1 order buy 1 @ 102"]


def test_a_cancel_is_stamped_by_the_followed_clock() -> None:
    """Sent within a bar, arriving in the next one: that bar can still fill the order."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.venue.follow(vault.clock)

    def cancel(vault: Vault) -> None:
        vault.clock.advance(D("59.9"))
        vault.cancel(1)

    bars = [bar(0, 100), bar(1, 100), bar(2, 100, 100, 89, 95)]
    assert play(vault, bars, {0: lambda v: v.buy(1, 90), 1: cancel})[1:] == ["3 #1 order buy 1 @ 90"]


def test_an_exit_in_flight_gives_way_to_the_stop() -> None:
    """Sent before the bar that reaches the stop, arriving after it: it would find nothing to reduce."""
    vault = Vault(PaperVenue(costs=replace(FREE, latency_ms=60_000)))
    bars = [bar(0, 100), bar(1, 100), bar(2, 100), bar(3, 100, 100, 90, 90), bar(4, 95)]
    assert play(vault, bars, {0: lambda v: v.buy(2, stop=95), 3: lambda v: v.sell(2, reduce_only=True)})[2:] == [
        "4 #2 cancelled: reduce-only: it would exceed the position",
        "4 #1 stop_loss sell 2 @ 95",
    ]


def test_without_latency_a_price_of_the_same_instant_is_not_for_sale() -> None:
    """The trade on which a decision was made, and any other of its instant, are past when its order comes."""
    vault = Vault(PaperVenue(costs=replace(FREE, latency_ms=0)))
    vault.advance(trade(1000, 100, 10))
    vault.buy(1)
    assert [vault.line(one) for one in vault.advance(trade(1000, 100, 10))] == ["#1 accepted"]
    assert [vault.line(one) for one in vault.advance(trade(1001, 103, 10))] == ["#1 order buy 1 @ 103"]


def test_trades() -> None:
    """On trades: latency to the millisecond, touch and through, the limit's price and not a better one, stops."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.advance(trade(0, 100, 10))
    vault.buy(1, stop=95, target=110)
    vault.buy(1, 98)
    told = []
    for at_ms, price in [(249, 101), (250, 102), (300, 98), (310, 97), (320, 99), (330, 94), (340, 120)]:
        told += [f"{at_ms} {vault.line(one)}" for one in vault.advance(trade(at_ms, price, 10))]
    assert told == [
        "250 #1 accepted",
        "250 #2 accepted",
        "250 #1 order buy 1 @ 102",
        "310 #2 order buy 1 @ 98",
        "330 #1 stop_loss sell 1 @ 94",
    ]
    vault.agrees()


def test_a_reduce_only_order_never_opens() -> None:
    """Should one ever exceed the position, which no gate approves, the excess is cancelled."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.advance(trade(0, 100, 100))
    vault.buy(2)
    vault.advance(trade(250, 100, 100))
    excess = order("BTC", "sell", 5, reduce_only=True, confidence=1, reasoning="too much")
    # Stands in for a gate that errs: the real one refuses this order.
    done(vault.venue.account("vault", lambda approval: excess))
    vault.sell(2, reduce_only=True)
    told = [vault.line(one) for one in vault.advance(trade(500, 99, 100))]
    assert told == [
        "#2 accepted",
        "#2 order sell 2 @ 99",
        "#2 cancelled: reduce-only: nothing is left to reduce",
    ]
    assert done(vault.account.statement()).positions == {}


def test_an_entry_past_its_stop_is_stopped_by_the_same_trade() -> None:
    """Protected from the moment of the fill on, not from the next price on."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.advance(trade(0, 100, 100))
    vault.buy(1, stop=95)
    told = [vault.line(one) for one in vault.advance(trade(250, 94, 100))]
    assert told == ["#1 accepted", "#1 order buy 1 @ 94", "#1 stop_loss sell 1 @ 94"]


def test_a_late_trade_fills_nothing_that_came_after_it() -> None:
    """A trade from before the order's arrival, told afterwards, is no price for it, and no mark."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.advance(trade(0, 100, 10))
    vault.buy(1)
    vault.advance(trade(1000, 101, 10))
    vault.buy(1)
    late = trade(1100, 50, 10)
    told = vault.advance(replace(late, at_ms=2000))
    assert [vault.line(one) for one in told] == ["#2 accepted"]
    assert [vault.line(one) for one in vault.advance(trade(2001, 102, 10))] == ["#2 order buy 1 @ 102"]


def test_where_trades_come_no_open_is_matched() -> None:
    """The next trade after the latency is the price, though the bar that is made of them began with the order."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.advance(trade(30_000, 100, 10))
    vault.advance(Moment(60_000, opened=(bar(1, 101),)))
    vault.buy(1)
    assert [vault.line(one) for one in vault.advance(trade(70_000, 104, 10))] == [
        "#1 accepted",
        "#1 order buy 1 @ 104",
    ]
    vault.buy(1)
    assert vault.advance(Moment(120_000, closed=(bar(1, 101, 104, 101, 104),)))[1:] == []


def test_bars_made_of_trades_fill_nothing_twice() -> None:
    """Where the feed brings the trades of a bar, the bar itself is no further price."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.advance(trade(0, 100, 10))
    vault.buy(1, 98)
    vault.advance(trade(90_000, 99, 10))
    made = bar(1, 100, 100, 90, 99, volume=20.0)
    assert vault.advance(replace(trade(120_000, 99, 10), closed=(made,)))[1:] == []


def test_a_feed_without_opens() -> None:
    """Where a feed tells of a bar only when it is complete, its open still comes first."""
    vault = Vault(PaperVenue(costs=FREE))
    vault.advance(Moment(MINUTE_MS, closed=(bar(0, 100),)))
    vault.buy(1, stop=95)
    told = vault.advance(Moment(2 * MINUTE_MS, closed=(bar(1, 101),)))
    assert [vault.line(one) for one in told] == ["#1 accepted", "#1 order buy 1 @ 101"]
    told = vault.advance(Moment(3 * MINUTE_MS, closed=(bar(2, 97, 97, 94, 96),)))
    assert [vault.line(one) for one in told] == ["#1 stop_loss sell 1 @ 95"]
