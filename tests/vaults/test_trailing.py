"""Trailed stops: one way only, long and short, over restarts and a venue that is away; the venue's leg stays."""

import asyncio
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from gxrisk import Order
from gxrisk.feeds import Candle, Moment
from gxrisk.protection import ProtectionSettings
from gxrisk.protection.settings import StopSettings
from gxrisk.vaults import Fleet, Vault, VaultSettings
from gxrisk.vaults.trailing import TOPIC
from gxrisk.venues import PaperVenue

from .faults import FaultyVenue, Refusing
from .fleets import MINUTE_MS, START_MS, Listener, events, fleet
from .test_clients import DECLARED

Side = Literal["buy", "sell"]
D = Decimal
GUARDS = ProtectionSettings(
    adaptive=None, size=None, portfolio=None, health=None, stop=StopSettings(trail=True), asks_idle=True
)
FLAT = [100.0] * 30


class Life:
    """A vault of a client on a market in the test's hand, which a restart does not forget."""

    def __init__(self, folder: Path, venue: PaperVenue | None = None, guards: ProtectionSettings = GUARDS) -> None:
        self.listener = Listener()
        self.one: Fleet = fleet(folder, venue, notify=self.listener)
        self.guards = guards
        self.minutes = 0
        self.last = 100.0

    async def begin(self) -> None:
        """Fund it, and let it see half an hour in which nothing happens."""
        settings = VaultSettings("growth", DECLARED, bar_s=60, protection=self.guards)
        vault = await self.one.create("ann", settings)
        await vault.fund("first", D(10_000))
        await self.go(FLAT)

    @property
    def vault(self) -> Vault:
        """It."""
        return self.one.vaults["ann"]

    async def go(self, closes: Sequence[float]) -> None:
        """Minutes that end at these prices, with half a point of room on both sides."""
        for close in closes:
            prices = D(str(round(self.last, 2))), D(str(round(close, 2)))
            start_ms = START_MS + self.minutes * MINUTE_MS
            bar = Candle(
                "BTC", start_ms, MINUTE_MS, prices[0], max(prices) + D("0.5"), min(prices) - D("0.5"), prices[1], 1e6
            )
            await self.one.step(Moment(bar.end_ms, closed=(bar,)))
            self.minutes, self.last = self.minutes + 1, close

    async def open(self, side: Side) -> None:
        """A position of five, with a stop four away."""
        stop = 98 if side == "buy" else 102
        order = Order("BTC", side, 5, confidence=1, reasoning="x", stop_loss=stop)
        answer = await self.vault.propose(order)
        assert answer.decision.approved, answer
        await self.go([self.last])
        assert self.vault.gate.snapshot().positions

    @property
    def stop(self) -> Decimal | None:
        """The trailed stop, as the journal has it."""
        kept = json.loads(self.vault.gate.notes.get(TOPIC) or "{}")
        return Decimal(kept["BTC"]["stop"]) if "BTC" in kept else None

    def stops(self) -> list[Decimal]:
        """All of them in their order."""
        texts = [each["text"] for each in events(self.one, "ann") if each["kind"] == "note" and each["topic"] == TOPIC]
        return [Decimal(json.loads(each)["BTC"]["stop"]) for each in texts if each]

    def exits(self) -> list[dict[str, Any]]:
        """The orders by which it left."""
        decided = [each for each in events(self.one, "ann") if each["kind"] == "decision"]
        return [each for each in decided if str(each["order"]["client_order_id"]).startswith("trail-")]


def path(side: Side, moves: Sequence[float]) -> list[float]:
    """Prices around 100, turned over for a short."""
    return [100 + move if side == "buy" else 100 - move for move in moves]


RISE = [step / 2 for step in range(1, 21)]  # by ten in twenty minutes


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_it_follows_one_way_only_and_leaves_where_the_market_turns(side: Side, tmp_path: Path) -> None:
    async def main() -> None:
        life = Life(tmp_path)
        await life.begin()
        await life.open(side)
        await life.go(path(side, RISE))
        high = life.stop
        assert high is not None
        assert (high > 103) if side == "buy" else (high < 97), "it went beyond where it was opened"
        leg = life.vault.gate.snapshot().positions["BTC"].stop_loss
        await life.go(path(side, [9.5, 9.0, 9.5]))
        assert life.stop == high, "a market that goes back does not take it along"
        assert life.vault.gate.snapshot().positions["BTC"].stop_loss == leg, "the venue's leg is where it was"
        assert not life.exits()
        life.vault.pause()
        await life.go(path(side, [2.0, 2.0]))
        assert not life.vault.gate.snapshot().positions, "no pause holds it back"
        (left,) = life.exits()
        assert (left["origin"], left["order"]["reduce_only"], left["outcome"]) == ("protection", True, "approved")
        assert f"followed it to {high.normalize():f}" in left["order"]["reasoning"]
        assert life.listener.codes.count("trailed_stop") == 1
        stops = life.stops()
        assert stops == sorted(stops, reverse=side == "sell")
        await life.go(path(side, [2.0]))
        assert life.stop is None, "flat, it is forgotten"
        await life.one.close()
        assert not life.one.failed

    asyncio.run(main())


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_a_random_market_stops_are_monotone_and_never_beyond_it(side: Side, seed: int, tmp_path: Path) -> None:
    moves = np.random.default_rng(seed).normal(0.05, 0.3, 60).cumsum()

    async def main() -> None:
        life = Life(tmp_path)
        await life.begin()
        await life.open(side)
        for move in path(side, moves.tolist()):
            before = life.stop
            await life.go([move])
            if life.stop is None or not life.vault.gate.snapshot().positions:
                break
            if before is not None:
                assert life.stop >= before if side == "buy" else life.stop <= before
            assert life.stop < D(str(round(move, 2))) if side == "buy" else life.stop > D(str(round(move, 2)))
            leg = life.vault.gate.snapshot().positions["BTC"].stop_loss
            assert leg is not None
            assert life.stop >= leg if side == "buy" else life.stop <= leg
        assert life.stops()
        await life.one.close()

    asyncio.run(main())


def test_a_restart_goes_on_from_the_note(tmp_path: Path) -> None:
    """The market falls through the stop while nobody looks: left with the first mark, not by the far leg."""

    async def main() -> None:
        life = Life(tmp_path)
        await life.begin()
        await life.open("buy")
        await life.go(path("buy", RISE))
        stop = life.stop
        await life.one.close()
        await life.one.open("ann")
        assert life.stop == stop
        await life.go([101.0, 101.0])
        assert not life.vault.gate.snapshot().positions
        assert len(life.exits()) == 1
        fills = [each for each in events(life.one, "ann") if each["kind"] == "fill"]
        assert fills[-1]["price"] > 100, "the leg at the venue was at 98"
        await life.one.close()

    asyncio.run(main())


def test_what_was_crossed_is_left_even_if_the_market_comes_back_before_the_venue_does(tmp_path: Path) -> None:
    async def main() -> None:
        venue = FaultyVenue({"ann": Refusing}, folder=tmp_path / "accounts")
        life = Life(tmp_path, venue)
        await life.begin()
        await life.open("buy")
        await life.go(path("buy", RISE))
        venue.wrapped["ann"].refuse = 3
        await life.go([103.0])
        assert life.vault.gate.snapshot().positions, "the venue did not take it"
        await life.one.close()
        await life.one.open("ann")
        await life.go([111.0] * 6)
        assert not life.vault.gate.snapshot().positions
        assert len(life.exits()) >= 2, "asked again"
        assert life.listener.codes.count("trailed_stop") == 1
        await life.one.close()
        assert not life.one.failed

    asyncio.run(main())


def test_another_position_has_a_stop_of_its_own(tmp_path: Path) -> None:
    """Closed and opened again between two bars: the old stop is not the new one's."""

    async def main() -> None:
        life = Life(tmp_path)
        await life.begin()
        await life.open("buy")
        await life.go(path("buy", RISE))
        first = life.stop
        gate = life.vault.gate
        life.vault.protection._catch_up()  # type: ignore[union-attr]
        held = life.vault._trailing._held  # type: ignore[union-attr]
        opened = held("BTC")
        leave = Order("BTC", "sell", 5, confidence=1, reasoning="out", reduce_only=True)
        await life.vault.propose(leave)
        again = Order("BTC", "buy", 5, confidence=1, reasoning="in", stop_loss=107)
        await life.go([110.0])
        answer = await life.vault.propose(again)
        assert answer.decision.approved, answer
        await life.go([110.0])
        assert gate.snapshot().positions
        assert held("BTC") != opened
        assert first is not None
        await life.go([108.0])
        assert life.exits() == []
        await life.one.close()

    asyncio.run(main())


def test_without_the_setting_nothing_trails(tmp_path: Path) -> None:
    async def main() -> None:
        still = GUARDS.model_copy(update={"stop": StopSettings()})
        life = Life(tmp_path, guards=still)
        await life.begin()
        await life.open("buy")
        await life.go(path("buy", [*RISE, 2.0]))
        assert life.vault.gate.snapshot().positions
        assert life.stops() == []
        await life.one.close()

    asyncio.run(main())


def test_a_note_of_no_use_begins_anew(tmp_path: Path) -> None:
    async def main() -> None:
        life = Life(tmp_path)
        await life.begin()
        await life.open("buy")
        await life.go(path("buy", RISE[:10]))
        life.vault.gate.note(TOPIC, '{"BTC": {"stop": "x"}}')
        await life.one.close()
        await life.one.open("ann")
        await life.go([105.0] * 20)
        assert life.stop is not None
        assert life.stop > 98
        await life.one.close()

    asyncio.run(main())
