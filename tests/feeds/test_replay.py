"""Recorded data as a feed: every moment, in order, at its pace, with what is missing or late as it was."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from gxrisk import Gate, Limits, ManualClock
from gxrisk.feeds import (
    BarError,
    Candle,
    CandleSeries,
    Feed,
    FeedError,
    Moment,
    Replay,
    Trade,
    TradeBars,
    TradeSeries,
    candles_of,
    read_candles,
    recorded,
    timeline,
    with_bars,
)

START_MS = 1_583_971_200_000
MINUTE_MS = 60_000


def bars(asset: str, *minutes: int, interval_ms: int = MINUTE_MS) -> CandleSeries:
    one = Decimal(1)
    made = (Candle(asset, START_MS + n * interval_ms, interval_ms, one, one, one, one, 0.0) for n in minutes)
    return CandleSeries(asset, interval_ms, tuple(made), f"{asset} by hand")


def trades(asset: str, *rows: tuple[float, float, float]) -> TradeSeries:
    """Trades from (seconds, price, quantity)."""
    made = (Trade(asset, START_MS + int(s * 1000), Decimal(str(p)), Decimal(str(q))) for s, p, q in rows)
    return TradeSeries(asset, tuple(made), f"{asset} trades by hand")


class Wrist:
    """A clock and a sleep that moves it: no test waits. `slow` seconds pass with each look at it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def taken(feed: Feed) -> list[Moment]:
    return [moment async for moment in feed.moments()]


@pytest.fixture(scope="session")
def june_2019(data_dir: Path) -> list[CandleSeries]:
    names = [f"{asset}usd-1m-2019-06-22_2019-07-01-bitfinex.csv.gz" for asset in ("eth", "btc")]
    return [read_candles(data_dir / name) for name in names]


def test_a_replay_gives_the_time_line(june_2019: list[CandleSeries]) -> None:
    feed = Replay(june_2019)
    assert feed.assets == ("BTCUSD", "ETHUSD")
    assert feed.name == f"replay of {june_2019[0].source}, {june_2019[1].source}"
    moments = asyncio.run(taken(feed))
    assert moments == list(timeline(june_2019))
    assert sum(len(moment.closed) for moment in moments) == 12_587 + 12_397
    assert asyncio.run(taken(feed)) == moments, "from its start, each time"


def test_the_outage_of_june_2019_passes_as_it_was(june_2019: list[CandleSeries]) -> None:
    """188 minutes without a bar of any asset: no moment in them, none made up, and the gate sees it."""
    moments = asyncio.run(taken(Replay(june_2019)))
    gap = max(pairwise(moments), key=lambda pair: pair[1].at_ms - pair[0].at_ms)
    last, first = gap
    assert last.at_ms == 1_561_538_760_000  # 2019-06-26 08:46, when the last bars were complete
    assert first.at_ms == 1_561_550_040_000  # 11:54
    assert {bar.asset for bar in last.closed} == {"BTCUSD", "ETHUSD"}
    assert (first.closed, [bar.asset for bar in first.opened]) == ((), ["BTCUSD"])
    clock = ManualClock("2019-06-22T00:00:00Z")
    gate = Gate("vault", Limits.for_tier("growth"), clock=clock)
    gate.deposit(10_000)
    for moment in moments:
        if moment.at_ms > last.at_ms:
            break
        clock.set(moment.at_ms * 1_000_000)
        for bar in moment.closed:
            gate.mark(bar.asset, bar.close, at=moment.at_ms * 1_000_000)
    gate.apply_fill("manual", "fill-1", "0.01", "12000", asset="BTCUSD", side="buy")
    clock.advance(60)
    assert "oracle_failure" not in {trip.breaker for trip in gate.trips}
    clock.advance(1)
    gate.snapshot()
    assert "oracle_failure" in {trip.breaker for trip in gate.trips}


# (speed, seconds waited before the moments at minutes 0, 1, 2, 4)
PACES = [(1, [60.0, 60.0, 120.0]), (60, [1.0, 1.0, 2.0]), (0.5, [120.0, 120.0, 240.0])]


@pytest.mark.parametrize(("speed", "waits"), PACES)
def test_the_pace_is_the_recordings(speed: float, waits: list[float]) -> None:
    wrist = Wrist()
    feed = Replay([bars("BTC", 0, 1, 3)], speed, clock=wrist.clock, sleep=wrist.sleep)
    moments = asyncio.run(taken(feed))
    assert [(moment.at_ms - START_MS) // MINUTE_MS for moment in moments] == [0, 1, 2, 3, 4]
    by_hand = [waits[0], waits[1], waits[1], waits[1]]
    assert wrist.slept == pytest.approx(by_hand)
    assert sum(by_hand) == sum(waits)


def test_a_slow_consumer_is_caught_up_with() -> None:
    """Two minutes are lost in one moment; the next ones come at once until the pace is met again."""
    wrist = Wrist()

    async def slow() -> list[float]:
        at = []
        async for _ in Replay([bars("BTC", *range(6))], 1, clock=wrist.clock, sleep=wrist.sleep).moments():
            at.append(wrist.now - 1000)
            if len(at) == 2:
                wrist.now += 150
        return at

    assert asyncio.run(slow()) == pytest.approx([0, 60, 210, 210, 240, 300, 360])


def test_stop_ends_it_for_good_and_wakes_it_up() -> None:
    async def never(seconds: float) -> None:
        await asyncio.Event().wait()

    async def stopped() -> tuple[int, int]:
        feed = Replay([bars("BTC", *range(10))], 1, clock=lambda: 0.0, sleep=never)
        taking = asyncio.ensure_future(taken(feed))
        while not asyncio.all_tasks() - {asyncio.current_task(), taking}:
            await asyncio.sleep(0)  # until it waits for the second moment
        feed.stop()
        first = await taking
        return len(first), len(await taken(feed))

    assert asyncio.run(stopped()) == (1, 0)


def test_stop_within_a_moment_ends_after_it() -> None:
    async def stopped() -> int:
        feed = Replay([bars("BTC", *range(10))])
        count = 0
        async for _ in feed.moments():
            count += 1
            if count == 3:
                feed.stop()
        return count

    assert asyncio.run(stopped()) == 3


def test_a_failing_sleep_is_not_swallowed() -> None:
    async def broken(seconds: float) -> None:
        raise OSError("no timer")

    with pytest.raises(OSError, match="no timer"):
        asyncio.run(taken(Replay([bars("BTC", 0, 1)], 1, clock=lambda: 0.0, sleep=broken)))


def test_a_cancelled_consumer_leaves_no_task() -> None:
    async def never(seconds: float) -> None:
        await asyncio.Event().wait()

    async def cancelled() -> set[asyncio.Task[object]]:
        taking = asyncio.ensure_future(taken(Replay([bars("BTC", 0, 1)], 1, clock=lambda: 0.0, sleep=never)))
        while not asyncio.all_tasks() - {asyncio.current_task(), taking}:
            await asyncio.sleep(0)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(cancelled()) == set()


def test_the_event_loop_gets_air(june_2019: list[CandleSeries]) -> None:
    """Another task runs beside a replay whose consumer never waits, once in 64 moments at the least."""

    async def both() -> tuple[int, int]:
        breaths = 0

        async def breathe() -> None:
            nonlocal breaths
            while True:
                breaths += 1
                await asyncio.sleep(0)

        beside = asyncio.ensure_future(breathe())
        count = len(await taken(Replay(june_2019)))
        beside.cancel()
        return count, breaths

    count, breaths = asyncio.run(both())
    assert count > 12_000
    assert count // 64 - 1 <= breaths <= count // 64 + 2


WRONG: list[tuple[str, Callable[[], object], str]] = [
    ("nothing", lambda: Replay([]), "no recording"),
    ("two of one asset", lambda: Replay([bars("BTC", 0), bars("BTC", 1)]), "candles of BTC"),
    ("two of one asset's trades", lambda: Replay([trades("A", (0, 1, 1)), trades("A", (0, 1, 1))]), "trades of A"),
    ("bars twice", lambda: Replay([bars("A", 0), trades("A", (0, 1, 1))], bar_ms=1000), "candles of its own"),
    ("no speed", lambda: Replay([bars("A", 0)], 0), "above 0"),
    ("backwards", lambda: Replay([bars("A", 0)], -1), "above 0"),
    ("nan", lambda: Replay([bars("A", 0)], float("nan")), "above 0"),
    ("infinity", lambda: Replay([bars("A", 0)], float("inf")), "above 0"),
]


@pytest.mark.parametrize(("make", "part"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_what_cannot_be_replayed_is_refused_at_once(make: Callable[[], object], part: str) -> None:
    with pytest.raises(FeedError, match=part):
        make()


def test_late_trades_come_when_they_came() -> None:
    btc = trades("BTC", (1, 10, 1), (0.5, 11, 1), (1, 12, 1), (3, 13, 1))
    eth = trades("ETH", (1, 5, 2), (2, 6, 2))
    moments = asyncio.run(taken(Replay([eth, btc])))
    seen = [(m.at_ms - START_MS, [(t.asset, t.at_ms - START_MS, str(t.price)) for t in m.trades]) for m in moments]
    assert seen == [
        (1000, [("BTC", 1000, "10"), ("BTC", 500, "11"), ("BTC", 1000, "12"), ("ETH", 1000, "5")]),
        (2000, [("ETH", 2000, "6")]),
        (3000, [("BTC", 3000, "13")]),
    ]


def shape(bar: Candle) -> tuple[object, ...]:
    prices = (str(price) for price in (bar.open, bar.high, bar.low, bar.close))
    return (bar.asset, (bar.start_ms - START_MS) // 1000, *prices, bar.volume)


def test_trades_make_bars_and_late_ones_do_not_change_them() -> None:
    btc = trades(
        "BTC",
        (10, 100, 1),
        (30, 103, 2),
        (59.999, 101, 1),
        (20, 99, 1),  # late within its bar: it counts, and is not the close
        (60, 102, 4),
        (50, 900, 9),  # late for a complete bar
        (310, 104, 1),
        (200, 900, 9),  # late for a bar that was never begun
        (400, 105, 1),
    )
    eth = trades("ETH", (61, 7, 1), (185, 8, 1))
    moments = list(recorded([btc, eth], bar_ms=MINUTE_MS))
    told = [(m.at_ms - START_MS) / 1000 for m in moments]
    assert told == sorted(told)
    closed = {(m.at_ms - START_MS) // 1000: [shape(bar) for bar in m.closed] for m in moments if m.closed}
    assert closed == {
        60: [("BTC", 0, "100", "103", "99", "101", 5.0)],
        120: [("BTC", 60, "102", "102", "102", "102", 4.0), ("ETH", 60, "7", "7", "7", "7", 1.0)],
        240: [("ETH", 180, "8", "8", "8", "8", 1.0)],
        360: [("BTC", 300, "104", "104", "104", "104", 1.0)],
    }
    opened = [((m.at_ms - START_MS) / 1000, *shape(bar)[:3]) for m in moments for bar in m.opened]
    assert opened == [
        (10, "BTC", 0, "100"),
        (60, "BTC", 60, "102"),
        (61, "ETH", 60, "7"),
        (185, "ETH", 180, "8"),
        (310, "BTC", 300, "104"),
        (400, "BTC", 360, "105"),
    ]
    passed = [trade for moment in moments for trade in moment.trades]
    assert sorted(passed, key=str) == sorted((*btc.trades, *eth.trades), key=str)


def test_candles_and_trades_meet_in_one_moment() -> None:
    moments = list(recorded([bars("BTC", 0, 1), trades("ETH", (60, 5, 1), (90, 6, 1))], bar_ms=MINUTE_MS))
    seen = [
        ((m.at_ms - START_MS) // 1000, [b.asset for b in m.closed], [b.asset for b in m.opened], len(m.trades))
        for m in moments
    ]
    assert seen == [
        (0, [], ["BTC"], 0),
        (60, ["BTC"], ["BTC", "ETH"], 1),
        (90, [], [], 1),
        (120, ["BTC", "ETH"], [], 0),
    ]


def test_bars_of_trades_are_the_bars_of_their_candles(data_dir: Path) -> None:
    """Recorded minutes cut into four trades each (open, low, high, close), made into bars again: the same minutes."""
    series = read_candles(data_dir / "btcusd-1m-2019-06-22_2019-07-01-bitfinex.csv.gz")
    cut = [
        Trade(bar.asset, bar.start_ms + number * 15_000, price, Decimal(str(bar.volume)) if number == 3 else Decimal(1))
        for bar in series.candles
        for number, price in enumerate((bar.open, bar.low, bar.high, bar.close))
    ]
    made = candles_of(TradeSeries(series.asset, tuple(cut), "cut"), MINUTE_MS)
    assert len(made.candles) == len(series.candles) - 1
    for before, after in zip(series.candles, made.candles, strict=False):
        assert (after.start_ms, after.open, after.high, after.low, after.close) == (
            before.start_ms,
            before.open,
            before.high,
            before.low,
            before.close,
        )


def test_shuffled_trades_change_no_completed_bar() -> None:
    """Whatever comes late, a bar that was told stays what a plain reckoning of what came in time makes of it."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    draw = random.Random(seed)
    for _ in range(50):
        rows = [(draw.randrange(600), draw.randrange(1, 50), 1) for _ in range(300)]
        rows.sort(key=lambda row: row[0] + draw.choice((0, 0, 0, 40, 200)))
        series = trades("BTC", *rows)
        now_ms = 0
        expected: dict[int, list[Decimal]] = {}
        for trade in series.trades:
            now_ms = max(now_ms, trade.at_ms)
            start_ms = trade.at_ms - trade.at_ms % MINUTE_MS
            if start_ms + MINUTE_MS > now_ms:
                expected.setdefault(start_ms, []).append(trade.price)
        told = [bar for moment in recorded([series], bar_ms=MINUTE_MS) for bar in moment.closed]
        complete = {start: prices for start, prices in expected.items() if start + MINUTE_MS <= now_ms}
        assert {bar.start_ms: (bar.high, bar.low, bar.volume) for bar in told} == {
            start: (max(prices), min(prices), float(len(prices))) for start, prices in complete.items()
        }
        assert told == list(candles_of(series, MINUTE_MS).candles)


def test_a_trade_ahead_of_its_moment_ends_the_bar() -> None:
    """A venue's clock may be ahead of the feed's: the trade itself tells the time then."""
    ahead = Moment(START_MS, trades=trades("BTC", (0, 5, 1), (61, 6, 1)).trades)
    (moment,) = with_bars([ahead], MINUTE_MS)
    assert [shape(bar)[:3] for bar in moment.closed] == [("BTC", 0, "5")]
    assert [shape(bar)[:3] for bar in moment.opened] == [("BTC", 0, "5"), ("BTC", 60, "6")]


@pytest.mark.parametrize("interval_ms", [0, -1])
def test_a_bar_has_a_length(interval_ms: int) -> None:
    with pytest.raises(BarError, match="above 0"):
        TradeBars(interval_ms)


def test_a_sleep_of_any_kind_will_do() -> None:
    """`sleep` may be any function that gives something to await."""

    def soon(seconds: float) -> Awaitable[object]:
        return asyncio.sleep(0)

    assert len(asyncio.run(taken(Replay([bars("BTC", 0, 1)], 1, clock=lambda: 0.0, sleep=soon)))) == 3
