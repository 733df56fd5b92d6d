"""Guessing ends: too many failures from one address, or with one key's id from one address, and nothing is heard."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import time
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

_NETWORK_BITS: Final = 64  # of an IPv6 address: what one subscriber has at least


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the failures are: so many of one key's id, so many of an address, in a window of seconds."""

    of_key: int
    of_address: int
    window_s: int


class Lockout:
    """Failures by client address and key id, kept in memory.

    A key's id alone is never locked out: whoever knows it, which is no secret, could then shut its owner out.

    >>> lockout = Lockout(Allowed(of_key=2, of_address=9, window_s=60))
    >>> for _ in range(2):
    ...     lockout.failed("192.0.2.1", "00aa")
    >>> lockout.wait_s("192.0.2.1", "00aa") > 0, lockout.wait_s("192.0.2.2", "00aa")
    (True, 0)
    """

    def __init__(self, allowed: Allowed) -> None:
        self._quiet_s = 0.0
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._of_key = RateLimitItemPerSecond(allowed.of_key, allowed.window_s, "failures-of-key")
        self._of_address = RateLimitItemPerSecond(allowed.of_address, allowed.window_s, "failures-of-address")

    def wait_s(self, address: str, key_id: str) -> int:
        """For how many seconds nothing is heard from there; 0 where it is."""
        if time() > self._quiet_s:
            return 0  # nobody failed for so long that it could still count: mostly so, and asked at every request
        network = _network(address)
        for item, names in ((self._of_address, (network,)), (self._of_key, (network, key_id))):
            if not self._limiter.test(item, *names):
                return max(1, ceil(self._limiter.get_window_stats(item, *names).reset_time - time()))
        return 0

    def failed(self, address: str, key_id: str) -> None:
        """Count a failure."""
        network = _network(address)
        self._quiet_s = time() + self._of_address.get_expiry()
        self._limiter.hit(self._of_address, network)
        self._limiter.hit(self._of_key, network, key_id)


def _network(address: str) -> str:
    """An IPv4 address as it is, of an IPv6 address its network."""
    try:
        found = ip_address(address)
    except ValueError:
        return address  # a Unix socket's, for example
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Address(int(found) >> _NETWORK_BITS << _NETWORK_BITS))
    return str(getattr(found, "ipv4_mapped", None) or found)
