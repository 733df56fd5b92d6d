"""The reference of the command line, made of the commands themselves: the generated part of docs/cli.md."""

from collections.abc import Iterator
from typing import Any

import typer

from gxrisk.cli import app


def reference() -> str:
    """Every command with its arguments and options, as Markdown."""
    return "\n".join(line for path, command in _all("gxrisk", typer.main.get_command(app)) for line in _told(path, command))


def _all(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        if hasattr(inner, "commands"):
            yield from _all(f"{path} {name}", inner)
        else:
            yield f"{path} {name}", inner


def _told(path: str, command: Any) -> Iterator[str]:
    shown = [one for one in command.params if one.name != "help"]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    needed = [one for one in shown if one.param_type_name == "option" and one.required]
    usage = [path, *(_place(one) for one in arguments), *(f"{one.opts[0]} {_value(one)}" for one in needed)]
    text, _, example = (command.help or "").partition("Example: ")
    yield f"### `{path}`\n\n{' '.join(text.split())}\n\n```text\n{' '.join(usage)}"
    if example:
        yield f"\nfor example: {' '.join(example.split())}"
    yield "```\n"
    if shown:
        yield "| | |\n|---|---|"
        yield from (_row(one) for one in shown)
        yield ""


def _place(one: Any) -> str:
    name = one.metavar or one.name.upper()
    return name if one.required or name.startswith("[") else f"[{name}]"


def _value(one: Any) -> str:
    return "" if one.is_flag else (one.metavar or "N")


def _row(one: Any) -> str:
    name = one.metavar or one.name.upper() if one.param_type_name == "argument" else f"{one.opts[0]} {_value(one)}"
    variable = f" (`{one.envvar}`)" if one.envvar else ""
    is_given = one.default is not None and not getattr(one, "is_flag", False) and not callable(one.default)
    default = f" Default: {one.default}." if is_given and not one.required else ""
    about = " ".join((one.help or "").split()).replace("|", "\\|")
    return f"| `{name.strip()}` | {about}{variable}{default} |".replace("`|`", "`\\|`")
