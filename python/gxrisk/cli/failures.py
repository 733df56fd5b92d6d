"""How a command fails: one line on stderr and an exit code, never a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from gxrisk._native import GxriskError
from gxrisk.cli.plain import plain


class CommandError(GxriskError):
    """A command that cannot be done as asked."""


@contextmanager
def failures() -> Iterator[None]:
    """One line on stderr and an exit code instead of a traceback: 1 for bad data, 130 for Ctrl-C."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read the output wants no more of it; typer ends quietly
    except (GxriskError, OSError) as error:
        said = "; ".join([str(error), *getattr(error, "__notes__", ())])
        typer.echo(f"gxrisk: {plain(' '.join(said.split()))}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("gxrisk: interrupted", err=True)
        raise typer.Exit(130) from None
