"""`gxrisk api-keys`: who may call the server. The owner's master key, which signs, is `gxrisk keys`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gxrisk.cli.arguments import AsJson
from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.output import as_json
from gxrisk.cli.plain import plain

# The database's libraries are imported in the commands: loading them takes longer than most other commands do.
if TYPE_CHECKING:
    from gxrisk.server.keys import ApiKey, Keyring

SCOPES = "read, propose, feed, operate, own or admin"
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", envvar="GXRISK_CONFIG", metavar="FILE", help="The server's configuration."),
]

api_keys = typer.Typer(help="API keys: who may call the server, and for which vaults.", no_args_is_help=True)


@api_keys.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key: 1 to 64 printable characters.")],
    scope: Annotated[str, typer.Option(metavar="SCOPE", help=f"One of {SCOPES}.")],
    vault: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="For this vault; may be given again. For all if none.")
    ] = None,
    expires_in: Annotated[str | None, typer.Option(metavar="LENGTH", help="How long it is good, like 90d.")] = None,
    config: ConfigFile = None,
) -> None:
    """Make a key and print it, once: only its hash is kept. The server need not be stopped for it.

    Example: gxrisk api-keys create momentum-agent --scope propose --vault growth-1 --expires-in 90d
    """
    from gxrisk.cli.expiry import length

    with failures(), _keyring(config) as keyring:
        expires_ms = None
        if expires_in is not None:
            expires_ms = int((time.time() + length(expires_in).total_seconds()) * 1000)
        chosen: Any = scope
        key, text = keyring.create(name, chosen, vault, expires_ms=expires_ms)
        typer.echo(text)
        typer.echo(f"This is the one time that it is shown. To end it: gxrisk api-keys revoke {key.id}", err=True)


@api_keys.command("list")
def list_keys(json: AsJson = False, config: ConfigFile = None) -> None:
    """Print every key that was ever made, without its secret.

    Example: gxrisk api-keys list --config gxrisk.toml
    """
    with failures(), _keyring(config) as keyring:
        keys = keyring.all()
        if json:
            typer.echo(as_json([_row(key) for key in keys]))
            return
        for key in keys:
            row = _row(key)
            vaults = "all vaults" if key.vaults is None else ", ".join(sorted(key.vaults))
            used = "never used" if row["used"] is None else f"used {row['used']}"
            until = "" if row["expires"] is None else f", until {row['expires']}"
            typer.echo(f"{key.id}  {key.scope:8}{row['status']:9}{plain(key.name)}: {vaults}; {used}{until}")


@api_keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's public id, between its two underscores.")],
    config: ConfigFile = None,
) -> None:
    """End a key for good. A running server knows of it within a second.

    Example: gxrisk api-keys revoke 5f0c6b1c0d9a4f22
    """
    with failures(), _keyring(config) as keyring:
        keyring.revoke(key_id)
        typer.echo(f"{plain(key_id)} is revoked", err=True)


@contextmanager
def _keyring(file: Path | None) -> Iterator["Keyring"]:
    from gxrisk.config import load
    from gxrisk.server.database import open_database
    from gxrisk.server.desk import keyring

    config = load(file)
    if config.database_url is None and not config.folder.is_dir():
        if config.folder.exists():
            raise CommandError(f"{config.folder} is no folder")
        config.folder.mkdir(parents=True, mode=0o700)
    engine = open_database(config.database)
    try:
        yield keyring(config, engine)
    finally:
        engine.dispose()


def _row(key: "ApiKey") -> dict[str, Any]:
    from gxrisk.history.times import written

    row = {name: value for name, value in asdict(key).items() if not name.endswith("_ms")}
    row["vaults"] = None if key.vaults is None else sorted(key.vaults)
    for name in ("created", "expires", "revoked", "used"):
        at_ms: int | None = getattr(key, f"{name}_ms")
        row[name] = None if at_ms is None else written(at_ms * 1_000_000)
    is_over = key.expires_ms is not None and key.expires_ms <= time.time() * 1000
    row["status"] = "revoked" if key.revoked_ms is not None else "expired" if is_over else "good"
    return row
