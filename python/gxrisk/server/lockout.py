"""Guessing ends: too many failures from one address, or with one key's id from one address, and nothing is heard."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil
from threading import Lock
from time import monotonic, time
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import Engine, delete, insert, select

from gxrisk.server.database import reading, writing
from gxrisk.server.tables import lockouts

_NETWORK_BITS: Final = 64  # of an IPv6 address: what one subscriber has at least
_EVERY: Final = "*"  # in the place of a key's id: nothing is heard from the address


@dataclass(frozen=True, slots=True)
class Allowed:
    """How many failures of one key's id, and of an address, in a window of seconds; a lockout lasts as long."""

    of_key: int
    of_address: int
    window_s: int


class Lockout:
    """Failures by client address and key id, counted in memory; a lockout is kept in the server's database.

    So a restart, which a guesser may bring about or wait for, opens no locked door; and a failure costs no write,
    or guessing would be a way to wear out the disk. A restart forgets the failures that were too few for a lockout.

    A key's id alone is never locked out: whoever knows it, which is no secret, could then shut its owner out.

    >>> import tempfile
    >>> from gxrisk.server.database import open_database
    >>> folder = tempfile.TemporaryDirectory()
    >>> engine = open_database(f"{folder.name}/server.db")
    >>> allowed = Allowed(of_key=2, of_address=9, window_s=60)
    >>> lockout = Lockout(allowed, engine)
    >>> for _ in range(2):
    ...     lockout.failed("192.0.2.1", "00aa")
    >>> lockout.wait_s("192.0.2.1", "00aa"), lockout.wait_s("192.0.2.2", "00aa")
    (60, 0)
    >>> Lockout(allowed, engine).wait_s("192.0.2.1", "00aa") > 0
    True
    >>> engine.dispose(); folder.cleanup()
    """

    def __init__(self, allowed: Allowed, engine: Engine) -> None:
        self._window_s = allowed.window_s
        self._engine = engine
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._of_key = RateLimitItemPerSecond(allowed.of_key, allowed.window_s, "failures-of-key")
        self._of_address = RateLimitItemPerSecond(allowed.of_address, allowed.window_s, "failures-of-address")
        self._ends = self._kept()  # by the monotonic clock: one that is set back or forward changes nothing
        self._locking = Lock()
        self._last_end = max(self._ends.values(), default=0.0)

    def wait_s(self, address: str, key_id: str) -> int:
        """For how many seconds nothing is heard from there; 0 where it is."""
        now = monotonic()
        if now >= self._last_end:
            return 0  # nobody is locked out: mostly so, and asked at every request
        network = _network(address)
        ends = max(self._ends.get((network, _EVERY), 0.0), self._ends.get((network, key_id), 0.0))
        return max(0, ceil(ends - now))

    def failed(self, address: str, key_id: str) -> None:
        """Count a failure. Raises `DatabaseError` where a lockout cannot be kept; it holds all the same."""
        network = _network(address)
        for item, names, of in (
            (self._of_address, (network,), _EVERY),
            (self._of_key, (network, key_id), key_id),
        ):
            self._limiter.hit(item, *names)
            if not self._limiter.test(item, *names):
                self._lock((network, of))

    def _lock(self, one: tuple[str, str]) -> None:
        """From now on; what has ended is forgotten."""
        with self._locking:
            now, now_ms = monotonic(), int(time() * 1000)
            if self._ends.get(one, 0.0) > now:
                return  # by another thread
            going_on = {other: end for other, end in self._ends.items() if end > now}
            self._ends = {**going_on, one: now + self._window_s}
            self._last_end = now + self._window_s
            network, key_id = one
            column = lockouts.c
            is_same = (column.network == network) & (column.key_id == key_id)
            with writing(self._engine) as connection:
                connection.execute(delete(lockouts).where(is_same | (column.until_ms <= now_ms)))
                until_ms = now_ms + self._window_s * 1000
                connection.execute(insert(lockouts).values(network=network, key_id=key_id, until_ms=until_ms))

    def _kept(self) -> dict[tuple[str, str], float]:
        """What goes on from before; no longer than a window, should the clock have been set back since."""
        now, now_ms = monotonic(), int(time() * 1000)
        with reading(self._engine) as connection:
            rows = connection.execute(select(lockouts).where(lockouts.c.until_ms > now_ms)).all()
        return {(one.network, one.key_id): now + min(self._window_s, (one.until_ms - now_ms) / 1000) for one in rows}


def _network(address: str) -> str:
    """An IPv4 address as it is, of an IPv6 address its network."""
    try:
        found = ip_address(address)
    except ValueError:
        return address  # a Unix socket's, for example
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Address(int(found) >> _NETWORK_BITS << _NETWORK_BITS))
    return str(getattr(found, "ipv4_mapped", None) or found)
