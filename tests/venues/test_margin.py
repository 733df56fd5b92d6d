"""Liquidation, margin, refusals and funding, with numbers worked out by hand."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest
from gxrisk.feeds import Moment
from gxrisk.venues import Failed, FundingRate, InsufficientFunds, PaperError, PaperVenue, read_funding

from tests.venues.vault import FREE, MINUTE_MS, Play, Vault, bar, done, moments, play

HIGH = replace(FREE, leverage_max=D(100), taker_fee_bp=D(0))

# 1,000 of equity, long 90 at 100: equity = 1% of exposure where 1000 + 90 d = 0.9 (100 + d), d = -910 / 89.1.
LONG_LIQUIDATION = "89.786756453"
# Short: 1000 - 90 d = 0.9 (100 + d), d = 910 / 90.9.
SHORT_LIQUIDATION = "110.01100111"

LIQUIDATIONS: list[tuple[str, str, list[object], list[str]]] = [
    (
        "a long at its price, within a bar",
        "buy",
        [100, 100, (100, 100, LONG_LIQUIDATION, 95)],
        ["3 liquidation-2 liquidation sell 90 @ 89.786756453"],
    ),
    ("a unit above it nothing happens", "buy", [100, 100, (100, 100, "89.786756454", 95)], []),
    ("a gap is worse", "buy", [100, 100, 85], ["2 liquidation-2 liquidation sell 90 @ 85"]),
    (
        "a short at its price",
        "sell",
        [100, 100, (100, "110.011001101", 100, 95)],
        ["3 liquidation-2 liquidation buy 90 @ 110.011001101"],
    ),
    ("a unit below it nothing happens", "sell", [100, 100, (100, "110.0110011", 100, 95)], []),
]


@pytest.mark.parametrize(("name", "side", "bars", "expected"), LIQUIDATIONS, ids=lambda one: str(one)[:40])
def test_liquidation(name: str, side: str, bars: list[object], expected: list[str]) -> None:
    """Equity at or under 1 % of gross exposure is taken over, at that price or at the open past it."""
    vault = Vault(PaperVenue(costs=HIGH), deposit=1000)
    made = [bar(minute, *(one if isinstance(one, tuple) else (one,))) for minute, one in enumerate(bars)]
    lines = play(vault, made, {0: lambda v: v.submit(side, 90)})
    assert lines[2:] == expected
    vault.agrees()


def test_a_stop_before_the_liquidation_price_comes_first() -> None:
    """The market meets the stop at 92 before the liquidation price of about 89.8, and that of 89 after it."""
    for stop, expected in (
        (92, "3 #1 stop_loss sell 90 @ 92"),
        (89, "3 liquidation-2 liquidation sell 90 @ 89.786756453"),
    ):
        vault = Vault(PaperVenue(costs=HIGH), deposit=1000)
        bars = [bar(0, 100), bar(1, 100), bar(2, 100, 100, 80, 80)]
        assert play(vault, bars, {0: lambda v, at=stop: v.buy(90, stop=at)})[2:] == [expected]  # type: ignore[misc]


def test_a_liquidation_cancels_all_orders_first_and_closes_every_position() -> None:
    """No order outlives the account's money."""
    vault = Vault(PaperVenue(costs=HIGH), deposit=1000)
    bars = [bar(minute, 100, asset=asset) for minute in (0, 1, 2) for asset in ("BTC", "ETH")]
    bars += [bar(3, 80, asset="BTC"), bar(3, 100, asset="ETH"), bar(4, 80, asset="BTC")]
    actions: Play = {
        0: lambda v: (v.buy(60), v.buy(20, asset="ETH")),
        1: lambda v: (v.buy(1, 50), v.sell(5, 200, reduce_only=True, asset="ETH")),
    }
    assert play(vault, bars, actions)[-4:] == [
        "3 #3 cancelled: liquidation",
        "3 #4 cancelled: liquidation",
        "3 liquidation-3 liquidation sell 60 @ 80",
        "3 liquidation-4 liquidation sell 20 @ 100",
    ]
    vault.agrees()
    assert done(vault.account.statement()).balance == -200


@pytest.mark.parametrize(
    ("costs", "order", "reason"),
    [
        ({}, lambda v: v.buy(1, asset="XRP"), "there is no market in XRP"),
        ({"quantity_min": D("0.01")}, lambda v: v.buy("0.009999999"), "the quantity is under 0.01"),
        ({"quantity_min": D("0.01")}, lambda v: v.buy("0.01"), None),
        ({"notional_min": D(5)}, lambda v: v.buy("0.049999999"), "the notional is under 5"),
        ({"notional_min": D(5)}, lambda v: v.buy("0.05"), None),
        ({"leverage_max": D(10)}, lambda v: v.buy("100"), None),
        (
            {"leverage_max": D(10)},
            lambda v: v.buy("100.000000001"),
            "no margin: gross exposure would exceed 10 times equity",
        ),
        ({"leverage_max": D(10)}, lambda v: (v.buy(60, 90), v.buy(46))[-1], "no margin: gross"),  # 6,000 at the mark
        ({"reject_probability": D(1)}, lambda v: v.buy(1), "refused at random, as the costs ask for"),
    ],
)
def test_refusals(costs: dict[str, D], order: Play, reason: str | None) -> None:
    """Every reason, at its boundary; the last order is looked at."""
    vault = Vault(PaperVenue(costs=replace(FREE, **costs)), deposit=1000)  # type: ignore[arg-type]
    vault.gate.mark("XRP", 1, atr=1)
    play(vault, [bar(0, 100), bar(1, 100)], {0: order})  # type: ignore[dict-item]
    failed = [one for one in vault.reports if isinstance(one, Failed)]
    assert [one.reason[: len(reason)] for one in failed] == [reason] if reason else failed == []
    vault.agrees()


def test_margin_is_that_of_the_open() -> None:
    """BTC falls within the bar: what was sent to the open of ETH in its moment is judged before, not after."""
    vault = Vault(PaperVenue(costs=replace(FREE, leverage_max=D(10))), deposit=1000)
    bars = [bar(minute, 100, asset=asset) for minute in (0, 1) for asset in ("BTC", "ETH")]
    bars += [bar(2, 100, 100, 99, 99, asset="BTC"), bar(2, 100, asset="ETH")]
    lines = play(vault, bars, {0: lambda v: v.buy(50), 2: lambda v: v.buy(49, asset="ETH")})
    assert lines[2:] == ["3 #2 accepted", "3 #2 order buy 49 @ 100"]


def test_exits_are_not_held_to_minimum_or_margin() -> None:
    """A remainder under the minimum can be closed, at any leverage."""
    costs = replace(FREE, quantity_min=D(1), notional_min=D(100), leverage_max=D(1))
    vault = Vault(PaperVenue(costs=costs), deposit=1000)
    bars = [bar(minute, price) for minute, price in enumerate((100, 100, 96, 96))]
    lines = play(vault, bars, {0: lambda v: v.buy(10), 2: lambda v: v.sell("0.5", reduce_only=True)})
    assert lines[2:] == ["3 #2 accepted", "3 #2 order sell 0.5 @ 96"]


FUNDING = {"BTC": (FundingRate(2 * MINUTE_MS, D("0.0001")), FundingRate(3 * MINUTE_MS, D("-0.00015")))}


@pytest.mark.parametrize(("side", "paid"), [("buy", ["-0.022", "0.036"]), ("sell", ["0.022", "-0.036"])])
def test_funding(side: str, paid: list[str]) -> None:
    """Longs pay a rate above zero on the position at the mark, and receive one below it; shorts the reverse."""
    vault = Vault(PaperVenue(costs=FREE, funding=FUNDING))
    bars = [bar(minute, price) for minute, price in enumerate((100, 110, 120, 130))]
    lines = play(vault, bars, {0: lambda v: v.submit(side, 2)})
    assert lines[2:] == [f"2 funding BTC {paid[0]}", f"3 funding BTC {paid[1]}"]
    vault.agrees()


def test_funding_falls_on_the_position_of_its_instant() -> None:
    """Who opens at the open of the funding minute pays nothing; who closes there still pays."""
    vault = Vault(PaperVenue(costs=FREE, funding={"BTC": FUNDING["BTC"][:1]}))
    bars = [bar(minute, 100) for minute in range(4)]
    assert play(vault, bars, {2: lambda v: v.buy(2)}) == ["3 #1 accepted", "3 #1 order buy 2 @ 100"]
    vault = Vault(PaperVenue(costs=FREE, funding={"BTC": FUNDING["BTC"][:1]}))
    lines = play(vault, bars, {0: lambda v: v.buy(2), 2: lambda v: v.sell(2, reduce_only=True)})
    assert lines[2:] == ["2 funding BTC -0.02", "3 #2 accepted", "3 #2 order sell 2 @ 100"]
    vault = Vault(PaperVenue(costs=FREE, funding={"BTC": FUNDING["BTC"][:1]}))
    lines = play(vault, bars, {1: lambda v: v.buy(2)})
    assert lines == ["2 #1 accepted", "2 #1 order buy 2 @ 100", "2 funding BTC -0.02"]


def test_funding_is_rounded_against_the_account() -> None:
    """1e-9 x 100 x 0.0001 is a hundredth of a unit: one unit to pay, none to receive."""
    for side, lines in (("buy", ["2 funding BTC -0.000000001"]), ("sell", [])):
        vault = Vault(PaperVenue(costs=FREE, funding={"BTC": FUNDING["BTC"][:1]}))
        bars = [bar(minute, 100) for minute in range(3)]
        assert play(vault, bars, {0: lambda v, side=side: v.submit(side, "0.000000001")})[2:] == lines  # type: ignore[misc]


def test_funding_can_end_an_account() -> None:
    """What funding takes counts for the margin at once: at 1 % of the exposure the venue takes over."""
    rate = FundingRate(2 * MINUTE_MS, D("0.1012"))
    vault = Vault(PaperVenue(costs=HIGH, funding={"BTC": (rate,)}), deposit=1000)
    lines = play(vault, [bar(minute, 100) for minute in range(3)], {0: lambda v: v.buy(90)})
    assert lines[2:] == ["2 funding BTC -910.8", "2 liquidation-2 liquidation sell 90 @ 100"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "header"),
        ("timestamp,rate\n", "header"),
        ("timestamp_ms,funding_rate\n1,x\n", "line 2"),
        ("timestamp_ms,funding_rate\n2,0.1\n2,0.1\n", "not later"),
        ("timestamp_ms,funding_rate\n2,1.5\n", "-1 to 1"),
        ("timestamp_ms,funding_rate\n2,nan\n", "-1 to 1"),
        ("timestamp_ms,funding_rate\n2\n", "line 2"),
    ],
)
def test_funding_files_are_checked(tmp_path: Path, text: str, wrong: str) -> None:
    """The first wrong row is named."""
    file = tmp_path / "funding.csv"
    file.write_text(text)
    with pytest.raises(PaperError, match=wrong):
        read_funding(file)


def test_money_that_margin_needs_cannot_be_withdrawn() -> None:
    """1,000 of equity, 100 x 10 of exposure at 20 times: 50 stay, and an unrealised gain is not there to be taken."""
    vault = Vault(PaperVenue(costs=FREE), deposit=1000)
    for moment in moments([bar(0, 100), bar(1, 100)]):
        vault.advance(moment)
        if moment == Moment(0, opened=moment.opened):
            vault.buy(10)
    with pytest.raises(InsufficientFunds):
        done(vault.account.withdraw("w1", "bank", D("950.000000001")))
    done(vault.account.withdraw("w1", "bank", D(950)))
    assert done(vault.account.statement()).balance == 50
    vault.advance(moments([bar(2, 100), bar(3, 120)])[1])  # a gain of 200, still to be realised
    with pytest.raises(InsufficientFunds):
        done(vault.account.withdraw("w2", "bank", D(1)))
