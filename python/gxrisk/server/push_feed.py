"""The feed that others push: what `POST /v1/marks` brings becomes moments; the answer waits for all vaults."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import groupby
from typing import Final

from gxrisk._native import GxriskError
from gxrisk.feeds.candles import Candle
from gxrisk.feeds.timeline import Moment, Trade

AHEAD_MS_MAX: Final = 2_000  # the gate itself refuses more than 5 s
_SHOWN_MAX: Final = 5  # asset names in a sentence


class FeedError(GxriskError):
    """What was pushed cannot be taken; `code` is a word for programs."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class PushFeed:
    """A `Feed` of what is pushed. Candles have `bar_ms`, end at a multiple of it, and count once for each asset.

    Its time never goes back: what comes late is told at the newest moment. At most `waiting_max` moments wait, and it
    tells of at most `assets_max` assets while it lives, those that are `known` to others already among them: every
    vault keeps bars, marks and suspensions of each.

    >>> from decimal import Decimal
    >>> def bar(minute):
    ...     return Candle("BTC", minute * 60_000, 60_000, *[Decimal(100)] * 4, 1.0)
    >>> async def two_minutes():
    ...     feed = PushFeed(60_000, waiting_max=9, assets_max=9, now_ms=lambda: 600_000)
    ...     pushed = asyncio.create_task(feed.push([bar(1), bar(0), bar(1)], []))
    ...     async for moment in feed.moments():
    ...         print(moment.at_ms)
    ...         if moment.at_ms == 120_000:
    ...             feed.stop()
    ...     print("ignored", await pushed)
    >>> asyncio.run(two_minutes())
    60000
    120000
    ignored 1
    """

    name = "push"

    def __init__(
        self,
        bar_ms: int,
        *,
        waiting_max: int,
        assets_max: int,
        now_ms: Callable[[], int],
        known: Iterable[str] = (),
    ) -> None:
        self.bar_ms = bar_ms
        self._waiting_max = waiting_max
        self._assets_max = assets_max
        self._now_ms = now_ms
        self._waiting: deque[tuple[Moment, asyncio.Future[None]]] = deque()
        self._in_hand: asyncio.Future[None] | None = None
        self._came = asyncio.Event()
        self._is_stopped = False
        self._last_start: dict[str, int] = {}
        self._assets: set[str] = set(known)
        self._at_ms = 0

    @property
    def assets(self) -> tuple[str, ...]:
        """What it has told of so far."""
        return tuple(sorted(self._assets))

    async def push(self, candles: Iterable[Candle], trades: Iterable[Trade]) -> int:
        """Take candles and trades, and wait until all vaults had them; how many candles were known already.

        Raises `FeedError`, and then nothing was taken: `from_the_future`, `interval`, `too_many_assets`,
        `too_many_moments`, `feed_busy`, `shutting_down`. What waited when the feed was stopped raises that too.
        """
        closed = sorted(candles, key=lambda one: (one.end_ms, one.asset))
        told = sorted(trades, key=lambda one: one.at_ms)
        if self._is_stopped:
            raise FeedError("shutting_down", "the server is shutting down; push again when it is back")
        self._check_times(closed, told)
        starts, fresh = dict(self._last_start), []
        for candle in closed:
            if candle.start_ms > starts.get(candle.asset, -1):
                starts[candle.asset] = candle.start_ms
                fresh.append(candle)
        assets = self._assets | {one.asset for one in fresh} | {one.asset for one in told}
        moments = _moments(fresh, told, self._at_ms)
        self._check_room(assets, len(moments))
        self._last_start, self._assets = starts, assets
        self._at_ms = max([self._at_ms, *(one.at_ms for one in moments)])
        futures = [asyncio.get_running_loop().create_future() for _ in moments]
        self._waiting.extend(zip(moments, futures, strict=True))
        self._came.set()
        await asyncio.gather(*futures)
        return len(closed) - len(fresh)

    async def moments(self) -> AsyncIterator[Moment]:
        """What is pushed from now on, until `stop`."""
        while not self._is_stopped:
            if not self._waiting:
                self._came.clear()
                await self._came.wait()
                continue
            moment, self._in_hand = self._waiting.popleft()
            yield moment
            self._settle_in_hand(None)

    def stop(self, failure: str | None = None) -> None:
        """Take no more; what waits is refused. To be called when nobody takes moments any more.

        The moment in hand was taken, unless `failure` says why not.
        """
        self._is_stopped = True
        self._came.set()
        refusal = FeedError("shutting_down", failure or "the server is shutting down; push again when it is back")
        self._settle_in_hand(None if failure is None else refusal)
        while self._waiting:
            _settle(self._waiting.popleft()[1], refusal)

    def _settle_in_hand(self, error: FeedError | None) -> None:
        if self._in_hand is not None:
            _settle(self._in_hand, error)
            self._in_hand = None

    def _check_times(self, candles: Iterable[Candle], trades: Iterable[Trade]) -> None:
        for candle in candles:
            if candle.interval_ms != self.bar_ms or candle.start_ms % self.bar_ms:
                bar_s = self.bar_ms // 1000
                raise FeedError(
                    "interval",
                    f"{candle.asset}: a candle of {candle.interval_ms / 1000:g} s from {candle.start_ms} ms on was "
                    f"given; candles of {bar_s} s that start at a multiple of {bar_s} s are allowed",
                )
        now_ms = self._now_ms()
        for asset, at_ms in [*((c.asset, c.end_ms) for c in candles), *((t.asset, t.at_ms) for t in trades)]:
            if at_ms > now_ms + AHEAD_MS_MAX:
                raise FeedError(
                    "from_the_future",
                    f"{asset}: told {at_ms - now_ms} ms ahead of the server's clock, at most {AHEAD_MS_MAX} ms are "
                    "allowed; tell a candle when it is complete, and set both clocks by NTP",
                )

    def _check_room(self, assets: set[str], count: int) -> None:
        """Whether the feed has room for these assets in all, and for so many moments more."""
        if len(assets) > self._assets_max:
            new = sorted(assets - self._assets)
            shown = ", ".join(new[:_SHOWN_MAX]) + (", ..." if len(new) > _SHOWN_MAX else "")
            raise FeedError(
                "too_many_assets",
                f"{len(self._assets)} assets are told of and {len(new)} would be new ({shown}); at most "
                f"{self._assets_max} are allowed (feed.assets_max): tell of fewer, the list begins anew with a restart",
            )
        if count > self._waiting_max:
            raise FeedError(
                "too_many_moments",
                f"{count} moments were pushed at once, at most {self._waiting_max} are allowed "
                "(feed.moments_waiting_max); push them in parts",
            )
        if len(self._waiting) + count > self._waiting_max:
            raise FeedError(
                "feed_busy",
                f"{len(self._waiting)} moments are waiting and {count} more were pushed, at most {self._waiting_max} "
                "may wait; push the same again in a second",
            )


def _settle(taken: "asyncio.Future[None]", error: FeedError | None) -> None:
    if taken.done():
        return  # whoever pushed it waits no more
    if error is None:
        taken.set_result(None)
    else:
        taken.set_exception(error)


def _moments(candles: list[Candle], trades: list[Trade], from_ms: int) -> list[Moment]:
    """One for each time, in order; what is older than `from_ms` is told then, each still at a moment of its own."""
    told = sorted(
        [*((one.end_ms, one) for one in candles), *((one.at_ms, one) for one in trades)], key=lambda at: at[0]
    )
    moments = []
    for at_ms, group in groupby(told, key=lambda at: at[0]):
        both = [one for _, one in group]
        closed = tuple(one for one in both if isinstance(one, Candle))
        late_or_not = max(at_ms, from_ms)
        moments.append(Moment(late_or_not, closed=closed, trades=tuple(one for one in both if isinstance(one, Trade))))
    return moments
