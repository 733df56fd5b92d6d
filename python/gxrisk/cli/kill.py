"""`gxrisk kill`: halt a vault, or all of them, and cancel everything."""

from typing import Annotated

import typer

from gxrisk.cli.arguments import AsJson
from gxrisk.cli.consent import ask_to_type
from gxrisk.cli.failures import failures
from gxrisk.cli.plain import plain
from gxrisk.cli.remote import Anyway, ApiKeyFile, Url, operator, tell


def kill(
    vault: Annotated[str | None, typer.Argument(metavar="[VAULT]", help="The vault's id.", show_default=False)] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Every vault that the key is for.")] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why: it is kept on record.")] = "by gxrisk kill",
    yes: Anyway = False,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Halt a vault at once and cancel all its orders; only its owner's reactivation undoes that.

    Example: gxrisk kill growth-1 --reason "it buys without end" --yes
    """
    with failures():
        if (vault is None) != is_all:
            raise typer.BadParameter("give a vault's id or --all")
        what = "Every vault is halted" if vault is None else f"{vault} is halted"
        word = "all" if vault is None else vault
        ask_to_type(word, f"{what} and its orders are cancelled; only the owner undoes that.", yes=yes)
    with operator(url, key_file) as server:
        if vault is None:
            killed = server.kill_all(reason)
        else:
            server.kill(vault, reason)
            killed = [vault]
    tell({"vault_ids": killed}, json=json, words="\n".join(f"{plain(one)} is killed" for one in killed) or "no vault")
