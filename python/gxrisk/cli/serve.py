"""`gxrisk serve`: the process that owns gates, keys and venue credentials; agents are its clients."""

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TextIO, cast

import typer

from gxrisk.cli.dashboard import PORT, check_installed, dashboard_beside
from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.plain import plain

# FastAPI and uvicorn are imported in the command: most others need none of it.
if TYPE_CHECKING:
    from gxrisk.config import Config

ConfigFile = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", envvar="GXRISK_CONFIG", help="The configuration; variables alone if none."),
]
_BACKLOG: Final = 2048


def serve(
    file: ConfigFile = None,
    live: Annotated[bool, typer.Option("--live", help="Trade for real money, as the configuration says too.")] = False,
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Show the vaults in a browser too, by a process beside this one.")
    ] = False,
    dashboard_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Where the dashboard listens; 0 is any free port.")
    ] = PORT,
) -> None:
    """Run the server until SIGTERM or Ctrl-C: then nothing new is taken, what is in flight ends, journals close.

    Example: gxrisk serve gxrisk.toml
    """
    from gxrisk.config import load

    with failures():
        config = load(file)
        if live != (config.mode == "live"):
            raise CommandError(
                "--live was given, and the configuration's mode is paper: real money needs both"
                if live
                else "the configuration's mode is live: say so too, with gxrisk serve --live"
            )
        with _told(config):
            _run(config, dashboard_port if dashboard else None)
        typer.echo("gxrisk: stopped", err=True)


def _run(config: "Config", dashboard_port: int | None) -> None:
    import uvicorn

    from gxrisk.server.app import create_app
    from gxrisk.server.connection import bounded
    from gxrisk.server.listening import ToldServer

    app = create_app(config)
    http = config.http
    settings = uvicorn.Config(
        app,
        loop="uvloop",
        http=bounded(http),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=http.body_bytes_max,
        ws_per_message_deflate=False,  # a decision is shorter than what compressing it costs
        limit_concurrency=http.connections_max,
        timeout_graceful_shutdown=http.shutdown_s,
        backlog=_BACKLOG,
    )
    logging.getLogger("uvicorn.error").addFilter(_without_traceback)
    if dashboard_port is not None:
        check_installed()
    with _listening(http.host, http.port) as listening, ExitStack() as around:
        if dashboard_port is not None:
            around.enter_context(dashboard_beside(_address(listening), dashboard_port))
        # uvicorn raises the signal that ended it once more, for whoever was there before it: that is nobody.
        signal.signal(signal.SIGTERM, _ended)
        signal.signal(signal.SIGINT, _ended)
        streams = app.state.desk.streams
        server = ToldServer(settings, streams.drain)
        streams.cut_off = server.cut_off
        with suppress(SystemExit):  # uvicorn's way to say that the start failed
            server.run(sockets=[listening])
    if app.state.failure is not None:
        raise CommandError(f"the server cannot start: {app.state.failure}")
    if not server.started:
        raise CommandError("the server could not start; the log says why")


@contextmanager
def _told(config: "Config") -> Iterator[None]:
    """Logs as JSON lines, written beside the work; traces where the environment names a collector."""
    from gxrisk.logs import Beside, configure_logs
    from gxrisk.tracing import configure_tracing

    beside = Beside()
    handler = configure_logs(level=config.logs.level, stream=cast(TextIO, beside), secrets=_secrets(config))
    tracing = configure_tracing()
    try:
        yield
    finally:
        if tracing is not None:
            tracing.close()
        logging.getLogger().removeHandler(handler)
        beside.close()


def _secrets(config: "Config") -> list[str]:
    """What must never be seen in a log, however it comes there."""
    urls = [one.get_secret_value() for one in (config.database_url, config.history_url) if one is not None]
    channels = [] if config.alerts is None else [one.get_secret_value() for one in config.alerts.channels.values()]
    return urls + channels


def _listening(host: str, port: int) -> socket.socket:
    """A socket there; port 0 is any free one. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CommandError(f"cannot listen on {plain(host)}, port {port}: {error.strerror}") from None
    return listening


def _address(listening: socket.socket) -> str:
    """How a process on this machine reaches it."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _ended(_signal: int, _frame: object) -> None:
    pass


def _without_traceback(record: logging.LogRecord) -> bool:
    """A start that fails has one line of its own."""
    return not str(record.msg).startswith("Traceback")
