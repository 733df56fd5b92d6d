"""The pushed feed by itself: its time, its bounds, and that what is refused leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any

import pytest
from gxrisk.config import Config, FeedConfig
from gxrisk.feeds.candles import Candle
from gxrisk.feeds.timeline import Moment, Trade
from gxrisk.server.push_feed import AHEAD_MS_MAX, FeedError, PushFeed
from hypothesis import given
from hypothesis import strategies as st

from .desk import config, market, now, serving

NOW_MS = 100_000
ONE = Decimal(1)


def feed(*, waiting_max: int = 100, assets_max: int = 100, known: tuple[str, ...] = ()) -> PushFeed:
    """One with candles of a second, at `NOW_MS`."""
    return PushFeed(1000, waiting_max=waiting_max, assets_max=assets_max, now_ms=lambda: NOW_MS, known=known)


def bar(asset: str, end_s: int) -> Candle:
    """A candle that ends then."""
    return Candle(asset, (end_s - 1) * 1000, 1000, ONE, ONE, ONE, ONE, 1.0)


def trade(asset: str, at_ms: int) -> Trade:
    """A trade then."""
    return Trade(asset, at_ms, ONE, ONE)


async def told(one: PushFeed, *pushed: Awaitable[int]) -> list[Moment]:
    """The moments that pushes bring, one after the other."""
    moments: list[Moment] = []

    async def listen() -> None:
        async for moment in one.moments():
            moments.append(moment)

    listening = asyncio.create_task(listen())
    try:
        for each in pushed:
            await each
    finally:
        one.stop()
        await listening
    return moments


def refusal(one: PushFeed, candles: list[Candle], trades: list[Trade]) -> FeedError:
    """Why it takes neither; nobody listens, so that what is taken would wait."""
    with pytest.raises(FeedError) as raised:
        asyncio.run(asyncio.wait_for(one.push(candles, trades), 5))
    return raised.value


PUSHES = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 100)), max_size=4),
        st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, NOW_MS + AHEAD_MS_MAX)), max_size=4),
    ),
    max_size=6,
)


@given(PUSHES)
def test_time_never_goes_back(pushes: list[tuple[list[tuple[str, int]], list[tuple[str, int]]]]) -> None:
    """Whatever is pushed in whatever order; every trade is told with its own time, every candle at most once."""

    async def run() -> list[Moment]:
        one = feed()
        asked = [one.push([bar(*each) for each in bars], [trade(*each) for each in trades]) for bars, trades in pushes]
        return await told(one, *asked)

    moments = asyncio.run(run())
    times = [moment.at_ms for moment in moments]
    assert times == sorted(times)
    assert sorted((one.asset, one.at_ms) for moment in moments for one in moment.trades) == sorted(
        each for _, trades in pushes for each in trades
    )
    candles = [(one.asset, one.end_ms) for moment in moments for one in moment.closed]
    assert len(candles) == len(set(candles))
    assert all(one.end_ms <= moment.at_ms for moment in moments for one in moment.closed)
    assert all(one.at_ms <= moment.at_ms for moment in moments for one in moment.trades)


def test_a_late_trade_is_told_now() -> None:
    """It keeps its own time, the moment has the newest."""
    one = feed()
    moments = asyncio.run(told(one, one.push([bar("A", 50)], []), one.push([], [trade("B", 7), trade("A", 9)])))
    assert [(each.at_ms, [late.at_ms for late in each.trades]) for each in moments] == [
        (50_000, []),
        (50_000, [7]),
        (50_000, [9]),
    ]


@pytest.mark.parametrize(("waiting_max", "code"), [(3, "feed_busy"), (2, "feed_busy"), (1, "too_many_moments")])
def test_what_waits_has_its_bound(waiting_max: int, code: str) -> None:
    """With as many waiting as fit but one, two more do not; of a refused push nothing is known."""

    async def run() -> None:
        one = feed(waiting_max=waiting_max)
        first = [trade("A", at_ms) for at_ms in range(waiting_max - 1)]
        waiting = asyncio.create_task(one.push([], first))
        await asyncio.sleep(0)
        with pytest.raises(FeedError) as raised:
            await one.push([bar("B", 3), bar("B", 4)], [])
        assert raised.value.code == code
        assert f"at most {waiting_max} " in str(raised.value)
        assert one.assets == (("A",) if first else ())
        moments = await told(one, waiting, one.push([bar("B", 3)], []))
        assert [each.end_ms for moment in moments for each in moment.closed] == [3000]

    asyncio.run(run())


def test_exactly_what_fits_is_taken() -> None:
    """At the bound, in one push."""
    one = feed(waiting_max=2, assets_max=2)
    moments = asyncio.run(told(one, one.push([bar("A", 3)], [trade("B", 7)])))
    assert [each.at_ms for each in moments] == [7, 3000]


def test_assets_have_their_bound() -> None:
    """Those that are suspended since before count, and a refused push names none."""
    one = feed(assets_max=2, known=("OLD",))
    refused = refusal(one, [bar("A", 3)], [trade(f"B{number}", 3) for number in range(9)])
    assert refused.code == "too_many_assets"
    assert str(refused).startswith("1 assets are told of and 10 would be new (A, B0, B1, B2, B3, ...); at most 2 ")
    assert one.assets == ("OLD",)
    asyncio.run(told(one, one.push([bar("A", 3), bar("OLD", 3)], [])))
    assert one.assets == ("A", "OLD")


def test_a_feed_key_takes_no_vault_out(tmp_path: Any) -> None:
    """Assets by the hundred, all of them suspended: the vaults go on, and a restart does not begin anew with more."""
    settings = config(tmp_path)
    settings = Config(folder=settings.folder, feed=FeedConfig(bar_s=1, quality_window=5, assets_max=250))
    names = [f"{number:03}" + '"' * 61 for number in range(251)]
    with serving(settings) as server:
        server.made("ann")
        phantoms = [
            {"asset": name, "at": now()[:-1] + f".{part}Z", "price": price, "quantity": "1"}
            for name in names
            for part, price in (("100", "1000"), ("200", "1"), ("300", "1000"))
        ]
        too_many = server.call("POST", "/v1/marks", {"trades": phantoms}, key="feed")
        assert (too_many.status_code, too_many.json()["code"]) == (422, "too_many_assets"), too_many.text
        taken = server.call("POST", "/v1/marks", {"trades": phantoms[:-3]}, key="feed")
        assert taken.status_code == 200, taken.text
        assert len(server.call("GET", "/v1/feed", key="feed").json()["suspended"]) == 250
        assert server.desk.fleet.failed == {}
        assert len(server.notes("ann", "data_quality")[-1].encode()) <= 65_536
    with serving(settings) as server:
        assert len(server.call("GET", "/v1/feed", key="feed").json()["suspended"]) == 250
        one_more = server.call("POST", "/v1/marks", market(1_800_000_000 - 60_000_000, asset="BTC"), key="feed")
        assert one_more.json()["code"] == "too_many_assets"
        assert server.desk.fleet.failed == {}
