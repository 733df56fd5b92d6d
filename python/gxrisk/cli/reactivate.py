"""`gxrisk reactivate`: the owner's word that a vault which was stopped may go on, on the owner's side."""

from typing import Annotated

import typer

from gxrisk.cli.arguments import KeyFile, PassphraseFile, Yes
from gxrisk.cli.consent import ask_to_sign
from gxrisk.cli.expiry import Expires, ExpiresIn, end_of
from gxrisk.cli.failures import failures
from gxrisk.cli.plain import plain
from gxrisk.custody import owner_public_key, sign_reactivation

reactivate = typer.Typer(help="Sign a reactivation with the owner's master key.", no_args_is_help=True)


# with a callback, `sign` stays a word of its own although it is alone
@reactivate.callback()
def _reactivate() -> None:
    pass


@reactivate.command()
def sign(
    file: KeyFile,
    vault: Annotated[str, typer.Option(metavar="ID", help="The vault that was stopped.")],
    ends: Annotated[int, typer.Option(metavar="N", min=1, help="The record that stopped it: `stopped_by`.")],
    rebase: Annotated[bool, typer.Option("--rebase", help="Measure the drawdown from the equity of then.")] = False,
    expires_in: ExpiresIn = None,
    expires: Expires = None,
    yes: Yes = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign that a kill or a drawdown ends, and print the request in hex. What is signed is shown on stderr first.

    Which record stopped the vault, `gate.stopped_by` says, or GET /v1/vaults/ID/reactivation of a server.

    Example: gxrisk reactivate sign owner.key --vault growth-1 --ends 412
    """
    with failures():
        until = end_of(expires_in, expires)
        base = "the equity of then" if rebase else "unchanged"
        typer.echo(
            f"To be signed with {plain(str(file))} ({owner_public_key(file).hex()}):\n"
            f"  vault      {plain(vault)}\n"
            f"  ends       the stop of record {ends}\n"
            f"  new base   {base}\n"
            f"  expires    {until:%Y-%m-%d %H:%M:%S} UTC\n"
            "The vault trades again; a later kill or drawdown needs another signature.",
            err=True,
        )
        ask_to_sign(yes=yes)
        signed = sign_reactivation(file, vault, ends, rebase=rebase, expires=until, passphrase_file=passphrase_file)
        typer.echo(signed.hex())
        option = "rebase=True, " if rebase else ""
        typer.echo(f"Next: on the gate's side, gate.reactivate({option}signed=request).", err=True)
