"""A fleet whose feed goes astray: what is suspended is not marked, exits pass, and only a person ends it."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import order
from gxrisk.feeds import Moment
from gxrisk.protection import DataQuality, ProtectionSettings, QualitySettings
from gxrisk.vaults import Fleet, Vault
from gxrisk.vaults.quality import TOPIC
from gxrisk.vaults.track_record import SCORES
from gxrisk.venues import PaperVenue

from tests.vaults.fleets import Listener, Owner, events, fleet, minutes, play, settings

pytestmark = pytest.mark.usefixtures("data_dir")
WARM = 40


def doubled(moment: Moment) -> Moment:
    """The same minute with a close of two and a half times the price, as a phantom print would make it."""
    (bar,) = moment.closed
    high = bar.close * Decimal("2.5")
    return replace(moment, closed=(replace(bar, high=high, close=high),))


async def astray(folder: Path, owner: Owner, listener: Listener) -> tuple[Fleet, Vault, DataQuality, list[Moment]]:
    """A vault with a position whose feed told one phantom price, and the moments that follow."""
    quality = DataQuality()
    one = fleet(folder, PaperVenue(folder=folder / "accounts"), notify=listener, data_quality=quality)
    one.market.bars(60)
    moments = list(minutes(120))
    await play(one, moments[:WARM])
    vault = await one.create("ann", settings("Bidder"), owner_key=owner.public)
    await vault.fund("first", Decimal(10_000))
    await play(one, moments[WARM : WARM + 6])
    assert vault.gate.snapshot().positions
    assert not quality.suspended
    await play(one, [doubled(moments[WARM + 6]), moments[WARM + 7]])
    assert list(quality.suspended) == ["BTCUSD"]
    return one, vault, quality, moments[WARM + 8 :]


def mark_of(vault: Vault) -> Decimal:
    """The trusted price of what the vault holds."""
    return vault.gate.snapshot().positions["BTCUSD"].mark


def test_a_suspended_asset_is_not_marked_and_nothing_opens(tmp_path: Path, owner: Owner) -> None:
    async def suspended() -> None:
        listener = Listener()
        one, vault, _, after = await astray(tmp_path, owner, listener)
        sound = mark_of(vault)
        assert sound == minutes(120)[WARM + 7].closed[0].close, "the sound price after the phantom is the last one"
        assert listener.codes.count("feed_suspended") == 1
        before = vault.gate.sequence
        await play(one, after[:20])
        assert mark_of(vault) == sound
        assert "oracle_failure" in {trip.breaker for trip in vault.gate.trips}
        opening = order("BTCUSD", "buy", "0.001", confidence=0.9, reasoning="x", stop_loss=float(sound) * 0.99)
        refused = {violation.rule for violation in vault.gate.validate_order(opening).violations}
        assert {"stale_price", "trading_state"} <= refused
        asked = [each for each in vault.gate.events(before) if each["kind"] in ("decision", "hold")]
        origins = {each.get("origin", "agent") for each in asked}
        assert origins == {"protection"}, "no bar that nobody believes is asked about; stops at the venue go on working"
        assert all(each["outcome"] == "approved" for each in asked)
        assert listener.codes.count("feed_suspended") == 1, "told once"
        await one.close()

    asyncio.run(suspended())


@pytest.mark.parametrize("origin", ["owner", "protection"])
def test_exits_pass_while_the_feed_is_suspended(origin: str, tmp_path: Path, owner: Owner) -> None:
    async def exits() -> None:
        one, vault, _, after = await astray(tmp_path, owner, Listener())
        held = vault.gate.snapshot().positions["BTCUSD"]
        leave = order("BTCUSD", "sell", Decimal(held), confidence=1, reasoning="out", reduce_only=True)
        assert vault.gate.validate_order(leave, origin=origin).approved, "at once"
        assert "oracle_failure" not in {trip.breaker for trip in vault.gate.trips}
        # The phantom itself tripped `price_move`, which halts the agent; else it could leave until the mark is stale.
        halting = {trip.breaker for trip in vault.gate.trips}
        by_agent = vault.gate.validate_order(leave)
        assert {one.rule for one in by_agent.violations} == ({"trading_state"} if halting else set())
        await play(one, after[:30])
        assert vault.gate.state == "halted"
        assert vault.gate.validate_order(leave, origin=origin).approved, "and after half an hour without a mark"
        await one.close()

    asyncio.run(exits())


def test_the_owner_gets_everything_out_of_a_suspended_vault(tmp_path: Path, owner: Owner) -> None:
    async def out() -> None:
        one, vault, quality, after = await astray(tmp_path, owner, Listener())
        vault.withdraw(owner.signs(1_000))
        for moment in after:
            await one.step(moment)
            if vault.withdrawal is None:
                break
        assert vault.withdrawal is None
        assert not vault.gate.snapshot().positions
        assert quality.suspended
        await one.close()

    asyncio.run(out())


def test_only_a_review_brings_the_marks_back_and_all_of_it_is_on_record(tmp_path: Path, owner: Owner) -> None:
    async def review() -> None:
        listener = Listener()
        one, vault, quality, after = await astray(tmp_path, owner, listener)
        await play(one, after[:2])
        quality.review("BTCUSD", "ann", "the venue confirmed a bad print")
        await play(one, after[2:4])
        assert mark_of(vault) == after[3].closed[0].close
        assert listener.codes.count("feed_returned") == 1
        await one.close()
        notes = [json.loads(each["text"]) for each in events(one, "ann") if each.get("topic") == TOPIC]
        assert [list(note["suspended"]) for note in notes] == [["BTCUSD"], []]
        told = [each["text"] for each in events(one, "ann") if each.get("topic") == "notices"]
        assert any("BTCUSD is back, reviewed by ann: the venue confirmed a bad print" in text for text in told)

    asyncio.run(review())


def test_a_restart_is_no_review(tmp_path: Path, owner: Owner) -> None:
    async def restart() -> None:
        one, vault, _, after = await astray(tmp_path, owner, Listener())
        sound = mark_of(vault)
        await one.close()
        quality = DataQuality()
        again = fleet(tmp_path, PaperVenue(folder=tmp_path / "accounts"), notify=Listener(), data_quality=quality)
        again.market.bars(60)
        await again.open_all()
        assert (list(again.vaults), dict(again.failed)) == (["ann"], {})
        assert list(quality.suspended) == ["BTCUSD"]
        await play(again, after[:5])
        assert mark_of(again.vaults["ann"]) == sound
        quality.review("BTCUSD", "ann", "looked")
        await play(again, after[5:7])
        assert mark_of(again.vaults["ann"]) == after[6].closed[0].close
        await again.close()

    asyncio.run(restart())


def test_vaults_of_other_assets_hear_nothing(tmp_path: Path) -> None:
    async def others() -> None:
        listener = Listener()
        one = fleet(tmp_path, PaperVenue(), notify=listener, data_quality=DataQuality())
        for name, assets in (("btc", ("BTCUSD",)), ("eth", ("ETHUSD",)), ("all", None)):
            await one.create(name, settings("Silent", assets=assets))
        moments = list(minutes(60))
        await play(one, [*moments[:WARM], doubled(moments[WARM]), moments[WARM + 1]])
        told = sorted(notice.vault_id for notice in listener.heard if notice.code == "feed_suspended")
        assert told == ["all", "btc"]
        assert TOPIC not in one.vaults["eth"].gate.notes
        await one.close()

    asyncio.run(others())


def test_without_data_quality_nothing_changes(tmp_path: Path) -> None:
    """The same week with and without it, as long as nothing is wrong, leaves the same records."""

    async def records(folder: Path, **more: Any) -> list[Any]:
        one = fleet(folder, PaperVenue(), notify=Listener(), **more)
        vault = await one.create("ann", settings("Trader"))
        await vault.fund("first", Decimal(10_000))
        await play(one, minutes(90))
        await one.close()
        return [
            (each["kind"], each["time"], each.get("outcome"), each.get("price"), each.get("quantity"))
            for each in events(one, "ann")
        ]

    plain = asyncio.run(records(tmp_path / "plain"))
    judged = asyncio.run(records(tmp_path / "judged", data_quality=DataQuality()))
    assert plain == judged
    assert sum(each[0] == "fill" for each in plain) > 10


def test_held_back_a_bad_print_moves_nothing(tmp_path: Path) -> None:
    """With `marks_unconfirmed=False` neither a breaker, nor equity, nor the average true range sees the phantom."""

    async def held_back() -> None:
        quality = DataQuality(QualitySettings(marks_unconfirmed=False))
        one = fleet(tmp_path, PaperVenue(), notify=Listener(), data_quality=quality)
        one.market.bars(60)
        moments = list(minutes(60))
        await play(one, moments[:WARM])
        vault = await one.create("ann", settings("Bidder"))
        await vault.fund("first", Decimal(10_000))
        await play(one, moments[WARM : WARM + 6])
        atr, equity = one.market.bars(60).atr("BTCUSD"), vault.gate.snapshot().equity
        await play(one, [doubled(moments[WARM + 6])])
        snapshot = vault.gate.snapshot()
        assert one.market.bars(60).atr("BTCUSD") == atr
        assert abs(snapshot.equity - equity) < 1, "the fee of a fill; the phantom would have been hundreds"
        assert (vault.gate.trips, list(quality.suspended)) == ((), [])
        await play(one, [moments[WARM + 7]])
        assert list(quality.suspended) == ["BTCUSD"]
        assert mark_of(vault) == moments[WARM + 7].closed[0].close
        assert vault.gate.trips == ()
        held = Decimal(vault.gate.snapshot().positions["BTCUSD"])
        leave = order("BTCUSD", "sell", held, confidence=1, reasoning="out", reduce_only=True)
        assert vault.gate.validate_order(leave).approved, "the agent may leave, until the mark is stale"
        await play(one, moments[WARM + 8 : WARM + 10])
        assert [trip.breaker for trip in vault.gate.trips] == ["oracle_failure"]
        assert not vault.gate.validate_order(leave).approved
        assert vault.gate.validate_order(leave, origin="owner").approved
        await one.close()

    asyncio.run(held_back())


def test_the_feed_s_score_reaches_the_model_s_health(tmp_path: Path) -> None:
    """Trades that were opened on a feed with faults count as such, on record and over a restart."""

    async def main() -> None:
        quality = DataQuality()
        one = fleet(tmp_path, PaperVenue(folder=tmp_path / "accounts"), notify=Listener(), data_quality=quality)
        guards = ProtectionSettings(asks_idle=True)
        vault = await one.create("ann", settings("Trader", protection=guards))
        await vault.fund("first", Decimal(10_000))
        moments = list(minutes(140))
        del moments[100:107]  # a gap, which costs five hundredths for an hour
        await play(one, moments[:100])
        assert vault.protection is not None
        assert vault.protection.scores == {"BTCUSD": 1.0}
        await play(one, moments[100:])
        assert vault.protection.scores["BTCUSD"] == pytest.approx(0.95)
        health = vault.protection.record.health
        assert health is not None
        scores = [each.data_quality for each in vault.protection._record._health._trades]
        assert set(scores) == {1.0, 0.95}
        assert health.vitals.data_quality == pytest.approx(sum(scores) / len(scores))
        notes = [each["text"] for each in events(one, "ann") if each["kind"] == "note" and each["topic"] == SCORES]
        assert notes == ['{"BTCUSD": 1.0}', '{"BTCUSD": 0.95}']
        await one.close()
        vault = await one.open("ann")
        assert vault.protection is not None
        again = vault.protection.record.health
        assert again is not None
        assert again.vitals == health.vitals
        await one.close()

    asyncio.run(main())
