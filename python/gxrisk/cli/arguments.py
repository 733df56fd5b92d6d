"""What the commands take: options with several values in a row, numbers, times, and options that several share."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.core import TyperCommand

_SEVERAL: Final = ("--data", "--asset")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

JournalFile = Annotated[Path, typer.Argument(metavar="FILE", help="The vault's journal.", show_default=False)]
KeyFile = Annotated[Path, typer.Argument(metavar="FILE", help="The owner's key file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, with exact numbers as text.")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Draw no progress bar.")]
Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Holds the passphrase; else GXRISK_PASSPHRASE_FILE names its file, or GXRISK_PASSPHRASE holds it.",
    ),
]

HistoryUrl = Annotated[
    str | None,
    typer.Option(
        envvar="GXRISK_HISTORY_URL",
        metavar="FILE|URL",
        help="The history: a SQLite file, or postgresql://USER@HOST/NAME.",
        show_envvar=True,
    ),
]


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


def decimal(text: str) -> Decimal:
    """A finite decimal number from the command line."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} was given, a number is allowed") from None
    if not value.is_finite():
        raise typer.BadParameter(f"{text!r} was given, a finite number is allowed")
    return value


def one_of(allowed: Sequence[str]) -> Callable[[str], str]:
    """A parser of words of which only `allowed` exist."""

    def word(text: str) -> str:
        if text not in allowed:
            raise typer.BadParameter(f"{text!r} was given, allowed are {', '.join(allowed)}")
        return text

    return word


def moment(text: str) -> datetime:
    """A time with its zone from the command line, to the microsecond.

    >>> moment("2020-03-12T11:55:00+01:00").isoformat()
    '2020-03-12T10:55:00+00:00'
    """
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter(f"{text!r} was given, a time with its zone like 2020-03-12T10:55:00Z is allowed")


def nanoseconds(time: datetime) -> int:
    """Since 1970 UTC, exactly."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 1_000
