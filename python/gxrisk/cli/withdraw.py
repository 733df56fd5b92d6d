"""`gxrisk withdraw`: what the owner asks a vault to pay out, on the owner's side."""

from decimal import Decimal
from typing import Annotated

import typer

from gxrisk.cli.arguments import KeyFile, PassphraseFile, Yes, decimal
from gxrisk.cli.consent import ask_to_sign
from gxrisk.cli.expiry import Expires, ExpiresIn, end_of
from gxrisk.cli.failures import failures
from gxrisk.cli.plain import plain
from gxrisk.custody import owner_public_key, sign_withdrawal

withdraw = typer.Typer(help="Sign a withdrawal with the owner's master key.", no_args_is_help=True)


# with a callback, `sign` stays a word of its own although it is alone
@withdraw.callback()
def _withdraw() -> None:
    pass


@withdraw.command()
def sign(
    file: KeyFile,
    vault: Annotated[str, typer.Option(metavar="ID", help="The vault that pays.")],
    amount: Annotated[Decimal, typer.Option(parser=decimal, metavar="N", help="How much, above 0.")],
    destination: Annotated[str, typer.Option(metavar="TEXT", help="Where to: 1 to 128 characters without a space.")],
    expires_in: ExpiresIn = None,
    expires: Expires = None,
    yes: Yes = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign a withdrawal and print the request in hex. What is signed is shown on stderr first.

    Example: gxrisk withdraw sign owner.key --vault growth-1 --amount 500 --destination acct-1
    """
    with failures():
        if amount <= 0:
            raise typer.BadParameter(f"--amount: {amount} was given, a number above 0 is allowed")
        until = end_of(expires_in, expires)
        typer.echo(
            f"To be signed with {plain(str(file))} ({owner_public_key(file).hex()}):\n"
            f"  vault        {plain(vault)}\n"
            f"  amount       {amount:,f}\n"
            f"  destination  {plain(destination)}\n"
            f"  expires      {until:%Y-%m-%d %H:%M:%S} UTC\n"
            "The vault pays it once, while it holds nothing and nothing works.",
            err=True,
        )
        ask_to_sign(yes=yes)
        request = sign_withdrawal(file, vault, amount, destination, expires=until, passphrase_file=passphrase_file)
        typer.echo(request.hex())
        typer.echo("Next: on the gate's side, gate.withdraw(request).", err=True)
