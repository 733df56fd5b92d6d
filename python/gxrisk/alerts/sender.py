"""One sending through apprise, in a process of its own that runs this file and nothing else of gxrisk.

The process reads one JSON object on standard input and writes one. Its own memory and log never meet the gate's; a
receiver that hangs ends with it; and it can be closed in before it connects.

A webhook's address can be somebody else's choice, or lead elsewhere tomorrow (server-side request forgery, OWASP
API7:2023). So a hook of the interpreter (PEP 578) looks at each address at the moment of connecting: after the name was
resolved, with nothing in between that could resolve it anew, whatever library connects. It forbids to start programs
too, and no redirect is followed.
"""

import json
import logging
import signal
import sys
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

Network = IPv4Network | IPv6Network
_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_COMPATIBLE: Final = ip_network("::/96")  # RFC 4291: the old form of the same
_CONNECTING: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STARTING: Final = ("subprocess.", "os.exec", "os.system", "os.posix_spawn", "os.fork", "pty.spawn")
_LINES_MAX: Final = 3
# What a socket's error says, in words that hold nothing of the address. The first ones come before anything was sent.
_NOT_REACHED: Final = (
    "Connection refused", "Name or service not known", "No address associated", "Temporary failure in name resolution",
    "No route to host", "Network is unreachable", "certificate verify failed", "wrong version number",
)  # fmt: skip
_BROKEN: Final = (
    "timed out",
    "Connection reset",
    "Connection aborted",
    "Connection unexpectedly closed",
    "Broken pipe",
)


class Forbidden(Exception):
    """The sender may not do this."""


class Border:
    """What the process may do with the network, and what it met there."""

    def __init__(self, allowed: Iterable[Network]) -> None:
        self._allowed = tuple(allowed)
        self.refused: str | None = None
        self.statuses: list[int] = []

    def close(self) -> None:
        """Closed for the rest of the process."""
        from requests import sessions

        mixin: Any = sessions.SessionRedirectMixin

        def not_followed(_session: object, response: Any) -> None:
            self.statuses.append(response.status_code)

        # Where requests asks whether a response leads elsewhere: for services that do not look at `http_redirects`.
        mixin.get_redirect_target = not_followed
        sys.addaudithook(self._look)

    def _look(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _CONNECTING and args[1] is not None:
            self.refused = refusal(args[1], self._allowed) or self.refused
        elif event.startswith(_STARTING):
            self.refused = "a channel that starts programs is not allowed"
        else:
            return
        if self.refused is not None:
            raise Forbidden(self.refused)


class Heard(logging.Handler):
    """What apprise says of a sending: its warnings, for people, and the causes that it tells only to developers."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.causes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        said = record.getMessage()
        if record.levelno >= logging.WARNING:
            self.lines.append(said)
        elif "xception" in said:
            self.causes.extend(cause for cause in (*_NOT_REACHED, *_BROKEN) if cause in said)


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
    is_site_local = isinstance(real, IPv6Address) and real.is_site_local  # RFC 3879, and global to Python
    if real.is_global and not (real.is_multicast or real.is_reserved or real.is_unspecified or is_site_local):
        return None
    return f"{real} is no public address; allowed_networks can allow it"


def _embedded(host: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(host, IPv4Address):
        return None
    if host in _NAT64 or (host in _COMPATIBLE and int(host) > 1):
        return IPv4Address(int(host) & 0xFFFFFFFF)
    return host.ipv4_mapped or host.sixtofour or (host.teredo[1] if host.teredo else None)


def send(order: dict[str, Any]) -> dict[str, str]:
    """Send what the order says, and tell what came back: `outcome` and `words`."""
    border = Border(ip_network(one) for one in order["networks"])
    heard = _listening()
    service = _service(order)
    if service is None:
        return {"outcome": "failed", "words": "apprise cannot read this address"}
    border.close()
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 2 * order["timeout_s"])  # ends this process where nobody is left to
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    is_sent = False
    try:
        is_sent = service.notify(
            body=order["body"], title=order["title"], notify_type=order["kind"], body_format="text"
        )
    except Exception as error:  # a service may raise anything
        heard.lines.append(f"{service.service_name} failed with {type(error).__name__}")
    answer = {"outcome": _outcome(bool(is_sent), border, heard), "words": _words(bool(is_sent), border, heard)}
    return answer if border.refused is None else answer | {"refused": border.refused}


def _listening() -> Heard:
    heard = Heard()
    log = logging.getLogger("apprise")
    log.addHandler(heard)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    return heard


def _service(order: dict[str, Any]) -> Any:
    import apprise

    asset = apprise.AppriseAsset(
        app_id="gxrisk",
        app_desc="gxrisk alerts",
        app_url="",
        async_mode=False,
        http_redirects=False,
        interpret_emojis=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        service_timeout=0,  # whoever started this process ends it in time
    )
    service: Any = apprise.Apprise.instantiate(order["address"], asset=asset, suppress_exceptions=True)
    if service is None:
        return None
    service.redirects = False
    service.overflow_mode = apprise.OverflowMode.TRUNCATE
    service.socket_connect_timeout = service.socket_read_timeout = 2 * order["timeout_s"]
    if order["thread"] and hasattr(service, "smtp_host"):
        service.headers["References"] = f"<{order['thread']}@gxrisk.invalid>"  # RFC 5322: what threads go by
    return service


def _outcome(is_sent: bool, border: Border, heard: Heard) -> str:
    """`unknown` where something was sent and no answer says whether it was taken."""
    if is_sent:
        return "sent"
    is_known = border.refused or border.statuses or any(one in _NOT_REACHED for one in heard.causes)
    return "failed" if is_known else "unknown"


def _words(is_sent: bool, border: Border, heard: Heard) -> str:
    answers = [f"HTTP {status}" for status in border.statuses[-1:]]
    if is_sent:
        return "".join(answers) or "taken"
    return "; ".join(dict.fromkeys([*answers, *heard.causes, *heard.lines[:_LINES_MAX]])) or "not taken"


def main() -> None:
    """Do one order."""
    answer = send(json.load(sys.stdin))
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
