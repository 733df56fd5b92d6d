"""`gxrisk dashboard`: the pages for people, as a process of its own beside the server."""

import logging
import signal
from importlib.util import find_spec
from typing import Annotated, Final

import typer

from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.serve import ended, listening_at

NEEDED: Final = "the dashboard needs its extra: pip install 'gxrisk[dashboard]'"


def dashboard(
    url: Annotated[str, typer.Option(metavar="URL", help="Where the server is.")] = "http://127.0.0.1:8780",
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="At which port; 0 is any free one.")] = 8781,
    https_only: Annotated[
        bool, typer.Option("--https-only", help="Cookies for TLS alone: where a proxy with TLS stands before it.")
    ] = False,
) -> None:
    """Show the vaults of a server in a browser. Everyone signs in with an API key of their own.

    Example: gxrisk dashboard --url http://127.0.0.1:8780
    """
    with failures():
        check_installed()
        from gxrisk.dashboard.running import run

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        with listening_at(host, port) as listening:
            signal.signal(signal.SIGTERM, ended)
            signal.signal(signal.SIGINT, ended)
            run(url, listening, https_only=https_only)
        typer.echo("gxrisk dashboard: stopped", err=True)


def check_installed() -> None:
    """Raise `CommandError` where the extra is not installed."""
    if find_spec("nicegui") is None:
        raise CommandError(NEEDED)
