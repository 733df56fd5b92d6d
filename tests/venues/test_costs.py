"""What fills cost: spread, square-root impact, fees, and how much of the volume one account gets. By hand."""

from dataclasses import replace
from decimal import Decimal as D

import pytest
from gxrisk.venues import Filled, PaperCosts, PaperError, PaperVenue

from tests.venues.vault import FREE, MINUTE_MS, Vault, bar, plain, play

FEES = replace(FREE, maker_fee_bp=D(2), taker_fee_bp=D(5))
SHARE = replace(FREE, participation=D("0.1"))
LATER = replace(FREE, latency_ms=MINUTE_MS)  # the order is sent before its bar, whose open the gate would halt at


def doubling(count: int, volume: float) -> list[object]:
    """Bars whose closes double: every return is 1, so the volatility of a bar is exactly 1."""
    return [bar(minute, 2**minute, volume=volume) for minute in range(count)]


@pytest.mark.parametrize(
    ("quantity", "price"),
    [
        ("1", "1001.2"),  # 0.01 x 1 x sqrt(1 / 100) = 0.001, and half a spread of 0.0002
        ("4", "1002.2"),  # four times the quantity, twice the impact
        ("0.000000001", "1000.200031623"),  # 0.01 x sqrt(1e-11) = 0.0000000316228, rounded up
    ],
)
def test_square_root_impact(quantity: str, price: str) -> None:
    """Half spread + Y x sigma x sqrt(quantity / volume), on both sides."""
    costs = replace(LATER, half_spread_bp=D(2), impact=D("0.01"), participation=D(1))
    for side, expected in (("buy", D(price)), ("sell", 2000 - D(price))):
        vault = Vault(PaperVenue(costs=costs), atr=10**6)
        bars = [*doubling(21, 100.0), bar(21, 1000, volume=100.0)]
        play(vault, bars, {20: lambda v, side=side: v.submit(side, quantity)})  # type: ignore[misc, dict-item]
        fill = vault.reports[-1]
        assert isinstance(fill, Filled)
        assert fill.price == expected


@pytest.mark.parametrize(
    ("count", "volume", "price"),
    [
        (20, 100.0, 1005),  # nineteen returns: the volatility is not known
        (21, 0.0, 1005),  # no volume at all
        (21, float("nan"), 1005),
        (21, float("inf"), 1005),
        (21, 100.0, 1001),
    ],
)
def test_fallback(count: int, volume: float, price: int) -> None:
    """Where volatility or volume is not known, a fixed and larger impact stands in."""
    costs = replace(LATER, impact=D("0.01"), fallback_bp=D(50), participation=D(1))
    vault = Vault(PaperVenue(costs=costs), atr=10**6)
    play(vault, [*doubling(count, volume), bar(count, 1000)], {count - 1: lambda v: v.buy(1)})
    fill = vault.reports[-1]
    assert isinstance(fill, Filled)
    assert fill.price == price


def test_impact_grows_with_what_the_order_has_filled_already() -> None:
    """An order cut into pieces by the volume pays for its whole size in the end."""
    costs = replace(FREE, impact=D("0.01"), participation=D("0.01"))
    vault = Vault(PaperVenue(costs=costs), atr=10**6)
    bars = [*doubling(21, 100.0), *(bar(minute, 2**20, volume=100.0) for minute in range(21, 25))]
    play(vault, bars, {21: lambda v: v.buy(4)})
    prices = [one.price for one in vault.reports if isinstance(one, Filled)]
    assert len(prices) == 4
    assert prices == sorted(prices)
    # Three returns of zero in the window of then 23: sigma is sqrt(20 / 23) at the fourth fill.
    assert float(prices[3]) == pytest.approx(2**20 * (1 + 0.01 * (20 / 23) ** 0.5 * 0.2), rel=1e-9)


def test_impact_grows_with_what_a_stop_has_sold_already() -> None:
    """The second half of a stop, at the same market, is dearer than the first."""
    costs = replace(FREE, impact=D("0.01"), participation=D("0.01"))
    vault = Vault(PaperVenue(costs=costs), deposit=10**8, atr=10**6)
    prices = [2**20, 2**20, 2**20 * D("0.9"), 2**20 * D("0.9")]
    later = [bar(21 + number, price, volume=100.0) for number, price in enumerate(prices)]
    later[0] = bar(21, 2**20, volume=200.0)  # two at once for the entry, one at a time for the exit
    bars = [*doubling(21, 100.0), *later]
    play(vault, bars, {22: lambda v: v.buy(2, stop=10**6)})
    stops = [one.price for one in vault.reports if isinstance(one, Filled) and one.leg == "stop_loss"]
    assert len(stops) == 2
    assert stops[1] < stops[0] < prices[-1]


def test_participation() -> None:
    """A step gives at most a tenth of its volume; the rest works on; a bar without volume gives nothing."""
    volumes = [100.0, 50.0, 0.0, 200.0, 200.0]
    vault = Vault(PaperVenue(costs=SHARE))
    bars = [bar(minute, 100, volume=volume) for minute, volume in enumerate(volumes)]
    # The open of bar n gives a tenth of the volume of bar n - 1, the last that is known.
    assert play(vault, bars, {0: lambda v: v.buy(30)}) == [
        "1 #1 accepted",
        "1 #1 order buy 10 @ 100",
        "2 #1 order buy 5 @ 100",
        "4 #1 order buy 15 @ 100",
    ]
    vault.agrees()


def test_orders_of_an_account_share_a_step() -> None:
    """Two orders, one share; the open and the range of a bar are one step."""
    vault = Vault(PaperVenue(costs=SHARE))
    bars = [bar(0, 100, volume=100.0), bar(1, 100, 100, 90, 95, volume=120.0), bar(2, 95, volume=10.0)]
    orders = {0: lambda v: (v.buy(4), v.buy(20, 98), v.buy(4, 97))}
    assert play(vault, bars, orders)[3:] == [
        "1 #1 order buy 4 @ 100",  # of 10
        "2 #2 order buy 8 @ 98",  # 12 less the 4 of the open
        "2 #2 order buy 12 @ 95",  # the next open: a tenth of 120, at the open's better price
    ]


def test_the_open_gives_its_share_once() -> None:
    """What had arrived and what is sent in its moment share the open; the range has its own volume less both."""
    vault = Vault(PaperVenue(costs=SHARE))
    bars = [bar(0, 100, volume=100.0), bar(1, 100, 100, 90, 95, volume=120.0), bar(2, 95, volume=10.0)]
    assert play(vault, bars, {0: lambda v: (v.buy(4), v.buy(20, 98)), 1: lambda v: v.buy(7)})[2:] == [
        "1 #1 order buy 4 @ 100",  # of 10
        "2 #3 accepted",
        "2 #3 order buy 6 @ 100",  # the rest of them
        "2 #2 order buy 2 @ 98",  # 12 less 10
        "2 #2 order buy 12 @ 95",  # the next open
    ]
    vault.agrees()


def test_a_stop_that_the_volume_does_not_cover_goes_on_as_a_market_order() -> None:
    """What is left of a triggered stop sells at the next opens; its target is gone."""
    vault = Vault(PaperVenue(costs=SHARE))
    bars = [
        bar(0, 100, volume=200.0),
        bar(1, 100, 100, 94, 94, volume=50.0),
        bar(2, 93, 120, 93, 93, volume=60.0),
        bar(3, 93, volume=60.0),
        bar(4, 92, volume=60.0),
    ]
    assert play(vault, bars, {0: lambda v: v.buy(12, stop=95, target=110)})[1:] == [
        "1 #1 order buy 12 @ 100",
        "2 #1 stop_loss sell 5 @ 93",
        "3 #1 stop_loss sell 6 @ 93",
        "4 #1 stop_loss sell 1 @ 92",
    ]
    vault.agrees()


@pytest.mark.parametrize(
    ("price", "bars", "fee"),
    [
        (None, [100, 100], "0.05"),  # a market order takes: 1 x 100 x 5 bp
        (103, [100, 100], "0.05"),  # so does a limit that crosses when it arrives
        (98, [100, 100, 95], "0.019"),  # one that rested makes, also at the open: 95 x 2 bp
        (98, [100, (100, 100, 97, 97)], "0.0196"),  # 98 x 2 bp
    ],
)
def test_fees(price: object, bars: list[object], fee: str) -> None:
    """Maker and taker."""
    vault = Vault(PaperVenue(costs=FEES))
    made = [bar(minute, *(one if isinstance(one, tuple) else (one,))) for minute, one in enumerate(bars)]
    play(vault, made, {0: lambda v: v.buy(1, price)})
    fill = vault.reports[-1]
    assert isinstance(fill, Filled)
    assert plain(fill.fee) == fee
    vault.agrees()


@pytest.mark.parametrize(("bp", "fee"), [("5", "0.000000001"), ("-5", "0")])
def test_fees_are_rounded_against_the_account(bp: str, fee: str) -> None:
    """1e-9 x 100 at 5 bp is 5e-11: a whole unit to pay, nothing to receive."""
    vault = Vault(PaperVenue(costs=replace(FREE, taker_fee_bp=max(D(0), D(bp)), maker_fee_bp=D(bp))))
    bars = [bar(0, 100), bar(1, 100), bar(2, 98)]
    play(vault, bars, {0: lambda v: v.buy("0.000000001", None if D(bp) > 0 else 99)})
    fill = vault.reports[-1]
    assert isinstance(fill, Filled)
    assert plain(fill.fee) == fee


@pytest.mark.parametrize(("side", "price"), [("buy", "100.010000002"), ("sell", "99.99")])
def test_prices_are_rounded_against_the_account(side: str, price: str) -> None:
    """100.000000001 and a basis point: 100.0100000010001 to buy, 99.9900000009999 to sell."""
    vault = Vault(PaperVenue(costs=replace(FREE, half_spread_bp=D(1))))
    lines = play(vault, [bar(0, 100), bar(1, "100.000000001")], {0: lambda v: v.submit(side, 1)})
    assert lines[1:] == [f"1 #1 order {side} 1 @ {price}"]


def test_a_limit_bounds_the_slippage() -> None:
    """A limit that takes pays spread and impact, up to its limit and not further."""
    costs = replace(FREE, half_spread_bp=D(100))
    for limit, price in (("100.5", "100.5"), ("102", "101")):
        vault = Vault(PaperVenue(costs=costs))
        assert play(vault, [bar(0, 100), bar(1, 100)], {0: lambda v, at=limit: v.buy(1, at)})[1:] == [  # type: ignore[misc]
            f"1 #1 order buy 1 @ {price}"
        ]


@pytest.mark.parametrize("field", list(PaperCosts.__dataclass_fields__))
def test_costs_out_of_range(field: str) -> None:
    """Each parameter has a range, and NaN is in none."""
    kind = int if field in ("window_bars", "latency_ms") else D
    for value in (kind(-101), kind(10**10)):
        with pytest.raises(PaperError, match=field):
            PaperCosts(**{field: value})
    with pytest.raises((PaperError, ArithmeticError)):
        PaperCosts(**{field: D("nan")})
    with pytest.raises(PaperError, match=field):
        PaperCosts(**{field: 0.5})
