"""Redis beside the server: a copy that may go at any time, and is whole again when it is back."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import redis
from gxrisk import JournalReader
from gxrisk.agent.predictions_entry import TIME_MS_MAX
from gxrisk.protection import ProtectionSettings
from gxrisk.server.redis_fanout import EVENTS_MAX
from gxrisk.vaults import Fleet, StrategyVersion, VaultSettings
from gxrisk.vaults.admission import model_id
from gxrisk.venues import PaperVenue
from pydantic import SecretStr

from tests.agent.redis_server import Server as RedisServer
from tests.agent.redis_server import running

from .desk import MANY, ORDER, config
from .live import WITHIN_S, Live, events, listening

STREAM, STATE = "gxrisk:events:ann", "gxrisk:vault:ann"


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """An empty Redis server."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed: apt-get install redis-server")
    with running(program) as server:
        yield server


@pytest.fixture
def live(tmp_path: Path, redis_server: RedisServer) -> Iterator[Live]:
    """A server that listens, writes to Redis, and has the vault `ann`."""
    with listening(config(tmp_path, keys=MANY, redis_url=SecretStr(redis_server.url))) as one:
        one.made("ann")
        assert one.marks().status_code == 200
        yield one


def client(server: RedisServer) -> redis.Redis[str]:
    """A reader."""
    return redis.Redis.from_url(server.url, decode_responses=True)


def told(reader: redis.Redis[str]) -> list[tuple[int, str, dict[str, Any]]]:
    """The stream's records: the id's sequence, the kind, the words."""
    return [(int(name.removesuffix("-0")), one["kind"], json.loads(one["data"])) for name, one in reader.xrange(STREAM)]


def journal(live: Live) -> list[dict[str, Any]]:
    """All that is safe by now."""
    return JournalReader(live.desk.fleet.folder / "ann" / "journal.gxr").events()


def until_it_has(reader: redis.Redis[str], sequence: int) -> None:
    """Wait for a record."""
    end = monotonic() + WITHIN_S
    while not (newest := reader.xrevrange(STREAM, count=1)) or int(newest[0][0].removesuffix("-0")) < sequence:
        assert monotonic() < end, newest


def test_what_redis_has(live: Live, redis_server: RedisServer) -> None:
    """The journal's records, word for word as the event stream has them; the state of now, which expires."""
    live.desk.fleet.vaults["ann"].gate.pause()
    with client(redis_server) as reader:
        until_it_has(reader, journal(live)[-1]["sequence"])
        found = told(reader)
        with events(live, "/v1/vaults/ann/events?since=0") as stream:
            sent = stream.take(len(found))
        assert found == [(one.at[1], one.kind, one.data) for one in sent]
        end = monotonic() + WITHIN_S
        while (state := reader.hgetall(STATE)).get("state") != "halted":
            assert monotonic() < end, state
        assert (state["equity"], state["is_paused"], state["positions"]) == ("10000", "true", "{}")
        assert int(state["sequence"]) <= found[-1][0]
        assert 0 < reader.pttl(STATE) <= 10_000


def test_redis_goes_and_comes_under_load(live: Live, redis_server: RedisServer) -> None:
    """Decisions and event streams do not notice; afterwards Redis has every record that it may have, each once."""
    with client(redis_server) as reader, ThreadPoolExecutor(4) as pool:
        until_it_has(reader, 3)
        begin = live.desk.fleet.vaults["ann"].gate.sequence

        def agent(name: int) -> list[dict[str, Any]]:
            orders = ({**ORDER, "quantity": "0.001", "client_order_id": f"{name}-{n}"} for n in range(40))
            return [live.call("POST", "/v1/vaults/ann/orders", one, key="propose").json() for one in orders]

        agents = [pool.submit(agent, name) for name in range(3)]
        until_it_has(reader, begin + 20)
        redis_server.stop()
        end = monotonic() + WITHIN_S
        while not (live.desk.fanout and live.desk.fanout.is_away):
            assert monotonic() < end
        decided = [one for each in agents for one in each.result(WITHIN_S)]
        assert all("outcome" in one for one in decided)
        with events(live, "/v1/vaults/ann/events", last_id=str(begin)) as stream:
            target = max(one["sequence"] for one in decided)
            assert [one.at[1] for one in stream.take(target - begin)] == list(range(begin + 1, target + 1))
        redis_server.start()
        until_it_has(reader, target)
        found = [sequence for sequence, *_ in told(reader)]
        assert found == list(range(1, found[-1] + 1))
        assert {one["sequence"] for one in decided} <= set(found)
        assert live.desk.fanout.dropped == 0


def test_redis_that_hangs_holds_up_nobody(live: Live, redis_server: RedisServer) -> None:
    """Orders are decided, readers are told, and the server stops in time."""
    with client(redis_server) as reader:
        until_it_has(reader, 3)
        redis_server.freeze()
        try:
            begin = live.desk.fleet.vaults["ann"].gate.sequence
            assert live.call("POST", "/v1/vaults/ann/orders", ORDER, key="propose").status_code == 200
            with events(live, "/v1/vaults/ann/events", last_id=str(begin)) as stream:
                assert next(one for one in stream if one.kind == "decision")
            live.stop()
            end = monotonic() + WITHIN_S
            while live.desk.fleet.vaults:
                assert monotonic() < end
        finally:
            redis_server.thaw()


def test_it_is_bounded(live: Live, redis_server: RedisServer) -> None:
    """What would be trimmed at once is never written, and counted."""
    with client(redis_server) as reader:
        until_it_has(reader, 3)
        redis_server.stop()
        gate = live.desk.fleet.vaults["ann"].gate
        for _ in range(EVENTS_MAX * 2):
            gate.note("said", "more")
        end = monotonic() + WITHIN_S
        while not (live.desk.fanout and live.desk.fanout.is_away):
            assert monotonic() < end
        redis_server.start()
        until_it_has(reader, EVENTS_MAX * 2)
        assert live.desk.fanout.dropped > 0
        found = [sequence for sequence, *_ in told(reader)]
        assert found == list(range(found[0], found[-1] + 1))
        assert EVENTS_MAX <= len(found) <= EVENTS_MAX + 200


def test_standings_and_predictions_of_strategies_in_the_server_are_there_too(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    settings = config(tmp_path, keys=MANY, redis_url=SecretStr(redis_server.url))
    version = StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1")

    async def founded() -> None:
        fleet = Fleet(settings.folder / "vaults", PaperVenue(folder=settings.folder / "venue"))
        vault = await fleet.create("bob", VaultSettings("growth", version, bar_s=1, protection=ProtectionSettings()))
        await vault.fund("first", Decimal(10_000))
        await fleet.close()

    asyncio.run(founded())
    with listening(settings) as one, client(redis_server) as reader:
        assert one.marks().status_code == 200
        end = monotonic() + WITHIN_S
        name = model_id(version)
        while not (said := one.desk.predictions.predictions(name, 0, TIME_MS_MAX)) or not reader.keys(
            "gxrisk:standing:*"
        ):
            assert monotonic() < end, said
            one.marks()
        assert (said[0].asset, said[0].prediction) == ("BTC", "hold")
        assert reader.zcard(f"gxrisk:predictions:{name}") >= 1
        assert not (settings.folder / "predictions.db").exists(), "it is there or here"
