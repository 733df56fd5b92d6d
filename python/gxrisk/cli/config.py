"""`gxrisk config`: a configuration to begin with, and whether one is good."""

import json
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.output import check_writable, replacing

# pydantic-settings is imported in the commands: most others need none of it.
if TYPE_CHECKING:
    from gxrisk.config import Config

config = typer.Typer(help="The server's configuration: write one, check one.", no_args_is_help=True)


class Profile(StrEnum):
    """Which values to begin with."""

    DEFAULT = "default"
    PRODUCTION = "production"


@config.command()
def init(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The new file; stdout if none.")] = None,
    profile: Annotated[Profile, typer.Option(help="`production` holds tighter limits.")] = Profile.DEFAULT,
) -> None:
    """Write a configuration with every setting in it. No file is ever overwritten.

    Example: gxrisk config init --profile production gxrisk.toml
    """
    from gxrisk.config import PROFILES, Config

    with failures():
        text = as_toml(Config(**PROFILES[profile.value]), is_shown=False)
        if file is None:
            typer.echo(text, nl=False)
            return
        check_writable(file, "FILE")
        if file.exists():
            raise CommandError(f"{file} exists, and is never written over")
        with replacing(file) as stream:
            stream.write(text)
        file.chmod(0o600)  # it may come to hold a database's password


@config.command()
def check(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The file; variables alone if none.")] = None,
) -> None:
    """Check a configuration, with the GXRISK_* variables over it, and print what holds, without secrets.

    Example: gxrisk config check gxrisk.toml
    """
    from gxrisk.config import ConfigError, load

    try:
        found = load(file)
    except ConfigError as error:
        for line in error.args[0].splitlines():
            typer.echo(f"gxrisk: {line}", err=True)
        raise typer.Exit(1) from None
    typer.echo(as_toml(found, is_shown=True), nl=False)


def as_toml(config: "Config", *, is_shown: bool) -> str:
    """The configuration as TOML; what is not set is a comment, and a URL that is shown has no password.

    >>> from gxrisk.config import Config
    >>> print(as_toml(Config(database_url="postgresql://risk:secret@db/gxrisk"), is_shown=True).splitlines()[4])
    database_url = "postgresql+psycopg://risk:***@db/gxrisk"
    """
    lines, sections = _table("", {name: getattr(config, name) for name in type(config).model_fields}, is_shown)
    return "\n".join([*lines, *sections]) + "\n"


def _table(name: str, values: dict[str, Any], is_shown: bool) -> tuple[list[str], list[str]]:
    """A table's own lines, and those of the tables in it. A guard that is left out says so: its default is to be on."""
    from pydantic import BaseModel

    lines, sections = [], []
    for key, value in values.items():
        path = f"{name}.{key}" if name else key
        if isinstance(value, BaseModel | dict):
            inner = value if isinstance(value, dict) else {one: getattr(value, one) for one in type(value).model_fields}
            own, below = _table(path, inner, is_shown)
            sections += ["", f"[{path}]", *own, *below]
        elif value is None:
            lines.append(f"{key} = false" if name.startswith("protection") else f"# {key} = ")
        else:
            lines.append(f"{key} = {_written(_revealed(path, value, is_shown=is_shown))}")
    return lines, sections


def _revealed(path: str, value: Any, *, is_shown: bool) -> Any:
    from pydantic import SecretStr

    from gxrisk.history.database import shown, url_of

    if not isinstance(value, SecretStr):
        return value
    secret = value.get_secret_value()
    if not is_shown:
        return secret
    if path.startswith("alerts.channels."):
        return f"{secret.partition('://')[0]}://***"
    return shown(url_of(secret))


def _written(value: Any) -> str:
    """A value as TOML: JSON's strings, numbers and lists are TOML's too. `false` is what is left out."""
    from pydantic import BaseModel

    if value is None:
        return "false"
    if isinstance(value, BaseModel) or is_dataclass(value):
        names = type(value).model_fields if isinstance(value, BaseModel) else [one.name for one in fields(value)]
        return f"{{ {', '.join(f'{name} = {_written(getattr(value, name))}' for name in names)} }}"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, default=str)
