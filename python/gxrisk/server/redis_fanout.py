"""Live state and events in Redis, for many readers beside this server; it follows the journals as any reader does.

Of each vault, `gxrisk:events:VAULT` is a stream of its newest records, each under its sequence as the id (`17-0`), and
`gxrisk:vault:VAULT` a hash of its state now, which expires. Nothing waits for Redis: what could not be written yet is
in the journal, and is read from there when Redis is back.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from gxrisk._native import Gate, GxriskError
from gxrisk.history.amounts import plain
from gxrisk.history.times import written
from gxrisk.server.events.reading import Reading
from gxrisk.server.events.tails import Tails
from gxrisk.server.events.told import Told

EVENTS_KEY: Final = "gxrisk:events:"
STATE_KEY: Final = "gxrisk:vault:"
EVENTS_MAX: Final = 1_000  # of each vault, about: Redis trims whole nodes
STATE_S: Final = 1.0
STATE_TTL_MS: Final = 10_000
RETRY_S: Final = 1.0
_TIMEOUT_S: Final = 1.0
_log = logging.getLogger("gxrisk.server")


class RedisError(GxriskError):
    """Redis cannot be used as configured."""


@dataclass(frozen=True, slots=True)
class Known:
    """The vaults: all that there are, and the gates of those that run."""

    vault_ids: Callable[[], Iterable[str]]
    gates: Callable[[], Mapping[str, Gate]]


class RedisFanout:
    """Writes to the Redis at `url` what is safe in the journals. `published` and `dropped` count records.

    Raises `RedisError` where the extra `redis` is not installed or the URL is none; connects in `run`.
    """

    def __init__(self, url: str, tails: Tails, known: Known) -> None:
        try:
            import redis.asyncio as redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
        except ImportError as error:
            raise RedisError("redis_url needs the extra: pip install 'gxrisk[redis]'") from error
        self.is_away = False
        self._tails = tails
        self._known = known
        self.published = 0
        self.dropped = 0
        self._thread = ThreadPoolExecutor(1, "redis-state")
        try:
            self._client: Any = redis.Redis.from_url(
                url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
            )
        except ValueError:  # its message may hold the URL, and that a password
            raise RedisError("a Redis URL is redis://HOST:PORT/DB, rediss://... or unix://PATH") from None

    async def run(self) -> None:
        """Write until cancelled; while Redis is away, try again every second."""
        try:
            while True:
                try:
                    await self._client.ping()
                    await self._write()
                except Exception as error:  # whatever it is: it costs readers time, and nobody else anything
                    if not self.is_away:
                        _log.warning("Redis: %s: %s; readers have the server meanwhile", type(error).__name__, error)
                    self._say_away(True)
                await asyncio.sleep(RETRY_S)
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)
            with suppress(Exception):  # what is broken is let go of too
                await self._client.aclose()

    async def _write(self) -> None:
        reading = Reading(self._tails)
        forget = self._tails.on_new_vault(reading.welcome)
        loop = asyncio.get_running_loop()
        try:
            for vault_id in self._known.vault_ids():
                await self._begin(reading, vault_id)
            if self.is_away:
                _log.warning("Redis: it is back")
            self._say_away(False)
            due = loop.time()
            while True:
                found = await reading.next(max(0.0, due - loop.time()))
                if found is not None:
                    await self._write_events(*found)
                if loop.time() >= due:
                    await self._write_states(reading.places)
                    due = loop.time() + STATE_S
        finally:
            forget()
            reading.leave()

    def _say_away(self, is_away: bool) -> None:
        self.is_away = is_away

    async def _begin(self, reading: Reading, vault_id: str) -> None:
        """Go on behind the last record that Redis has, or with as many as it may have."""
        try:
            end = await self._tails.end(vault_id)
        except GxriskError as error:
            _log.error("Redis: %s is left out, since it cannot be read: %s", vault_id, error)
            return
        newest = await self._client.xrevrange(EVENTS_KEY + vault_id, count=1)
        place = int(newest[0][0].partition(b"-")[0]) if newest else 0
        if place > end:  # of a journal that was put back from a copy
            await self._client.delete(EVENTS_KEY + vault_id)
            place = 0
        oldest = max(0, end - EVENTS_MAX)
        if place < oldest:
            self.dropped += oldest - place
        await reading.follow(vault_id, max(place, oldest))

    async def _write_events(self, vault_id: str, records: list[Told]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for one in records:
            fields = {"kind": one.kind, "data": one.data}
            pipeline.xadd(EVENTS_KEY + vault_id, fields, id=f"{one.sequence}-0", maxlen=EVENTS_MAX, approximate=True)
        await pipeline.execute()
        self.published += len(records)

    async def _write_states(self, places: Mapping[str, int]) -> None:
        loop = asyncio.get_running_loop()
        states = await loop.run_in_executor(self._thread, _states, dict(self._known.gates()))
        pipeline = self._client.pipeline(transaction=False)
        for vault_id, state in states.items():
            # Of a gate's memory, which may be ahead of the disk: what is told here was told as records before.
            if int(state["sequence"]) <= places.get(vault_id, 0):
                pipeline.hset(STATE_KEY + vault_id, mapping=state)
                pipeline.pexpire(STATE_KEY + vault_id, STATE_TTL_MS)
        await pipeline.execute()


def _states(gates: Mapping[str, Gate]) -> dict[str, dict[str, str]]:
    found = {}
    for vault_id, gate in gates.items():
        with suppress(GxriskError):  # it is being closed, or broken, which the fleet will say itself
            found[vault_id] = state_of(gate)
    return found


def state_of(gate: Gate) -> dict[str, str]:
    """A vault now, as texts.

    >>> from gxrisk import Limits
    >>> gate = Gate("ann", Limits.for_tier("growth"))
    >>> gate.deposit(10_000)
    >>> state = state_of(gate)
    >>> state["state"], state["equity"], state["positions"]
    ('active', '10000', '{}')
    """
    now = gate.snapshot()
    money = ("equity", "collateral", "day_loss", "drawdown", "gross_exposure", "risk_scale")
    positions = {asset: plain(one.quantity) for asset, one in sorted(now.positions.items())}
    return {
        "sequence": str(now.sequence),
        "time": written(now.time_ns),
        "state": now.state,
        "is_paused": str(now.paused).lower(),
        "is_killed": str(now.killed).lower(),
        **{name: plain(getattr(now, name)) for name in money},
        "daily_trades": str(now.daily_trades),
        "working_orders": str(len(now.working)),
        "positions": json.dumps(positions),
    }
