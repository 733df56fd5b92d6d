"""Standings in Redis, where others can read them too."""

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

from gxrisk.protection.standing import LocalStandings, Standing, StandingError

KEY: Final = "gxrisk:standing:"
RETRY_S: Final = 5.0
_TIMEOUT_S: Final = 0.25
_log = logging.getLogger("gxrisk.protection")


class RedisStandings:
    """One key a vault, `gxrisk:standing:VAULT`, which expires with the standing.

    While the Redis at `url` (redis://, rediss:// or unix://) cannot be reached, the standings of this process stand in;
    that is warned of once, and it is tried again after `retry_s` seconds. What it holds and is no standing is none.

    Raises `StandingError` where the extra `redis` is not installed or the URL is none; connects when first used.
    """

    def __init__(self, url: str, *, retry_s: float = RETRY_S) -> None:
        try:
            import redis.asyncio as redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
        except ImportError as error:
            raise StandingError("standings in Redis need the extra: pip install 'gxrisk[redis]'") from error
        self._retry_s = retry_s
        self._local = LocalStandings()
        self._away_until: float | None = None
        try:
            self._client: Any = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:  # its message may hold the URL, and that a password
            raise StandingError("a Redis URL is redis://HOST:PORT/DB, rediss://... or unix://PATH") from None

    @property
    def is_away(self) -> bool:
        """Whether this process's own standings stand in."""
        return self._away_until is not None

    async def put(self, vault_id: str, standing: Standing) -> None:
        """Keep the newest one, here and there."""
        await self._local.put(vault_id, standing)
        await self._asked("set", KEY + vault_id, standing.to_json(), px=standing.ttl_ms)

    async def get(self, vault_id: str) -> Standing | None:
        """The newest one, None where there is none."""
        text = await self._asked("get", KEY + vault_id)
        if self.is_away:
            return await self._local.get(vault_id)
        try:
            return None if text is None else Standing.from_json(text)
        except StandingError as error:
            _log.warning("%s: %s", vault_id, error)
            return None

    async def close(self) -> None:
        """Let go of the connections."""
        with suppress(Exception):  # what is broken is let go of too
            await self._client.aclose()

    async def _asked(self, command: str, *args: Any, **options: Any) -> Any:
        now = asyncio.get_running_loop().time()
        if self._away_until is not None and now < self._away_until:
            return None
        try:
            answer = await getattr(self._client, command)(*args, **options)
        except UnicodeDecodeError:
            return ""  # no standing
        except Exception as error:  # whatever it is, it may cost a question to the model, never a vault
            if self._away_until is None:
                _log.warning("standings in Redis: %s: %s; they are kept in this process", type(error).__name__, error)
            self._away_until = now + self._retry_s
            return None
        if self._away_until is not None:
            _log.warning("standings in Redis: it is back")
            self._away_until = None
        return answer
