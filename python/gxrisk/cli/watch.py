"""`gxrisk vault watch`: what a vault's journal says, line by line, as it happens."""

import json as jsonlib
from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from gxrisk.cli.arguments import AsJson
from gxrisk.cli.lines import KINDS, header, line
from gxrisk.cli.remote import ApiKeyFile, Url, VaultId, operator

# What lines show as numbers; in the stream decimals are text.
_NUMBERS: Final = frozenset(
    ["amount", "confidence", "fee", "ignored_marks", "new_base", "opening", "price", "quantity", "scale", "volatility"]
)


def watch(
    vault_id: VaultId,
    since: Annotated[
        int | None,
        typer.Option(min=0, help="Begin after this record, 0 for all; with what comes now if none."),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help=f"Only these, may be given again: {', '.join(KINDS)}.")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Print the vault's records as they come, one a line, until Ctrl-C; over restarts of the server none is missed.

    Example: gxrisk vault watch growth-1 --kind decision --kind fill
    """
    with operator(url, key_file, patient=True) as server:
        for number, told in enumerate(server.events(vault_id, since, kinds=kind or ()), start=1):
            if number == 1 and not json:
                typer.echo(header(), err=True)
            typer.echo(jsonlib.dumps(told) if json else line(_numbers(told)))
            if number == count:
                return


def _numbers(value: Any) -> Any:
    """The record with its decimals as numbers again."""
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "steps" in value:
        return {**value, "steps": {asset: Decimal(step) for asset, step in value["steps"].items()}}
    return {
        name: Decimal(one) if name in _NUMBERS and isinstance(one, str) else _numbers(one)
        for name, one in value.items()
    }
