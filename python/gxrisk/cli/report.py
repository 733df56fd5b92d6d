"""`gxrisk report`: a vault's week as a page and as JSON."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gxrisk.cli.arguments import moment
from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.output import check_writable, replacing

if TYPE_CHECKING:
    from gxrisk.vaults.report import Span

_STDOUT: Final = "-"
Moment = typer.Option(parser=moment, metavar="TIME", help="Instead of a week: a time with its zone.")


def report(
    source: Annotated[
        str, typer.Argument(metavar="VAULT|JOURNAL", help="A vault of a fleet, or a journal.", show_default=False)
    ],
    folder: Annotated[Path, typer.Option(metavar="FLEET", help="The fleet's folder.")] = Path(),
    week: Annotated[str | None, typer.Option(metavar="2017-W51", help="Which week; the last one if none.")] = None,
    since: Annotated[datetime | None, Moment] = None,
    until: Annotated[datetime | None, Moment] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Where the page goes.")] = None,
    json: Annotated[str | None, typer.Option(metavar="FILE|-", help="Where the JSON goes; - is the output.")] = None,
) -> None:
    """Write a vault's week as one HTML page, as JSON, or as both: return, drawdown, trips, refusals, every trade.

    A week begins on Monday, 00:00 UTC. Without --out and --json the page goes to VAULT-WEEK.html in this folder.

    Example: gxrisk report ann --folder vaults --week 2017-W51 --out ann.html
    """
    # Loading the database's libraries takes longer than most commands do, so only the commands that need them do it.
    from gxrisk.vaults.report import as_json, page, report_from

    with failures():
        span = _span(week, since, until)
        for file, option in ((out, "--out"), (Path(json) if json not in (None, _STDOUT) else None, "--json")):
            if file is not None:
                check_writable(file, option)
        made = report_from(_journal(source, folder), span)
        if json == _STDOUT:
            typer.echo(as_json(made), nl=False)
        elif json is not None:
            _write(Path(json), as_json(made))
        if out is not None or json is None:
            _write(out or Path(f"{made.vault_id}-{made.span.name}.html"), page(made))


def _journal(source: str, folder: Path) -> Path:
    from gxrisk.vaults.fleet import JOURNAL

    if os.path.isfile(source):  # noqa: PTH113 (a vault's name need not be a path)
        return Path(source)
    journal = folder / source / JOURNAL
    if not journal.is_file():
        raise CommandError(f"there is no journal {source} and no vault {journal}; --folder names the fleet's folder")
    return journal


def _span(week: str | None, since: datetime | None, until: datetime | None) -> "Span | None":
    from gxrisk.vaults.report import Span

    if week is not None:
        if since is not None or until is not None:
            raise CommandError("give --week, or --since and --until, not both")
        return Span.week(week)
    if since is None and until is None:
        return None
    if since is None or until is None:
        raise CommandError("--since and --until go together")
    return Span.between(since, until)


def _write(file: Path, text: str) -> None:
    check_writable(file, "--out")
    with replacing(file, newline="") as stream:
        stream.write(text)
    typer.echo(f"wrote {file}", err=True)
