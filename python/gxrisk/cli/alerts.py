"""`gxrisk alerts`: try the channels, see what is wrong, take an incident over."""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gxrisk.cli.arguments import AsJson
from gxrisk.cli.failures import failures
from gxrisk.cli.output import as_json
from gxrisk.cli.plain import plain
from gxrisk.cli.screen import WIDTH

# The database's libraries are imported in the commands: loading them takes longer than most other commands do.
if TYPE_CHECKING:
    from gxrisk.alerts import AlertSettings, AlertSink, Incident, Thread

Result = TypeVar("Result")
ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", envvar="GXRISK_CONFIG", metavar="FILE.toml", help="The configuration, with its table [alerts]."
    ),
]
IncidentId = Annotated[int, typer.Argument(metavar="ID", help="The incident's number, as the alert shows it.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who you are; the user's name if none.")]

alerts = typer.Typer(help="Try the channels of alerts, see incidents, acknowledge them.", no_args_is_help=True)


@alerts.command("test")
def try_channels(config: ConfigFile, json: AsJson = False) -> None:
    """Send one message to each channel and print what came back; 1 if one of them failed.

    Example: gxrisk alerts test --config gxrisk.toml
    """
    tested = _with_sink(config, lambda sink: sink.test())
    if json:
        rows = [{"channel": one.channel, "outcome": one.answer.outcome, "words": one.answer.words} for one in tested]
        typer.echo(as_json(rows))
    else:
        for one in tested:
            typer.echo(f"{one.channel:<12}  {one.answer.outcome:<8}  {plain(one.answer.words)}")
    if any(one.answer.outcome != "sent" for one in tested):
        raise typer.Exit(1)


@alerts.command("list")
def list_incidents(
    config: ConfigFile,
    is_all: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
    json: AsJson = False,
) -> None:
    """Print the open incidents, newest first, and how far each channel was told.

    Example: gxrisk alerts list --config gxrisk.toml
    """
    found = _with_sink(config, lambda sink: sink.incidents(is_all=is_all))
    if json:
        typer.echo(as_json([_told(incident, threads) for incident, threads in found]))
    else:
        _print(found)


@alerts.command()
def ack(incident: IncidentId, config: ConfigFile, by: By = None) -> None:
    """Acknowledge an incident: you look after it, and nobody is called again for it.

    Example: gxrisk alerts ack 12 --by ann --config gxrisk.toml
    """
    known = _with_sink(config, lambda sink: sink.acknowledge(incident, by or getpass.getuser()))
    typer.echo(f"#{known.id} is acknowledged by {plain(known.acknowledged_by or '')}")


@alerts.command()
def resolve(incident: IncidentId, config: ConfigFile, by: By = None) -> None:
    """End an incident that no notice ends; whoever was told of it is told so.

    Example: gxrisk alerts resolve 12 --by ann --config gxrisk.toml
    """
    known = _with_sink(config, lambda sink: sink.resolve(incident, by or getpass.getuser()))
    typer.echo(f"#{known.id} is resolved by {plain(known.resolved_by or '')}")


def _with_sink(config: Path, work: "Callable[[AlertSink], Awaitable[Result]]") -> Result:
    from gxrisk.alerts import AlertSink

    async def done() -> Result:
        settings = _settings(config)
        outbox = settings.url.get_secret_value()
        if "://" not in outbox:  # before the server's first start its folder is not there yet
            Path(outbox).parent.mkdir(mode=0o700, exist_ok=True)
        sink = AlertSink(settings)
        try:
            return await work(sink)
        finally:
            sink.close()

    with failures():
        return asyncio.run(done())


def _settings(config: Path) -> "AlertSettings":
    """Those that the server has: with variables over the file, where there are such."""
    from gxrisk.alerts import AlertSettings
    from gxrisk.config import PREFIX, load

    if not any(name.upper().startswith(f"{PREFIX}ALERTS") for name in os.environ):
        return AlertSettings.from_toml(config)
    found = load(config)
    if found.alerts is None:
        return AlertSettings.from_toml(config)  # which says what is missing
    return found.alerts.kept_in(found.folder)


def _told(incident: "Incident", threads: "tuple[Thread, ...]") -> dict[str, object]:
    from dataclasses import asdict

    from gxrisk.history.times import written

    fields = asdict(incident) | {"channels": [asdict(thread) for thread in threads]}
    for row in (fields, *fields["channels"]):
        for name in [name for name in row if name.endswith("_ns")]:
            time_ns = row.pop(name)
            row[name.removesuffix("_ns")] = None if time_ns is None else written(time_ns)
    return fields


def _print(found: "list[tuple[Incident, tuple[Thread, ...]]]") -> None:
    from gxrisk.alerts.wording import at

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("#", "severity", "vault", "what", "since", "state", "channels"):
        table.add_column(heading)
    for incident, threads in found:
        state = "open"
        if incident.resolved_ns is not None:
            state = f"resolved by {incident.resolved_by}"
        elif incident.acknowledged_by is not None:
            state = f"acknowledged by {incident.acknowledged_by}"
        what = f"{incident.subject} {incident.code} x{incident.count}: {incident.text}".strip()
        cells = (str(incident.id), incident.severity, incident.vault, what, at(incident.opened_ns), state)
        table.add_row(*(Text(plain(cell)) for cell in cells), Text(", ".join(map(_channel, threads))))
    Console(width=max(WIDTH, 100), highlight=False).print(table)


def _channel(thread: "Thread") -> str:
    if thread.failures:
        return f"{thread.channel} failing ({plain(thread.error or '')})"
    if thread.held:
        return f"{thread.channel} held for the digest"
    return f"{thread.channel} waiting" if thread.is_waiting else f"{thread.channel} told"
