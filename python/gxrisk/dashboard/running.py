"""The dashboard's process: where it listens, uvicorn under it, and when it ends."""

import logging
import signal
import socket
import sys
from threading import Thread
from typing import Final, TextIO
from urllib.parse import urlsplit

import uvicorn

from gxrisk._native import GxriskError
from gxrisk.dashboard.app import Settings, create_app

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class DashboardError(GxriskError):
    """The dashboard cannot be run as asked."""


def checked(url: str) -> str:
    """The server's address as requests need it. Raises `DashboardError`: a key never goes in clear over a network.

    >>> checked("http://127.0.0.1:8780/")
    'http://127.0.0.1:8780'
    >>> checked("http://risk.example.com")
    Traceback (most recent call last):
        ...
    gxrisk.dashboard.running.DashboardError: http://risk.example.com: keys go over https alone, or to this machine
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise DashboardError("--url: an address like http://127.0.0.1:8780 is allowed, without a name or a key in it")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise DashboardError(f"{url}: keys go over https alone, or to this machine")
    return url.rstrip("/")


def run(url: str, listening: socket.socket, *, https_only: bool, ends_with: TextIO | None = None) -> None:
    """Serve on a bound socket until SIGTERM, Ctrl-C, or the end of `ends_with`."""
    settings = uvicorn.Config(
        create_app(Settings(checked(url), https_only)),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,  # the web socket of an open page would last
    )
    for name in ("httpx", "uvicorn.error"):  # they would log each call, and the ids of open pages
        logging.getLogger(name).setLevel(logging.WARNING)
    for one in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises the signal once more when it has ended
        signal.signal(one, _ended)
    server = _Told(settings)
    if ends_with is not None:
        Thread(target=_follow, args=(ends_with, server), daemon=True).start()
    server.run(sockets=[listening])


class _Told(uvicorn.Server):
    """Says on stderr where it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in sockets or ():
            host, port = one.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            sys.stderr.write(f"gxrisk dashboard: listening on http://{shown}:{port}\n")
        sys.stderr.flush()


def _follow(stream: TextIO, server: uvicorn.Server) -> None:
    stream.read()
    server.should_exit = True


def _ended(_signal: int, _frame: object) -> None:
    pass
