"""`gxrisk history`: tell journals to a database, make it anew, migrate it, and look at the fleet."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gxrisk.cli.arguments import AsJson, HistoryUrl
from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.lines import number
from gxrisk.cli.output import as_json
from gxrisk.cli.screen import WIDTH

# The database's libraries are imported in the commands: loading them takes longer than most other commands do.
if TYPE_CHECKING:
    from gxrisk.history import VaultRow

Journals = Annotated[list[Path], typer.Argument(metavar="JOURNAL...", help="Vaults' journals.", show_default=False)]

history = typer.Typer(
    help="Tell journals to a database (SQLite, PostgreSQL) for reports, exports and dashboards.", no_args_is_help=True
)


@history.command()
def project(
    journals: Journals,
    url: HistoryUrl = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on while gates write, until Ctrl-C.")] = False,
) -> None:
    """Bring the history up to the journals: each record once, wherever this was stopped before.

    Example: gxrisk history project vaults/*.gxr --url history.db
    """
    from gxrisk.history import History, Projector

    with failures(), History.open(_needed(url)) as opened:
        projector = Projector(opened, journals)
        if follow:
            asyncio.run(projector.run())
        projector.catch_up()
        projector.raise_failures()


@history.command()
def rebuild(journals: Journals, url: HistoryUrl = None) -> None:
    """Forget what the history holds of these journals' vaults, and tell it anew.

    Example: gxrisk history rebuild vault.gxr --url history.db
    """
    from gxrisk.history import History, Projector

    with failures(), History.open(_needed(url)) as opened:
        projector = Projector(opened)
        for journal in journals:
            projector.rebuild(journal)


@history.command()
def migrate(url: HistoryUrl = None) -> None:
    """Bring the database's schema to this version of gxrisk; a SQLite file needs no such command.

    Example: gxrisk history migrate --url postgresql://risk@localhost/history
    """
    from gxrisk.history import migration
    from gxrisk.history.database import connect, refuse_journal, url_of

    with failures():
        found = url_of(_needed(url))
        refuse_journal(found)
        engine = connect(found)
        try:
            migration.migrate(engine)
        finally:
            engine.dispose()
        typer.echo(f"schema {migration.newest()}")


@history.command()
def vaults(url: HistoryUrl = None, json: AsJson = False) -> None:
    """Print the fleet: how far each vault is projected, and how it stood there.

    Example: gxrisk history vaults --url history.db
    """
    from dataclasses import asdict

    from gxrisk.history import History

    with failures(), History.open(_needed(url)) as opened:
        fleet = opened.vaults()
        if json:
            typer.echo(as_json([asdict(vault) for vault in fleet]))
        else:
            _print_fleet(fleet)


def _print_fleet(fleet: list["VaultRow"]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("vault")
    for heading in ("record", "equity", "drawdown", "exposure", "held", "working"):
        table.add_column(heading, justify="right")
    table.add_column("restricted by")
    for vault in fleet:
        amounts = (vault.equity, vault.drawdown, vault.gross_exposure)
        controls = [word for word, is_on in (("killed", vault.killed), ("paused", vault.paused)) if is_on]
        cells = [
            vault.name,
            number(vault.sequence),
            *("" if amount is None else number(amount) for amount in amounts),
            number(vault.positions),
            number(vault.working),
            ", ".join((*controls, *vault.tripped)),
        ]
        table.add_row(*map(Text, cells))
    Console(width=WIDTH, highlight=False).print(table)


def _needed(url: str | None) -> str:
    if url is None:
        raise CommandError("which history: give --url (a file, or postgresql://USER@HOST/NAME) or GXRISK_HISTORY_URL")
    return url
