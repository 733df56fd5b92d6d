"""Asking a person before something is signed."""

import sys

import typer

from gxrisk.cli.failures import CommandError


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
