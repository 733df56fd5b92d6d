"""What the commands share that are clients of a server: where it is, the key, and how answers are shown."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gxrisk.cli.failures import failures
from gxrisk.cli.output import as_json
from gxrisk.cli.plain import plain
from gxrisk.cli.screen import page_width

# The client's HTTP is imported in the commands: loading it takes longer than most other commands do.
if TYPE_CHECKING:
    from gxrisk.client import Client, Operator

REFUSED: Final = 3  # the exit code of what the gate refuses
VaultId = Annotated[str, typer.Argument(metavar="VAULT", help="The vault's id.", show_default=False)]
Url = Annotated[
    str | None,
    typer.Option("--url", envvar="GXRISK_URL", metavar="URL", help="The server, like http://127.0.0.1:8780."),
]
ApiKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        envvar="GXRISK_KEY_FILE",
        metavar="FILE",
        help="Holds the API key, for you alone (chmod 600); else GXRISK_KEY holds it.",
    ),
]
Anyway = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why: it is kept on record.")]


@contextmanager
def operator(url: str | None, key_file: Path | None, *, patient: bool = False) -> Iterator["Operator"]:
    """The server, as an owner or operator calls it; what goes wrong is one line and an exit code.

    A `patient` one waits an hour for a server that is away, and draws nothing while it does.
    """
    with failures():
        from gxrisk.client import Operator, Retries

        retries = Retries(attempts_max=10_000, deadline_s=3_600) if patient else None
        with Operator(url, key_file=key_file, retries=retries) as one, nullcontext() if patient else _waiting():
            yield one


@contextmanager
def agent(vault: str, url: str | None, key_file: Path | None) -> Iterator["Client"]:
    """The same, as the vault's agent calls it."""
    with failures():
        from gxrisk.client import Client

        with Client(vault, url, key_file=key_file) as one, _waiting():
            yield one


def tell(value: Any, *, json: bool, words: str) -> None:
    """A result on stdout: as JSON, or in words."""
    typer.echo(as_json(value) if json else words)


def lines(told: Mapping[str, Any]) -> str:
    """Names and values, one a line, safe for a terminal.

    >>> print(lines({"equity": "10000", "is_paused": False, "auto_pause": None}))
    equity      10000
    is_paused   no
    auto_pause  -
    """
    width = max(map(len, told), default=0)
    return "\n".join(f"{plain(name):<{width}}  {cell(value)}" for name, value in told.items())


def cell(value: Any) -> str:
    """One value on one line; nothing in it moves a cursor."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{plain(str(name))} {cell(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(cell(one) for one in value) or "none"
    return plain(str(value))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]], *, none: str) -> None:
    """Rows on stdout, as wide as the page; where there is none, it is said on stderr."""
    if not rows:
        typer.echo(f"gxrisk: {none}", err=True)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    Console(width=page_width(), highlight=False).print(table)


@contextmanager
def _waiting() -> Iterator[None]:
    """Says on stderr that the server is waited for, where someone looks at it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status("waiting for the server"):
        yield
