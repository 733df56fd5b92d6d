"""`gxrisk keys`: the owner's master key, on the owner's side."""

from pathlib import Path
from typing import Annotated

import typer

from gxrisk.cli.arguments import KeyFile, PassphraseFile, Yes
from gxrisk.cli.consent import ask_to_sign
from gxrisk.cli.failures import failures
from gxrisk.cli.plain import plain
from gxrisk.custody import create_owner_key, owner_public_key, sign_owner_key

keys = typer.Typer(
    help="The owner's master key: make it, show its public half, name its successor.", no_args_is_help=True
)


@keys.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new key file.", show_default=False)],
    name: Annotated[str, typer.Option(metavar="NAME", help="Whose key: 1 to 64 characters without a space.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a master key, sealed in a new file, and print its public half in hex. No file is ever overwritten.

    Example: gxrisk keys new owner.key --name ann --passphrase-file passphrase
    """
    with failures():
        public = create_owner_key(file, name, passphrase_file=passphrase_file).hex()
        typer.echo(public)
        typer.echo(
            f"Next: give this public half to the vault: Gate(vault_id, limits, journal=..., owner_key={public!r}). "
            f"Keep {plain(str(file))} and its passphrase away from the gate: whoever has both can withdraw "
            "and reactivate, and without them nobody can.",
            err=True,
        )


@keys.command()
def show(file: KeyFile) -> None:
    """Print the public half of a master key in hex. It needs no passphrase.

    Example: gxrisk keys show owner.key
    """
    with failures():
        typer.echo(owner_public_key(file).hex())


@keys.command()
def successor(
    file: KeyFile,
    vault: Annotated[str, typer.Option(metavar="ID", help="The vault that is handed over.")],
    new_key: Annotated[str, typer.Option(metavar="HEX", help="The public half of the next master key.")],
    yes: Yes = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign that another master key follows on this one for a vault, and print the signature in hex.

    Example: gxrisk keys successor owner.key --vault growth-1 --new-key 17cb…80ce
    """
    with failures():
        typer.echo(
            f"To be signed with {plain(str(file))} ({owner_public_key(file).hex()}):\n"
            f"  vault    {plain(vault)}\n"
            f"  new key  {plain(new_key)}\n"
            "From then on the new key alone can withdraw from this vault and reactivate it.",
            err=True,
        )
        ask_to_sign(yes=yes)
        typer.echo(sign_owner_key(file, vault, new_key, passphrase_file=passphrase_file).hex())
        typer.echo("Next: on the gate's side, gate.rotate_owner_key(new_key, signature).", err=True)
