"""Models that answer later: the same replay as with one that answers at once, in one event loop."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Generator
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import Limits
from gxrisk.agent import Action, ModelError, Momentum, View
from gxrisk.feeds import CandleSeries, read_candles, reconstruct
from gxrisk.replay import ReplaySettings, VaultPlan, replay

PLANS = [VaultPlan(tier, Limits.for_tier(tier)) for tier in ("growth", "high_octane")]
SETTINGS = ReplaySettings(bar_ms=900_000)
CRASH = "btcusdt-5m-2020-03-01_2020-03-13-binance.csv.gz"


class Later(Momentum):
    """Momentum behind an await; notes the loops it ran in."""

    loops: set[asyncio.AbstractEventLoop]

    async def decide(self, view: View) -> Action:  # type: ignore[override]
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return super().decide(view)


class Promise:
    """An awaitable that is no coroutine."""

    def __init__(self, action: Action) -> None:
        self.action = action

    def __await__(self) -> Generator[None, None, Action]:
        yield
        return self.action


class Promising(Momentum):
    def decide(self, view: View) -> Awaitable[Action]:  # type: ignore[override]
        return Promise(super().decide(view))


def later(loops: set[asyncio.AbstractEventLoop]) -> Callable[[], Later]:
    def made() -> Later:
        model = Later()
        model.loops = loops
        return model

    return made


def test_answering_later_changes_nothing() -> None:
    """Two vaults and the account without a gate: the same result to the last digit, one loop, closed at the end."""
    loops: set[asyncio.AbstractEventLoop] = set()
    at_once = replay([reconstruct()], Momentum, PLANS, SETTINGS)
    assert replay([reconstruct()], later(loops), PLANS, SETTINGS) == at_once
    assert at_once.ungated.fills > 0
    assert len(loops) == 1
    assert all(loop.is_closed() for loop in loops)
    assert replay([reconstruct()], Promising, PLANS, SETTINGS) == at_once


def test_answering_later_changes_nothing_on_recorded_candles(data_dir: Path) -> None:
    loops: set[asyncio.AbstractEventLoop] = set()
    series = [read_candles(data_dir / CRASH)]
    plans = [VaultPlan("growth", Limits.for_tier("growth").replace(mark_age_s_max=300))]
    at_once = replay(series, Momentum, plans, SETTINGS)
    assert replay(series, later(loops), plans, SETTINGS) == at_once
    assert at_once.vaults[0].fills > 0


def test_a_replay_leaves_the_loop_of_its_thread_alone() -> None:
    """Inside a running loop there is one clear error and no coroutine left behind; in a thread it works."""

    async def inside() -> None:
        running = asyncio.get_running_loop()
        with pytest.raises(ModelError, match=r"asyncio\.to_thread"):
            replay([reconstruct()], later(set()), PLANS, SETTINGS)
        gc.collect()
        result = await asyncio.to_thread(replay, [reconstruct()], later(set()), PLANS, SETTINGS)
        assert result.ungated.fills > 0
        assert asyncio.get_running_loop() is running

    asyncio.run(inside())


class Broken:
    async def decide(self, view: View) -> Action:
        raise ZeroDivisionError("by zero")


class Cancelled:
    async def decide(self, view: View) -> Action:
        raise asyncio.CancelledError


class Nonsense:
    async def decide(self, view: View) -> object:
        return "hold"


@pytest.mark.parametrize(
    ("model", "part"),
    [
        (Broken, "raised ZeroDivisionError: by zero"),
        (Cancelled, "cancelled itself"),
        (Nonsense, "answered str, not Open"),
    ],
)
def test_a_model_that_breaks_later_is_named(series: Callable[..., CandleSeries], model: type, part: str) -> None:
    with pytest.raises(ModelError, match=part) as caught:
        replay([series([100, 100])], model, PLANS, ReplaySettings(Decimal(1000)))
    assert "BTC, 2020-03-12 00:01 UTC" in str(caught.value)


def test_what_a_model_leaves_running_ends_with_the_replay(series: Callable[..., CandleSeries]) -> None:
    ended: list[str] = []

    class Busy:
        def __init__(self) -> None:
            self.task: asyncio.Task[None] | None = None

        async def decide(self, view: View) -> Action:
            self.task = self.task or asyncio.create_task(self.watch())
            await asyncio.sleep(0)
            return Momentum().decide(view)

        async def watch(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("ended")

    replay([series([100, 101, 102])], Busy, PLANS[:1], ReplaySettings(Decimal(1000)))
    assert ended == ["ended", "ended"]
