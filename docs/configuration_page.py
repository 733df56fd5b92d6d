"""The reference of the configuration, from the settings themselves."""

from datetime import time
from ipaddress import IPv4Network, IPv6Network
from dataclasses import is_dataclass
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from gxrisk.config import PREFIX, Config

NOTE: Final = "<!-- Generated from gxrisk/config.py by `make docs`; edit it there instead. -->"
_BOUNDS: Final = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_WORDS: Final[dict[Any, str]] = {
    str: "text",
    SecretStr: "text, shown nowhere",
    int: "whole number",
    float: "number",
    Decimal: "decimal",
    bool: "true or false",
    Path: "path",
    dict: "table",
    time: "time of the day",
    IPv4Network: "IPv4 network",
    IPv6Network: "IPv6 network",
}


def configuration() -> str:
    """Each setting: its variable, what is allowed, its default."""
    parts = [
        "# Configuration",
        NOTE,
        "What `gxrisk serve` can be told, in one TOML file or by variables, which come over it. What is not known is refused.\n"
        "`gxrisk config init` writes a file, `gxrisk config check` names what is wrong in one. [Server](../server.md#configuration) says what the profiles are for.",
        *_section("", Config),
    ]
    return "\n\n".join(parts) + "\n"


def _section(name: str, model: type[BaseModel]) -> list[str]:
    own = {field: info for field, info in model.model_fields.items() if _model_of(info) is None}
    title = f"## `[{name}]`" if name else "## At the top"
    rows = ["| setting | variable | allowed | default |", "|---|---|---|---|"]
    rows += [_row(name, field, info) for field, info in own.items()]
    about = " ".join((model.__doc__ or "").partition(">>>")[0].partition("Raises ")[0].split())
    parts = [title, about.replace("<", "&lt;"), "\n".join(rows)]
    for field, info in model.model_fields.items():
        below = _model_of(info)
        if below is not None:
            parts += _section(f"{name}.{field}" if name else field, below)
    return parts


def _row(section: str, field: str, info: FieldInfo) -> str:
    path = [*(section.split(".") if section else []), field]
    is_in_file = section.startswith("protection.")
    variable = "only in the file" if is_in_file else f"`{PREFIX + '__'.join(path).upper()}`"
    return f"| `{field}` | {variable} | {_allowed(info)} | {_default(info)} |"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "needed"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()  # what stands in the code is no secret
    if is_dataclass(value):
        return "its own"
    return "none" if value is None or value in ({}, ()) else f"`{value}`"


def _allowed(info: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(one, name)}" for one in info.metadata for name, sign in _BOUNDS.items() if hasattr(one, name)
    ]
    return ", ".join([_words(info.annotation), *bounds])


def _words(kind: Any) -> str:
    """A type as someone says it who writes the file."""
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is Annotated:
        return _words(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(_words(one) for one in get_args(kind) if one is not type(None))
    if get_origin(kind) in (tuple, list):
        return f"list of {_words(get_args(kind)[0])}"
    return "table" if is_dataclass(kind) else _WORDS.get(get_origin(kind) or kind, str(kind))


def _model_of(info: FieldInfo) -> type[BaseModel] | None:
    parts = [one for one in get_args(info.annotation) if one is not type(None)] or [info.annotation]
    kind = parts[0]  # of what may be left out, what it is
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
