"""How long something that is signed is good: `--expires-in` a length of time, or `--expires` at a time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeAlias

import typer

from gxrisk.cli.arguments import moment

EXPIRES_IN: Final = "1h"
_LENGTH: Final = re.compile(r"([1-9]\d{0,5})([smhd])", re.ASCII)
_WORDS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

ExpiresIn: TypeAlias = Annotated[
    str | None, typer.Option(metavar="LENGTH", help=f"How long it is good: 90s, 30m, 1h, 2d; {EXPIRES_IN} if none.")
]
Expires: TypeAlias = Annotated[str | None, typer.Option(metavar="TIME", help="Until when instead, RFC 3339.")]


def length(text: str) -> timedelta:
    """A length of time: 90s, 30m, 1h, 2d."""
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} was given, a length like 90s, 30m, 1h or 2d is allowed")
    return timedelta(**{_WORDS[match[2]]: int(match[1])})


def end_of(expires_in: str | None, expires: str | None) -> datetime:
    """When it ends, by one of the two options; it lies ahead."""
    now = datetime.now(UTC)
    if expires is None:
        return now + length(expires_in or EXPIRES_IN)
    if expires_in is not None:
        raise typer.BadParameter("give --expires or --expires-in, not both")
    until = moment(expires)
    if until <= now:
        raise typer.BadParameter(f"--expires: {expires} has passed already")
    return until
