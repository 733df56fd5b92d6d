"""`gxrisk dashboard`: the pages for people, as a process of its own beside the server."""

import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Annotated, Final

import typer

from gxrisk.cli.failures import CommandError, failures

PORT: Final = 8781
NEEDED: Final = "the dashboard needs its extra: pip install 'gxrisk[dashboard]'"
_END_S: Final = 10


def dashboard(
    url: Annotated[str, typer.Option(metavar="URL", help="Where the server is.")] = "http://127.0.0.1:8780",
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="At which port; 0 is any free one.")] = PORT,
    https_only: Annotated[
        bool, typer.Option("--https-only", help="Cookies for TLS alone: where a proxy with TLS stands before it.")
    ] = False,
    beside: Annotated[bool, typer.Option("--beside", hidden=True, help="End when the input does.")] = False,
) -> None:
    """Show the vaults of a server in a browser. Everyone signs in with an API key of their own.

    Example: gxrisk dashboard --url http://127.0.0.1:8780
    """
    with failures():
        check_installed()
        from gxrisk.dashboard.running import run

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as listening:
            run(url, listening, https_only=https_only, ends_with=sys.stdin if beside else None)
        typer.echo("gxrisk dashboard: stopped", err=True)


def check_installed() -> None:
    """Raise `CommandError` where the extra is not installed."""
    if find_spec("nicegui") is None:
        raise CommandError(NEEDED)


@contextmanager
def dashboard_beside(url: str, port: int = PORT) -> Iterator[None]:
    """The dashboard of the server at `url` in a process of its own, which never takes the server's time.

    It ends with this process, however that ends; where it cannot start, its own line says why, and the server goes on.
    """
    check_installed()
    command = [sys.executable, "-m", "gxrisk.cli", "dashboard", "--url", url, "--port", str(port), "--beside"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 (this Python, with our own words)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
