"""`gxrisk vault`: a server's vaults, from making one to closing it, as its operator or owner."""

import sys
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from gxrisk._native import TIERS
from gxrisk.cli.arguments import AsJson, decimal, one_of
from gxrisk.cli.consent import ask_to_type
from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.plain import plain
from gxrisk.cli.remote import (
    REFUSED,
    Anyway,
    ApiKeyFile,
    Reason,
    Url,
    VaultId,
    lines,
    operator,
    print_table,
    tell,
)
from gxrisk.cli.watch import watch

Tier = Annotated[str, typer.Option(parser=one_of(TIERS), metavar="TIER", help=f"One of {', '.join(TIERS)}.")]

vault = typer.Typer(help="Make, look at and control the vaults of a server.", no_args_is_help=True)
vault.command()(watch)


@vault.command("list")
def list_vaults(json: AsJson = False, url: Url = None, key_file: ApiKeyFile = None) -> None:
    """Print the vaults that the key is for.

    Example: gxrisk vault list
    """
    with operator(url, key_file) as server:
        found = server.vaults()
    if json:
        tell(found, json=True, words="")
        return
    print_table(("vault", "status"), [(one["vault_id"], one["status"]) for one in found], none="there is no vault")


@vault.command()
def show(vault_id: VaultId, json: AsJson = False, url: Url = None, key_file: ApiKeyFile = None) -> None:
    """Print a vault: its money, what it holds, and the breakers that restrict it.

    Example: gxrisk vault show growth-1
    """
    with operator(url, key_file) as server:
        told, breakers, held = server.vault(vault_id), server.breakers(vault_id), server.positions(vault_id)
    if json:
        tell({"vault": told, "breakers": breakers["trips"], "positions": held["positions"]}, json=True, words="")
        return
    typer.echo(lines(told))
    for one in held["positions"]:
        typer.echo(f"holds {plain(one['quantity'])} {plain(one['asset'])}, unrealised {plain(one['unrealised'])}")
    for one in breakers["trips"]:
        until = "" if one["until"] is None else f" until {plain(one['until'])}"
        typer.echo(f"breaker {plain(one['breaker'])}{until}: {plain(one['cause'])}")


@vault.command()
def create(
    vault_id: VaultId,
    tier: Tier,
    strategy: Annotated[str, typer.Option(metavar="NAME", help="The name of the strategy that will propose.")],
    version: Annotated[str, typer.Option(metavar="TEXT", help="Its version.")],
    content: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its code or weights, of which SHA-256 is taken.")
    ] = None,
    content_hash: Annotated[str | None, typer.Option(metavar="HEX", help="Or SHA-256 of its content itself.")] = None,
    bar_s: Annotated[int, typer.Option(min=1, max=604_800, help="The length of its bars in seconds.")] = 60,
    asset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="What it may trade; may be given again; all if none.")
    ] = None,
    owner_key: Annotated[
        str | None, typer.Option(metavar="HEX", help="The owner's public key, as gxrisk keys create prints it.")
    ] = None,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Make a vault for a strategy that runs elsewhere. The same once more changes nothing.

    Example: gxrisk vault create growth-1 --tier growth --strategy momentum --version 1 --content momentum.py
    """
    with failures():
        if content is not None and content_hash is None:
            content_hash = sha256(content.read_bytes()).hexdigest()
        elif content is not None or content_hash is None:
            raise typer.BadParameter("give --content or --content-hash")
    body = {"name": strategy, "version": version, "content_hash": content_hash}
    more: dict[str, Any] = {"bar_s": bar_s, "assets": asset or None, "owner_key": owner_key}
    with operator(url, key_file) as server:
        told = server.create(vault_id, tier, body, **{name: one for name, one in more.items() if one is not None})
    tell(told, json=json, words=lines(told))


@vault.command()
def fund(
    vault_id: VaultId,
    amount: Annotated[Decimal, typer.Argument(parser=decimal, metavar="AMOUNT", help="How much, above 0.")],
    transfer_id: Annotated[
        str,
        typer.Option(metavar="ID", help="The transfer's own id: the same one counts once, however often it is told."),
    ],
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Pay money in.

    Example: gxrisk vault fund growth-1 10000 --transfer-id 2026-03-001
    """
    with operator(url, key_file) as server:
        told = server.fund(vault_id, transfer_id, amount)
    _tell_state(told, json)


@vault.command()
def pause(vault_id: VaultId, json: AsJson = False, url: Url = None, key_file: ApiKeyFile = None) -> None:
    """Halt the agent; exits by owner and protection still pass.

    Example: gxrisk vault pause growth-1
    """
    with operator(url, key_file) as server:
        told = server.pause(vault_id)
    _tell_state(told, json)


@vault.command()
def resume(vault_id: VaultId, json: AsJson = False, url: Url = None, key_file: ApiKeyFile = None) -> None:
    """End a pause, and the breakers that end by an operator's word.

    Example: gxrisk vault resume growth-1
    """
    with operator(url, key_file) as server:
        told = server.resume(vault_id)
    _tell_state(told, json)


@vault.command()
def reopen(vault_id: VaultId, json: AsJson = False, url: Url = None, key_file: ApiKeyFile = None) -> None:
    """Open a vault anew that was taken out, or that is open for exits only, once what was missing is back.

    Example: gxrisk vault reopen growth-1
    """
    with operator(url, key_file) as server:
        told = server.reopen(vault_id)
    _tell_state(told, json)


@vault.command()
def reactivate(
    vault_id: VaultId,
    rebase: Annotated[bool, typer.Option("--rebase", help="Measure the drawdown from today's equity.")] = False,
    request: Annotated[
        str | None, typer.Option(metavar="HEX|-", help="What gxrisk reactivate sign printed; - reads it.")
    ] = None,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """End a kill or a drawdown, as the owner; a vault with an owner's key needs what its owner signed.

    Example: gxrisk vault reactivate growth-1 --rebase
    """
    more = {} if request is None else {"request": _given(request)}
    with operator(url, key_file) as server:
        told = server.reactivate(vault_id, rebase=rebase, **more)
    _tell_state(told, json)


@vault.command()
def tier(
    vault_id: VaultId,
    to: Annotated[str, typer.Argument(parser=one_of(TIERS), metavar="TIER", help=f"One of {', '.join(TIERS)}.")],
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Take another tier's limits, as the owner; only while flat with nothing working.

    Example: gxrisk vault tier growth-1 capital_guard
    """
    with operator(url, key_file) as server:
        told = server.change_tier(vault_id, to)
    _tell_state(told, json)


@vault.command()
def limits(
    vault_id: VaultId,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change one; off for none; may be given again."),
    ] = None,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Print the limits, or change some as the owner: tighter at once, looser only while flat.

    Example: gxrisk vault limits growth-1 --set max_daily_trades=20 --set assets=BTC,ETH
    """
    with operator(url, key_file) as server:
        told, etag = server.limits(vault_id)
        if change:
            told = server.change_limits(vault_id, dict(_changed(one, told) for one in change), etag)
    tell(told, json=json, words=lines({name: "off" if one is None else one for name, one in told.items()}))


@vault.command()
def scale(
    vault_id: VaultId,
    by: Annotated[Decimal, typer.Argument(parser=decimal, metavar="SCALE", help="Above 0 and at most 1.")],
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Multiply the size limits by a scale: down at once, up by an owner alone.

    Example: gxrisk vault scale growth-1 0.5
    """
    with operator(url, key_file) as server:
        told = server.scale_risk(vault_id, by)
    tell(told, json=json, words=lines(told))


@vault.command()
def close(
    vault_id: VaultId,
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="What it holds.")],
    reason: Reason,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Close what the vault holds in an asset. 3 if the gate refuses.

    Example: gxrisk vault close growth-1 BTC --reason "its strategy is gone"
    """
    with operator(url, key_file) as server:
        told = server.close_position(vault_id, asset, reason)
    refused = "".join(f"\n  {plain(one['rule'])}: {plain(one['message'])}" for one in told["violations"])
    tell(told, json=json, words=f"{plain(told['outcome'])}, {plain(told['order_id'] or 'no order')}{refused}")
    if not told["approved"]:
        raise typer.Exit(REFUSED)


@vault.command()
def reconcile(vault_id: VaultId, json: AsJson = False, url: Url = None, key_file: ApiKeyFile = None) -> None:
    """Compare a vault with its venue now; what differs restricts it until somebody resumes it.

    Example: gxrisk vault reconcile growth-1
    """
    with operator(url, key_file) as server:
        told = server.reconcile(vault_id)
    tell(told, json=json, words=lines(told))


@vault.command()
def retire(
    vault_id: VaultId,
    reason: Reason,
    yes: Anyway = False,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Close an empty vault for good; its history can still be read.

    Example: gxrisk vault retire growth-1 --reason "moved to growth-2"
    """
    with failures():
        ask_to_type(vault_id, f"{vault_id} is closed for good.", yes=yes)
    with operator(url, key_file) as server:
        told = server.retire(vault_id, reason)
    tell(told, json=json, words=f"{plain(vault_id)} is retired")


@vault.command()
def withdraw(
    vault_id: VaultId,
    request: Annotated[str, typer.Argument(metavar="HEX|-", help="What gxrisk withdraw sign printed; - reads it.")],
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Hand in a withdrawal that the owner signed: positions close, then it is paid.

    Example: gxrisk withdraw sign owner.key ... | gxrisk vault withdraw growth-1 -
    """
    with operator(url, key_file) as server:
        told = server.withdraw(vault_id, _given(request))
    tell(told, json=json, words=lines(told))


def _given(text: str) -> str:
    """A word of the command line, or the line that stdin has for it."""
    return sys.stdin.readline().strip() if text == "-" else text


def _tell_state(told: dict[str, Any], json: bool) -> None:
    """A control's answer: the whole vault as JSON, or its state in one line."""
    held = [name for name, is_so in (("paused", told["is_paused"]), ("killed", told["is_killed"])) if is_so]
    more = f", {' and '.join(held)}" if held else ""
    words = f"{plain(told['vault_id'])}: {plain(told['state'])}{more}, tier {plain(told['tier'])}"
    tell(told, json=json, words=f"{words}, equity {plain(told['equity'])}")


def _changed(text: str, now: dict[str, Any]) -> tuple[str, Any]:
    """A limit and its new value, of the kind that the limit has."""
    name, equals, value = text.partition("=")
    if not equals or name not in now:
        raise CommandError(f"--set: {text!r} was given; NAME=VALUE is allowed, NAME one of {', '.join(now)}")
    if value == "off":
        return name, None
    if name == "assets":
        return name, value.split(",")
    if isinstance(now[name], int):
        if not (value.isascii() and value.isdigit()):
            raise CommandError(f"--set: {text!r} was given; a whole number is allowed")
        return name, int(value)
    return name, value
