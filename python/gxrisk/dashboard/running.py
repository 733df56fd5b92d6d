"""The dashboard's process: where it listens, and uvicorn under it."""

import logging
import socket
from typing import Final
from urllib.parse import urlsplit

import uvicorn

from gxrisk._native import GxriskError
from gxrisk.dashboard.app import Settings, create_app
from gxrisk.server.listening import ToldServer

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
        raise DashboardError(f"{url!r} was given, an address like http://127.0.0.1:8780 is allowed")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise DashboardError(f"{url}: keys go over https alone, or to this machine")
    return url.rstrip("/")


def run(url: str, listening: socket.socket, *, https_only: bool) -> None:
    """Serve on a bound socket until SIGTERM or Ctrl-C."""
    app = create_app(Settings(checked(url), https_only))
    # A page's web socket stays open: whoever stops this process does not wait for browsers to leave.
    settings = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    for name in ("httpx", "uvicorn.error"):  # they would log each call, and the ids of open pages
        logging.getLogger(name).setLevel(logging.WARNING)
    ToldServer(settings, name="gxrisk dashboard").run(sockets=[listening])
