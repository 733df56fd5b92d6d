"""A report as JSON: the same numbers as the page, decimals as text, times in RFC 3339."""

import json
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any, Final

from gxrisk.history.amounts import plain
from gxrisk.history.times import written
from gxrisk.vaults.report.report import Report

SCHEMA: Final = "gxrisk.report/1"
_NANOSECONDS: Final = "_ns"


def document(report: Report) -> dict[str, Any]:
    """The report under the schema `gxrisk.report/1`; a field `..._ns` is a time without that ending."""
    return {"schema": SCHEMA, **_object(report)}


def as_json(report: Report) -> str:
    """The document as text, with a line end; text of models is kept as it is, escaped to ASCII."""
    return json.dumps(document(report), indent=2) + "\n"


def _object(value: Any) -> dict[str, Any]:
    named = ((field.name, getattr(value, field.name)) for field in fields(value))
    return dict(
        (name.removesuffix(_NANOSECONDS), None if one is None else written(one))
        if name.endswith(_NANOSECONDS)
        else (name, _value(one))
        for name, one in named
    )


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if is_dataclass(value):
        return _object(value)
    return [_value(one) for one in value] if isinstance(value, tuple) else value
