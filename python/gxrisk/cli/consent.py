"""Asking a person before something is signed, or done that cannot be undone."""

import sys

import typer

from gxrisk.cli.failures import CommandError
from gxrisk.cli.plain import plain


def ask_to_sign(*, yes: bool) -> None:
    """Go on only after a yes on the terminal, or with `--yes`. Raises `CommandError` for all else.

    The question goes to stderr: stdout is for what was signed.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("there is no terminal to ask on, and nothing was signed; --yes signs without asking")
    typer.echo("Sign it? [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError("nothing was signed")


def ask_to_type(word: str, consequence: str, *, yes: bool) -> None:
    """Go on only after `word` was typed on the terminal, or with `--yes`. Raises `CommandError` for all else."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("there is no terminal to ask on, and nothing was done; --yes does it without asking")
    typer.echo(f"{plain(consequence)}\nType {plain(word)} to go on: ", nl=False, err=True)
    if sys.stdin.readline().strip() != word:
        raise CommandError("nothing was done")
