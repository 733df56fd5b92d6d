"""`gxrisk export`: a list of a vault's history as CSV."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gxrisk.cli.arguments import HistoryUrl, one_of
from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.output import check_writable, replacing

if TYPE_CHECKING:
    from gxrisk.history import History

LISTS: Final = ("trades", "decisions", "fills", "equity", "flows", "trips")
_STDOUT: Final = "-"


def export(
    source: Annotated[
        str, typer.Argument(metavar="VAULT|JOURNAL", help="A vault of a history, or a journal.", show_default=False)
    ],
    what: Annotated[str, typer.Option(parser=one_of(LISTS), metavar="|".join(LISTS), help="Which list.")],
    out: Annotated[str, typer.Option(metavar="FILE|-", help="Where to; - is the standard output.")] = _STDOUT,
    url: HistoryUrl = None,
) -> None:
    """Write trades, decisions, fills, the equity curve, flows or trips as CSV, safe to open in a spreadsheet.

    A file is taken for a journal, and needs no history; anything else for a vault of the history.

    Example: gxrisk export vault.gxr --what trades --out trades.csv
    """
    # Loading the database's libraries takes longer than most commands do, so only the commands that need them do it.
    from gxrisk.history.export import export as write_list

    with failures():
        if out != _STDOUT:
            check_writable(Path(out), "--out")
        with _history(source, url) as (history, vault):
            if out == _STDOUT:
                stream = TextIOWrapper(typer.get_binary_stream("stdout"), encoding="utf-8", newline="")
                write_list(history, vault, what, stream)
                stream.detach()
            else:
                with replacing(Path(out), newline="") as file:
                    count = write_list(history, vault, what, file)
                typer.echo(f"{count:,} {what} of {vault} in {out}", err=True)


@contextmanager
def _history(source: str, url: str | None) -> Iterator[tuple["History", str]]:
    """The history to ask and the vault's name; that of a journal is made for the occasion."""
    from gxrisk._native import JournalReader
    from gxrisk.history import History, Projector

    if not os.path.isfile(source):  # noqa: PTH113 (a vault's name need not be a path)
        if url is None:
            raise CommandError(
                f"there is no journal {source}; for a vault of a history give --url or GXRISK_HISTORY_URL"
            )
        with History.open(url) as history:
            yield history, source
        return
    with TemporaryDirectory(prefix="gxrisk-") as folder, History.open(Path(folder) / "history.db") as history:
        projector = Projector(history, [source])
        projector.catch_up()
        projector.raise_failures()
        yield history, JournalReader(source).vault_id
