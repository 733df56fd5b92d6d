"""What holds for any market and any orders; hypothesis prints the example that breaks it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal as D
from pathlib import Path
from tempfile import TemporaryDirectory

import gxrisk.venues.paper.venue as paper_venue
import pytest
from gxrisk.feeds import Candle, Moment
from gxrisk.venues import Cancelled, Filled, FundingRate, PaperCosts, PaperVenue, Report
from gxrisk.venues.paper.margin import ALWAYS, Band, bands
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.venues.recompute import Recomputed
from tests.venues.vault import MINUTE_MS, Vault, done

ASSETS = ("BTC", "ETH")
DEPOSIT = 2_000
BOUNDED = settings(deadline=None, max_examples=25, print_blob=True, database=None)
COSTS = PaperCosts(
    notional_min=D(0), participation=D("0.1"), reject_probability=D("0.1"), leverage_max=D(100), window_bars=20
)
FUNDING = {asset: tuple(FundingRate(minute * MINUTE_MS, D("0.01")) for minute in (4, 9)) for asset in ASSETS}


@dataclass(frozen=True)
class Wish:
    """An order of minute `minute`, in terms of the price then."""

    minute: int
    asset: str
    side: str
    quantity: D
    limit: int | None  # per mille from the price
    stop: int
    target: int | None
    kind: str  # open, close, cancel


@st.composite
def tapes(draw: st.DrawFn) -> list[Candle]:
    """Bars of two assets, wild ones and quiet ones, with minutes left out and bars without volume."""
    bars = []
    for asset in ASSETS:
        price = 100_000
        for minute in range(draw(st.integers(6, 14))):
            opened = max(1000, price + draw(st.integers(-2000, 2000)))
            close = max(1000, opened + draw(st.integers(-8000, 8000)))
            high = max(opened, close) + draw(st.integers(0, 4000))
            low = max(1, min(opened, close) - draw(st.integers(0, 4000)))
            volume = draw(st.sampled_from([0.0, 5.0, 50.0, 1000.0]))
            price = close
            if minute == 0 or draw(st.integers(0, 9)):
                prices = (D(one) / 1000 for one in (opened, high, low, close))
                bars.append(Candle(asset, minute * MINUTE_MS, MINUTE_MS, *prices, volume))
    return bars


wishes = st.lists(
    st.builds(
        Wish,
        minute=st.integers(0, 12),
        asset=st.sampled_from(ASSETS),
        side=st.sampled_from(["buy", "sell"]),
        quantity=st.decimals(D("0.000000001"), 60, places=9),
        limit=st.none() | st.integers(-60, 60),
        stop=st.integers(1, 80),
        target=st.none() | st.integers(1, 80),
        kind=st.sampled_from(["open", "open", "open", "close", "cancel"]),
    ),
    max_size=20,
)


def halves(bars: Sequence[Candle]) -> list[Moment]:
    """Each instant in two moments, so that fills at an open and fills in a range can be told apart."""
    found = []
    for at_ms in sorted({one.start_ms for one in bars} | {one.end_ms for one in bars}):
        found.append(Moment(at_ms, closed=tuple(one for one in bars if one.end_ms == at_ms)))
        found.append(Moment(at_ms, opened=tuple(one for one in bars if one.start_ms == at_ms)))
    return found


def ask(vault: Vault, wish: Wish, prices: dict[str, D]) -> None:
    """Carry out a wish; what the gate refuses is left."""
    price = prices.get(wish.asset)
    position = vault.gate.snapshot().positions.get(wish.asset, D(0))
    sign = 1 if wish.side == "buy" else -1
    if price is None:
        return
    limit = None if wish.limit is None else round(price * (1000 + wish.limit) / 1000, 9)
    if wish.kind == "cancel":
        if vault.sent:
            vault.cancel(1 + wish.stop % len(vault.sent))
        return
    try:
        if wish.kind == "close":
            vault.submit("sell" if position > 0 else "buy", wish.quantity, limit, reduce_only=True, asset=wish.asset)
        else:
            entry = limit or price
            stop = round(entry * (1000 - sign * wish.stop) / 1000, 9)
            target = None if wish.target is None else round(entry * (1000 + sign * wish.target) / 1000, 9)
            vault.submit(wish.side, wish.quantity, limit, stop=stop, target=target, asset=wish.asset)
    except AssertionError as refused:
        assert "Violation" in str(refused)  # noqa: PT017


def run(
    bars: Sequence[Candle],
    asked: Sequence[Wish],
    *,
    others: Sequence[Wish] = (),
    restart: tuple[Path, int] | None = None,
) -> tuple[Vault, list[tuple[Moment, list[Report]]]]:
    """Play the tape to one vault, beside another one; with `restart` the venue starts anew after that many moments."""
    folder = restart[0] if restart else None
    vault = Vault(PaperVenue(costs=COSTS, seed=7, folder=folder, funding=FUNDING), deposit=DEPOSIT)
    other = Vault(vault.venue, "other", deposit=DEPOSIT) if others else None
    prices: dict[str, D] = {}
    news = []
    played = halves(bars)
    for number, moment in enumerate(played):
        assert vault.venue.advance(moment) == {}
        news.append((moment, vault.look(moment)))
        if other:
            other.look(moment)
        prices |= {one.asset: one.close for one in moment.closed}
        if moment.opened or not moment.closed:
            minute = moment.at_ms // MINUTE_MS
            for wish in asked:
                if wish.minute == minute:
                    ask(vault, wish, prices)
            for wish in others if other else ():
                if other and wish.minute == minute:
                    ask(other, wish, prices)
        if restart and number == restart[1]:
            done(vault.account.close())
            vault.venue = PaperVenue(costs=COSTS, seed=7, folder=folder, funding=FUNDING)
            vault.account = done(vault.venue.account("vault", vault.gate.redeem))
            for again in played[: number + 1]:
                assert vault.venue.advance(again) == {}
    return vault, news


@BOUNDED
@given(tapes(), wishes)
def test_the_account_is_what_its_reports_say(bars: list[Candle], asked: list[Wish]) -> None:
    """Balance and positions follow from the reports, worked out anew, and the gate comes to the same."""
    vault, _ = run(bars, asked)
    vault.agrees()
    statement = done(vault.account.statement())
    Recomputed(D(DEPOSIT), vault.reports).agrees(statement.balance, dict(statement.positions))
    held: dict[str, D] = defaultdict(D)
    for one in vault.account.book.protections:
        assert one.quantity > 0
        assert (one.side == "sell") == (statement.positions[one.asset] > 0)
        held[one.asset] += one.quantity
    assert all(quantity <= abs(statement.positions[asset]) for asset, quantity in held.items())


@BOUNDED
@given(tapes(), wishes)
def test_no_fill_is_better_than_the_market(bars: list[Candle], asked: list[Wish]) -> None:
    """At an open nobody buys under it or sells over it; within a bar nobody beats its extremes."""
    _, news = run(bars, asked)
    for moment, reports in news:
        met = {one.asset: one for one in (*moment.closed, *moment.opened)}
        for fill in (one for one in reports if isinstance(one, Filled) and one.leg != "liquidation"):
            candle = met[fill.asset]
            if fill.side == "buy":
                assert fill.price >= (candle.open if moment.opened else candle.low)
            else:
                assert fill.price <= (candle.open if moment.opened else candle.high)


@BOUNDED
@given(tapes(), wishes)
def test_no_step_gives_more_than_its_share(bars: list[Candle], asked: list[Wish]) -> None:
    """At an open a tenth of the last bar's volume, in a range a tenth of its own less what its open gave."""
    vault, news = run(bars, asked)
    markets = {
        one["order_id"] for one in vault.gate.events() if one["kind"] == "decision" and one["order"]["price"] is None
    }
    volumes: dict[str, list[float]] = {asset: [] for asset in ASSETS}
    at_open: dict[str, D] = defaultdict(D)
    for moment, reports in news:
        opening: dict[str, D] = defaultdict(D)
        taken: dict[str, D] = defaultdict(D)
        for fill in (one for one in reports if isinstance(one, Filled) and one.leg != "liquidation"):
            taken[fill.asset] += fill.quantity
            if fill.leg == "order" and fill.order_id in markets:
                opening[fill.asset] += fill.quantity
        for candle in moment.opened:
            at_open[candle.asset] = taken[candle.asset]
            if any(volumes[candle.asset]):  # else the feed is not known to have any
                assert taken[candle.asset] <= D(volumes[candle.asset][-1]) / 10
        for candle in moment.closed:
            # Within a completed bar a market order has no price but the open.
            before = volumes[candle.asset]
            if any(before):
                assert at_open[candle.asset] + opening[candle.asset] <= D(before[-1]) / 10 or not opening[candle.asset]
            before.append(candle.volume)
            if taken[candle.asset] and any(before):
                most = max(before[-2:]) if len(before) > 1 else candle.volume
                assert taken[candle.asset] + at_open[candle.asset] <= D(most) / 10
            at_open[candle.asset] = D(0)


@BOUNDED
@given(tapes(), wishes, st.data())
def test_nobody_sees_ahead(bars: list[Candle], asked: list[Wish], data: st.DataObject) -> None:
    """Whatever a bar comes to after its open, a market order that was sent to that open gets the same of it."""
    minute = data.draw(st.integers(0, 13))
    factor = data.draw(st.sampled_from([D("0.5"), D("0.99"), D("1.01"), D(2)]))
    other = [
        one
        if one.start_ms // MINUTE_MS != minute
        else replace(one, high=one.high * max(factor, 1), low=one.low * min(factor, 1), close=one.low, volume=7.0)
        for one in bars
    ]
    sent = [one for one in asked if one.minute <= minute]

    def of_market(tape: list[Candle]) -> list[tuple[object, ...]]:
        vault, news = run(tape, sent)
        markets = {
            one["order_id"]
            for one in vault.gate.events()
            if one["kind"] == "decision" and one["order"]["price"] is None and not one["order"]["reduce_only"]
        }
        return [
            (fill.order_id, fill.quantity, fill.price, fill.fee)
            for moment, reports in news
            for fill in reports
            if moment.closed and moment.at_ms == (minute + 1) * MINUTE_MS
            if isinstance(fill, Filled) and fill.leg == "order" and fill.order_id in markets
        ]

    assert of_market(bars) == of_market(other)


@BOUNDED
@given(tapes(), wishes)
def test_fills_stay_within_their_orders(bars: list[Candle], asked: list[Wish]) -> None:
    """Never more than ordered, no leg for more than was filled, no reduction past flat, nothing after the end."""
    vault, _ = run(bars, asked)
    orders = {one["order_id"]: one["order"] for one in vault.gate.events() if one["kind"] == "decision"}
    filled: dict[str, D] = defaultdict(D)
    legs: dict[str, D] = defaultdict(D)
    positions: dict[str, D] = defaultdict(D)
    ended: set[str] = set()
    for report in vault.reports:
        if isinstance(report, Cancelled):
            ended.add(report.order_id)
        if not isinstance(report, Filled):
            continue
        before = positions[report.asset]
        positions[report.asset] += report.quantity if report.side == "buy" else -report.quantity
        if report.leg != "order" or orders[report.order_id]["reduce_only"]:
            assert abs(positions[report.asset]) == abs(before) - report.quantity
        if report.leg == "order":
            assert report.order_id not in ended
            filled[report.order_id] += report.quantity
            assert filled[report.order_id] <= orders[report.order_id]["quantity"]
            assert report.side == orders[report.order_id]["side"]
            limit = orders[report.order_id]["price"]
            assert limit is None or (report.price <= limit if report.side == "buy" else report.price >= limit)
        elif report.leg != "liquidation":
            legs[report.order_id] += report.quantity
            assert legs[report.order_id] <= filled[report.order_id]
            assert report.side != orders[report.order_id]["side"]


@BOUNDED
@given(tapes(), wishes, wishes)
def test_other_accounts_change_nothing(bars: list[Candle], asked: list[Wish], others: list[Wish]) -> None:
    """One seed, one feed, the same orders: the same reports, whoever else trades; and so they are a second time."""
    alone, _ = run(bars, asked)
    beside, _ = run(bars, asked, others=others)
    assert alone.reports == beside.reports == run(bars, asked)[0].reports


@BOUNDED
@given(tapes(), wishes, st.integers(0, 10))
def test_a_restart_changes_nothing(bars: list[Candle], asked: list[Wish], number: int) -> None:
    """The venue may be started anew after any instant, and the recording told again from its start."""
    with TemporaryDirectory() as folder:
        restarted, _ = run(bars, asked, restart=(Path(folder), 2 * number + 1))
    assert restarted.reports == run(bars, asked)[0].reports


@BOUNDED
@given(tapes(), wishes)
def test_looking_only_where_something_can_happen_misses_nothing(bars: list[Candle], asked: list[Wish]) -> None:
    """Accounts that look at every step of the market report the same as those that look when their band is left."""
    sparing, _ = run(bars, asked)
    with pytest.MonkeyPatch.context() as patch:

        def everywhere(*args: object) -> dict[str, Band]:
            return dict.fromkeys(bands(*args), ALWAYS)  # type: ignore[arg-type]

        patch.setattr(paper_venue, "bands", everywhere)
        thorough, _ = run(bars, asked)
    assert sparing.reports == thorough.reports


def test_the_seed_decides_what_is_refused() -> None:
    """Another seed or another account draws other refusals; about as many as were asked for."""

    def refused(seed: int, name: str) -> list[bool]:
        venue = PaperVenue(costs=replace(COSTS, reject_probability=D("0.3")), seed=seed)
        vault = Vault(venue, name)
        vault.advance(Moment(0, opened=(Candle("BTC", 0, MINUTE_MS, D(1), D(1), D(1), D(1), 1.0),)))
        for _ in range(200):
            vault.buy(1, "0.9")
        vault.advance(Moment(1000))
        return [type(one).__name__ == "Failed" for one in vault.reports]

    first = refused(1, "vault")
    assert first == refused(1, "vault")
    assert first != refused(2, "vault")
    assert first != refused(1, "other")
    assert 40 <= sum(first) <= 80
