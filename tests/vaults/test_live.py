"""Live, a strategy takes its time beside the moments: marks, cancels, duties and other vaults go on."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from gxrisk import JournalReader, SystemClock, VaultError
from gxrisk.feeds import Candle, Moment
from gxrisk.vaults import Fleet, Vault
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.venues import PaperVenue

from tests.vaults.faults import FaultyVenue, Refusing
from tests.vaults.fleets import Listener, events, settings
from tests.vaults.strategies import thinking

BAR_MS = 1000
WARM = 15


@dataclass
class Live:
    """A fleet on the system's clock whose feed is in the test's hand: seconds of a market that hardly moves."""

    fleet: Fleet
    now_ms: int

    @classmethod
    def at(cls, folder: Path, venue: PaperVenue | None = None, listener: Listener | None = None) -> "Live":
        """Its feed begins forty seconds ago, so that every moment is past and every mark is fresh."""
        fleet = Fleet(
            folder, venue or PaperVenue(folder=folder / "venue"), clock=SystemClock(), notify=listener or Listener()
        )
        fleet.market.bars(1)
        return cls(fleet, (time.time_ns() // 10**9 - 40) * 1000)

    async def go_on(self, count: int, *assets: str) -> None:
        """So many bars of each asset."""
        for _ in range(count):
            await self.fleet.step(Moment(self.now_ms + BAR_MS, closed=tuple(map(self._bar, assets or ("BTC",)))))
            self.now_ms += BAR_MS

    async def catch_up(self) -> None:
        """Bars until a little after now, which may be ahead of the clock by less than a gate takes amiss."""
        until_ms = time.time_ns() // 10**6 + 3 * BAR_MS
        while self.now_ms + BAR_MS <= until_ms:
            await self.go_on(1)

    def _bar(self, asset: str) -> Candle:
        price = Decimal(100) + Decimal(self.now_ms // BAR_MS % 7) / 100
        return Candle(asset, self.now_ms, BAR_MS, price, price + 1, price - 1, price, 1e6)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Nobody was asked anything yet; no thread is left at the end."""
    thinking.Pondering.asked, thinking.Blocked.asked = [], []
    thinking.Pondering.go_on = asyncio.Event()
    thinking.Blocked.go_on, thinking.Blocked.threads = Event(), set()
    yield
    thinking.Blocked.go_on.set()


KINDS = {"waiting": "thinking.Pondering", "blocking": "thinking.Blocked"}


@pytest.fixture(params=sorted(KINDS))
def slow(request: pytest.FixtureRequest) -> str:
    """A strategy that takes its time, of either kind."""
    return KINDS[request.param]


def let_answer() -> None:
    """Every answer comes now."""
    thinking.Pondering.go_on.set()
    thinking.Blocked.go_on.set()


def asked() -> list[str]:
    """The bars that the slow strategy was asked about."""
    return thinking.Pondering.asked + thinking.Blocked.asked


async def made(live: Live, vault_id: str, strategy: str) -> Vault:
    """A funded vault."""
    vault = await live.fleet.create(vault_id, settings(strategy, bar_s=1))
    await vault.fund("first", Decimal(10_000))
    return vault


async def until(true: Callable[[], Any]) -> None:
    """Let other tasks and threads go on until something is so."""
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.001)


def holds(vault: Vault) -> list[str]:
    """The reasons of all holds."""
    return [one["reasoning"] for one in vault.gate.events() if one["kind"] == "hold"]


def proposed(vault: Vault) -> list[tuple[str, str]]:
    """What the strategy proposed, and the outcome."""
    return [
        (one["order"]["reasoning"], one["outcome"])
        for one in vault.gate.events()
        if one["kind"] == "decision" and one["origin"] == "agent"
    ]


def test_the_moments_go_on_while_a_strategy_thinks(tmp_path: Path, slow: str) -> None:
    """Marks and another vault's trades; each bar in between is a hold on record, once; then the answer is taken."""

    async def think() -> None:
        live = Live.at(tmp_path)
        await live.go_on(WARM)
        vault, other = await made(live, "ann", slow), await made(live, "bob", "thinking.Wish")
        await live.go_on(1)
        await until(asked)
        for count in range(1, 5):
            await until(lambda: len(proposed(other)) == count)  # noqa: B023
            await live.go_on(1)
        await until(lambda: len(proposed(other)) == 5)
        assert {outcome for _, outcome in proposed(other)} == {"approved"}
        assert vault.gate.snapshot().marks == other.gate.snapshot().marks
        assert len(asked()) == 1
        assert proposed(vault) == []
        skipped = holds(vault)
        assert len(skipped) == len(set(skipped)) == 4
        assert all(one.startswith("the strategy was still busy: the bar up to ") for one in skipped)
        let_answer()
        await until(lambda: proposed(vault))
        await live.go_on(1)
        await until(lambda: len(proposed(vault)) == 2)
        assert [outcome for _, outcome in proposed(vault)] == ["approved", "approved"]
        assert len(asked()) == 2
        assert holds(vault) == skipped
        await live.fleet.close()

    asyncio.run(think())


def test_every_asset_has_its_turn(tmp_path: Path) -> None:
    """One question at a time; another asset's waits, and is not skipped for want of the first answer."""

    async def think() -> None:
        live = Live.at(tmp_path)
        await live.go_on(WARM, "BTC", "ETH")
        vault = await made(live, "ann", "thinking.Pondering")
        await live.go_on(1, "BTC", "ETH")
        await until(asked)
        assert [one.split()[0] for one in asked()] == ["BTC"]
        await live.go_on(1, "BTC", "ETH")
        assert [one["asset"] for one in vault.gate.events() if one["kind"] == "hold"] == ["BTC", "ETH"]
        let_answer()
        await until(lambda: len(proposed(vault)) == 2)
        assert [one.split()[0] for one in asked()] == ["BTC", "ETH"]
        await live.fleet.close()

    asyncio.run(think())


@pytest.mark.parametrize("control", ["pause", "kill"])
def test_stopped_meanwhile_its_answer_is_refused(tmp_path: Path, slow: str, control: str) -> None:
    """The control acts at once, and the orders that work are cancelled while the strategy thinks."""

    async def stop() -> None:
        live = Live.at(tmp_path)
        await live.go_on(WARM)
        vault = await made(live, "ann", slow)
        await live.go_on(1)
        await until(asked)
        if control == "pause":
            vault.pause()
        else:
            vault.kill("a drill")
        assert vault.gate.state == "halted"
        let_answer()
        await until(lambda: proposed(vault))
        assert [outcome for _, outcome in proposed(vault)] == ["rejected"]
        assert vault.gate.snapshot().working == ()
        await live.fleet.close()

    asyncio.run(stop())


def test_taken_out_meanwhile_its_answer_does_no_harm(tmp_path: Path, slow: str) -> None:
    """A journal that fails takes the vault out once; opened again it trades."""

    async def fail() -> None:
        listener = Listener()
        live = Live.at(tmp_path, listener=listener)
        await live.go_on(WARM)
        vault = await made(live, "ann", slow)
        await live.go_on(1)
        await until(asked)
        vault.gate.close()
        await live.go_on(1)
        let_answer()
        await live.go_on(1)
        assert list(live.fleet.failed) == ["ann"]
        assert listener.codes == ["vault_failed"]
        again = await live.fleet.open("ann")
        live.now_ms = time.time_ns() // 10**9 * 1000  # what it saw before is not asked again
        await live.go_on(2)
        await until(lambda: proposed(again))
        assert live.fleet.failed == {}
        await live.fleet.close()

    asyncio.run(fail())


def test_retired_meanwhile_its_question_ends_as_a_hold(tmp_path: Path, slow: str) -> None:
    async def retire() -> None:
        live = Live.at(tmp_path)
        await live.go_on(WARM)
        await live.fleet.create("ann", settings(slow, bar_s=1))
        await live.go_on(1)
        await until(asked)
        await live.fleet.retire("ann", "enough")
        told = [one["reasoning"] for one in events(live.fleet, "ann") if one["kind"] == "hold"]
        assert told == ["the strategy gave no answer before the vault was closed"]
        await live.fleet.close()

    asyncio.run(retire())


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_fleet_that_stops_finishes_its_answers(
    tmp_path: Path, slow: str, is_answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes within the last seconds is carried out; of every other question it is on record that it was not."""
    monkeypatch.setattr("gxrisk.vaults.fleet.LAST_ANSWERS_S", 60 if is_answered else 0.01)

    async def stop() -> None:
        live = Live.at(tmp_path)
        await live.go_on(WARM, "BTC", "ETH")
        vault = await made(live, "ann", slow)
        await live.go_on(1, "BTC", "ETH")
        await until(asked)
        closing = asyncio.ensure_future(live.fleet.close())
        await asyncio.sleep(0)
        if is_answered:
            let_answer()
        await closing
        assert dict(live.fleet.vaults) == dict(live.fleet.failed) == {}
        records = events(live.fleet, "ann")
        if is_answered:
            assert [one["outcome"] for one in records if one["kind"] == "decision"] == ["approved", "approved"]
            assert sum(one["kind"] == "redeemed" for one in records) == 2
        else:
            told = [one["reasoning"] for one in records if one["kind"] == "hold"]
            assert told == ["the strategy gave no answer before the vault was closed"] * 2
        JournalReader(live.fleet.folder / "ann" / JOURNAL).verify()
        with pytest.raises(VaultError, match="ann is closed"):
            await vault.reconcile()

    asyncio.run(stop())


def test_a_venue_that_does_not_answer_an_order_is_met_anew(tmp_path: Path) -> None:
    """Sent beside the moments as well: the account is opened again and reconciled, and the next order arrives.

    The feed is behind the clock by which orders are sent; they meet no price of before that.
    """

    async def refuse() -> None:
        venue = FaultyVenue({"ann": Refusing}, folder=tmp_path / "venue")
        live = Live.at(tmp_path, venue)
        await live.go_on(WARM)
        vault = await made(live, "ann", "thinking.Wish")
        venue.wrapped["ann"].refuse = 1
        await live.go_on(1)
        await until(lambda: proposed(vault))
        await until(lambda: venue.wrapped["ann"].refuse == 0)
        for count in range(2, 5):
            await live.go_on(1)
            await until(lambda: len(proposed(vault)) == count)  # noqa: B023
        assert not vault.gate.snapshot().positions  # sent by the clock of now, not at prices of before
        await live.catch_up()
        await until(lambda: vault.gate.snapshot().positions)
        assert live.fleet.failed == {}
        assert await vault.reconcile() == ()
        assert vault.gate.snapshot().positions["BTC"] > 0
        await live.fleet.close()

    asyncio.run(refuse())
