"""The quick no: only ever a no, only while it counts, and with a real Redis that comes and goes."""

import asyncio
import logging
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import redis
from gxrisk import Gate, Limits, ManualClock
from gxrisk.protection import ProtectionSettings, Standing
from gxrisk.protection.standing import LocalStandings, StandingError, standings
from gxrisk.protection.standing_redis import KEY, RedisStandings
from gxrisk.venues import PaperVenue
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.redis_server import Server
from tests.vaults.fleets import Listener, decisions, fleet, minutes, play
from tests.vaults.fleets import settings as fleet_settings

from .accounts import held, idea, vault

OPEN = Standing(1_000_000, 60_000, "active", "10000", "0", "400", 10, 50, None, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"state": "halted"}, "the vault is halted"),
        ({"state": "reduce_only"}, "the vault is reduce_only"),
        ({"trades_left": 0}, "the day's opening trades are used up"),
        ({"trades_left": 1}, None),
        ({"orders_left": 0}, "as many orders work as may"),
        ({"refusal": "health: bad"}, "health: bad"),
    ],
)
def test_what_closes_a_vault(changes: dict[str, Any], said: str | None) -> None:
    assert replace(OPEN, **changes).closed(1_000_000) == said


@pytest.mark.parametrize(
    ("now_ms", "until_ms", "counts"),
    [
        (1_000_000, None, True),
        (1_060_000, None, True),
        (1_060_001, None, False),
        (999_999, None, False),
        (1_029_999, 1_030_000, True),
        (1_030_000, 1_030_000, False),
    ],
)
def test_a_no_counts_only_while_it_is_fresh_and_its_breaker_lasts(
    now_ms: int, until_ms: int | None, counts: bool
) -> None:
    assert (replace(OPEN, state="halted", until_ms=until_ms).closed(now_ms) is not None) is counts


def test_a_standing_of_a_gate_says_what_is_left() -> None:
    gate = vault(10_000, [held("BTC", 10, 100, 99)])
    found = Standing.of(gate.snapshot(), gate, None, 60_000)
    assert (found.state, found.equity, found.day_loss, found.day_loss_max) == ("reduce_only", "9990", "10", "400")
    assert (found.trades_left, found.orders_left, found.until_ms) == (100, 50, None), "a mismatch ends by hand"
    gate = vault(10_000)
    gate.mark("BTC", 100, atr=1)
    gate.mark("BTC", 85, atr=1)
    found = Standing.of(gate.snapshot(), gate, None, 3_600_000)
    assert found.state == "halted"
    assert found.until_ms == found.at_ms + 900_000
    assert found.closed(found.until_ms - 1)
    assert found.closed(found.until_ms) is None


@given(text=st.one_of(st.text(), st.sampled_from(["null", "{}", '{"version": 1}', '{"version": 2}', "[1]", "3"])))
def test_what_is_no_standing_is_refused(text: str) -> None:
    with pytest.raises(StandingError):
        Standing.from_json(text)


def test_fields_of_another_type_are_refused() -> None:
    for wrong in (replace(OPEN, trades_left="3"), replace(OPEN, at_ms=True), replace(OPEN, refusal=3)):  # type: ignore[arg-type]
        with pytest.raises(StandingError, match="another type"):
            Standing.from_json(wrong.to_json())
    assert Standing.from_json(OPEN.to_json()) == OPEN


def test_redis_keeps_it_for_others_and_no_longer_than_it_counts(redis_server: Server) -> None:
    async def main() -> None:
        one, other = RedisStandings(redis_server.url), standings(redis_server.url)
        assert await one.get("ann") is None
        await one.put("ann", OPEN)
        assert await other.get("ann") == OPEN
        assert await other.get("bob") is None
        with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
            assert client.keys() == [KEY + "ann"]
            assert 0 < client.pttl(KEY + "ann") <= OPEN.ttl_ms
            for nonsense in ("", "x", "{}", b"\xff\xfe"):
                client.set(KEY + "ann", nonsense)
                assert await other.get("ann") is None
                assert await one.get("ann") is None, (
                    "its own copy stands in for a Redis that is away, not for what it says"
                )
        await one.close()
        await other.close()

    asyncio.run(main())


def test_while_redis_is_away_this_process_stands_in_and_warns_once(
    redis_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        kept = RedisStandings(redis_server.url, retry_s=0)
        await kept.put("ann", OPEN)
        redis_server.stop()
        for trades_left in (9, 8, 7):
            await kept.put("ann", replace(OPEN, trades_left=trades_left))
            found = await kept.get("ann")
            assert found is not None
            assert found.trades_left == trades_left
        assert kept.is_away
        redis_server.start()
        await kept.put("ann", replace(OPEN, trades_left=6))
        assert not kept.is_away
        assert (await kept.get("ann")) == replace(OPEN, trades_left=6)
        await kept.close()

    with caplog.at_level(logging.WARNING, "gxrisk.protection"):
        asyncio.run(main())
    told = [one.message for one in caplog.records]
    assert len(told) == 2
    assert "they are kept in this process" in told[0]
    assert told[1] == "standings in Redis: it is back"


def test_a_redis_that_hangs_is_given_up_and_left_alone_for_a_while(redis_server: Server) -> None:
    async def main() -> None:
        kept = RedisStandings(redis_server.url, retry_s=3600)
        await kept.put("ann", OPEN)
        redis_server.freeze()
        await kept.put("ann", replace(OPEN, trades_left=1))
        assert kept.is_away
        redis_server.thaw()
        assert await kept.get("ann") == replace(OPEN, trades_left=1), "not asked again within the hour"
        assert kept.is_away
        await kept.close()

    asyncio.run(main())


@pytest.mark.usefixtures("data_dir")
def test_a_fleet_publishes_its_vaults_there_and_goes_on_without_it(redis_server: Server, tmp_path: Path) -> None:
    """A paused flat vault is not asked, whether Redis answers, is gone, or is back and empty."""

    async def main() -> None:
        one = fleet(tmp_path, PaperVenue(), notify=Listener(), redis_url=redis_server.url)
        vault = await one.create("ann", fleet_settings("Silent", protection=ProtectionSettings()))
        await vault.fund("first", Decimal(10_000))
        moments = minutes(25)
        await play(one, moments[:5])
        with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
            assert Standing.from_json(client.get(KEY + "ann")).state == "active"
            vault.pause()
            since = vault.gate.sequence
            await play(one, moments[5:10])
            assert Standing.from_json(client.get(KEY + "ann")).state == "halted"
        redis_server.stop()
        await play(one, moments[10:15])
        redis_server.start()
        await play(one, moments[15:20])
        assert not decisions(vault.gate.events(since))
        vault.resume()
        await play(one, moments[20:25])
        assert len(decisions(vault.gate.events(since))) == 5
        assert not one.failed
        await one.close()

    asyncio.run(main())


def test_a_url_that_is_none_is_refused_without_its_password() -> None:
    with pytest.raises(StandingError, match="redis://HOST:PORT/DB") as refused:
        RedisStandings("http://me:secret@host")
    assert "secret" not in str(refused.value)
    assert isinstance(standings(), LocalStandings)


def test_the_day_s_trades_are_new_at_midnight() -> None:
    """Looked at half a minute before, asked half a minute after: the gate would pass, and so nothing is said."""
    clock = ManualClock("2020-03-12T23:59:30Z")
    gate = Gate("ann", Limits.for_tier("growth").replace(max_daily_trades=1), clock=clock)
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    assert gate.authorize(idea(quantity=1))
    before = replace(Standing.of(gate.snapshot(), gate, None, 60_000), state="active", until_ms=None)
    assert before.trades_left == 0
    assert before.closed(before.at_ms + 29_999) == "the day's opening trades are used up"
    assert before.closed(before.at_ms + 30_000) is None
    clock.advance(30)
    gate.mark("BTC", 100, atr=1)
    assert gate.validate_order(idea(quantity=1)), "so it is for the gate too"
