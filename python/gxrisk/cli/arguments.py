"""Options that take several values in a row, as in `--data BTC.csv ETH.csv`."""

from collections.abc import Iterable, Sequence
from typing import Final

import typer
from typer.core import TyperCommand

_SEVERAL: Final = ("--data", "--asset")


class SeveralValues(TyperCommand):
    """A command whose `--data` and `--asset` go on to the next option."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Repeat the option before each of its values, then parse as usual."""
        return super().parse_args(ctx, repeated(args, _SEVERAL))


def repeated(args: Iterable[str], options: Sequence[str]) -> list[str]:
    """`args` with each of `options` repeated before every value that follows it.

    >>> repeated(["--data", "a.csv", "b.csv", "--tier", "growth"], ["--data"])
    ['--data', 'a.csv', '--data', 'b.csv', '--tier', 'growth']
    """
    done: list[str] = []
    current: str | None = None
    values = 0
    for arg in args:
        if arg.startswith("-") and arg != "-":
            current = arg if arg in options else None
            values = 0
        elif current is not None:
            if values:
                done.append(current)
            values += 1
        done.append(arg)
    return done
