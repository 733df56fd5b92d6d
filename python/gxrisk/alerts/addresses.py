"""Which network addresses a channel may reach: public ones, and what the configuration allows.

A webhook's address can be somebody else's choice, or lead elsewhere tomorrow (server-side request forgery, OWASP
API7:2023). So the sender checks each address that is connected to at the moment of connecting: after the name was
resolved, with nothing in between that could resolve it anew, whatever library connects.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_COMPATIBLE: Final = ip_network("::/96")  # RFC 4291: the old form of the same


def refusal(address: object, allowed: Iterable[Network]) -> str | None:
    """Why a socket's address may not be connected to; None where it may.

    >>> refusal(("93.184.215.14", 443), [])
    >>> refusal(("169.254.169.254", 80), [])
    '169.254.169.254 is no public address; allowed_networks can allow it'
    >>> refusal(("127.0.0.1", 25), [ip_network("127.0.0.0/8")])
    >>> refusal("/run/docker.sock", [])
    'only network addresses can be reached'
    """
    if not isinstance(address, tuple) or not address or not isinstance(address[0], str):
        return "only network addresses can be reached"
    try:
        host = ip_address(address[0].partition("%")[0])
    except ValueError:
        return "only resolved addresses can be reached"
    real = _embedded(host) or host
    if any(real in network for network in allowed if network.version == real.version):
        return None
    if real.is_global and not (real.is_multicast or real.is_reserved or real.is_unspecified):
        return None
    return f"{real} is no public address; allowed_networks can allow it"


def _embedded(host: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(host, IPv4Address):
        return None
    if host in _NAT64 or (host in _COMPATIBLE and int(host) > 1):
        return IPv4Address(int(host) & 0xFFFFFFFF)
    return host.ipv4_mapped or host.sixtofour or (host.teredo[1] if host.teredo else None)
