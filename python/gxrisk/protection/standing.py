"""What a vault could do when it was last looked at: a quick no, before any model is asked."""

import json
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from gxrisk._native import Gate, GxriskError
from gxrisk.protection.bounds import plain
from gxrisk.snapshot import Snapshot

VERSION: Final = 1
DAY_MS: Final = 86_400_000
_NS_PER_MS: Final = 1_000_000


class StandingError(GxriskError, ValueError):
    """A standing that cannot be read, or a store that cannot be used."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A vault at `at_ms` (UTC milliseconds, the gate's time): money as text, and what is left of today's allowances.

    `refusal` is why its guards let nothing be opened, None where they do not say so. It counts for `ttl_ms`, and until
    `until_ms`, when a breaker ends by itself; the day's trades are used up until the UTC day ends.

    >>> standing = Standing(1_000, 60_000, "halted", "9000", "400", "400", 3, 50, None, None)
    >>> standing.closed(2_000), standing.closed(61_001) is None, Standing.from_json(standing.to_json()) == standing
    ('the vault is halted', True, True)
    """

    at_ms: int
    ttl_ms: int
    state: str
    equity: str
    day_loss: str
    day_loss_max: str
    trades_left: int
    orders_left: int
    until_ms: int | None
    refusal: str | None

    def closed(self, now_ms: int) -> str | None:
        """Why nothing can be opened; None where that is not known: it was never a yes, and ask the gate then."""
        if not self.at_ms <= now_ms <= self.at_ms + self.ttl_ms or (self.until_ms or now_ms + 1) <= now_ms:
            return None
        if self.state != "active":
            return f"the vault is {self.state}"
        if self.trades_left <= 0 and self.at_ms // DAY_MS == now_ms // DAY_MS:  # a new UTC day has new ones
            return "the day's opening trades are used up"
        if self.orders_left <= 0:
            return "as many orders work as may"
        return self.refusal

    @classmethod
    def of(cls, snapshot: Snapshot, gate: Gate, refusal: str | None, ttl_ms: int) -> "Standing":
        """That of a gate now."""
        limits = gate.limits
        ends = [one.until for one in gate.trips if one.until is not None]
        return cls(
            at_ms=snapshot.time_ns // _NS_PER_MS,
            ttl_ms=ttl_ms,
            state=snapshot.state,
            equity=str(plain(snapshot.equity)),
            day_loss=str(plain(snapshot.day_loss)),
            day_loss_max=str(plain(limits.max_daily_loss * snapshot.day_opening)),
            trades_left=limits.max_daily_trades - snapshot.daily_trades,
            orders_left=limits.max_open_orders - len(snapshot.working),
            until_ms=min((int(one.timestamp() * 1000) for one in ends), default=None),
            refusal=refusal,
        )

    def to_json(self) -> str:
        """For a store."""
        return json.dumps({"version": VERSION} | asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Standing":
        """The inverse of `to_json`. Raises `StandingError` for anything else."""
        try:
            kept = json.loads(text)
            if kept.pop("version") != VERSION:
                raise StandingError(f"its version is not {VERSION}")
            made = cls(**kept)
            numbers = (made.at_ms, made.ttl_ms, made.trades_left, made.orders_left, made.until_ms or 0)
            if any(type(one) is not int for one in numbers) or not isinstance(made.refusal, str | None):
                raise StandingError("a field has another type")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StandingError(f"this is no standing ({error}): {text[:80]!r}") from error
        return made


class Standings(Protocol):
    """Where standings are kept, by vault."""

    async def put(self, vault_id: str, standing: Standing) -> None:
        """Keep the newest one."""

    async def get(self, vault_id: str) -> Standing | None:
        """The newest one, None where there is none."""

    async def close(self) -> None:
        """Let go of connections."""


class LocalStandings:
    """In this process."""

    def __init__(self) -> None:
        self._kept: dict[str, Standing] = {}

    async def put(self, vault_id: str, standing: Standing) -> None:
        """Keep the newest one."""
        self._kept[vault_id] = standing

    async def get(self, vault_id: str) -> Standing | None:
        """The newest one, None where there is none."""
        return self._kept.get(vault_id)

    async def close(self) -> None:
        """Nothing to let go of."""


def standings(redis_url: str | None = None) -> Standings:
    """In Redis where a URL is configured, else in this process. Raises `StandingError` without the extra `redis`."""
    if redis_url is None:
        return LocalStandings()
    from gxrisk.protection.standing_redis import RedisStandings

    return RedisStandings(redis_url)
