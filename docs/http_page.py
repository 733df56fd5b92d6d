"""The reference of the HTTP interface, from `openapi.json`."""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
NOTE: Final = "<!-- Generated from docs/openapi.json by `make docs`; edit the routes in gxrisk/server instead. -->"


def http() -> str:
    """Every operation: who may call it, what it takes, what it answers; then every shape."""
    document = json.loads((FOLDER / "openapi.json").read_text(encoding="utf-8"))
    parts = [
        "# HTTP",
        NOTE,
        "The operations of `gxrisk serve`; [Server](../server.md) has the conventions. Decimals and ids are text, times RFC 3339 in UTC.\n"
        "Every error is `application/problem+json` with a stable `code`. Everything that changes something takes an `Idempotency-Key`.",
    ]
    for path, methods in document["paths"].items():
        parts += [_operation(method, path, one) for method, one in methods.items()]
    parts.append("# Shapes")
    parts += [_shape(name, one) for name, one in sorted(document["components"]["schemas"].items())]
    return "\n\n".join(parts) + "\n"


def _operation(method: str, path: str, one: dict[str, Any]) -> str:
    lines = [f"## `{method.upper()} {path}`", "", _text(one.get("description") or one.get("summary") or "")]
    scopes = one.get("x-scopes")
    lines += ["", f"- **Scopes:** {', '.join(f'`{scope}`' for scope in scopes) if scopes else 'none; everyone may ask'}"]
    for parameter in one.get("parameters", []):
        need = "needed" if parameter.get("required") else "optional"
        about = parameter.get("description") or parameter["schema"].get("description") or ""
        what = f"{_type(parameter['schema'])}, {parameter['in']}, {need}. {_line(about)}".rstrip()
        lines.append(f"- **`{parameter['name']}`:** {what}")
    for kind, content in one.get("requestBody", {}).get("content", {}).items():
        lines.append(f"- **Body:** {_type(content['schema'])} as `{kind}`")
    for status, answer in one["responses"].items():
        shapes = [f"{_type(content.get('schema', {}))} as `{kind}`" for kind, content in answer.get("content", {}).items()]
        lines.append(f"- **{status}:** {_line(answer['description'])}{': ' if shapes else ''}{', or '.join(shapes)}")
    return "\n".join(lines)


def _shape(name: str, schema: dict[str, Any]) -> str:
    lines = [f'## <a id="{name}"></a>{name}', "", _text(schema.get("description", "")), ""]
    needed = set(schema.get("required", []))
    if schema.get("properties"):
        lines += ["| field | type | | what |", "|---|---|---|---|"]
        for field, one in schema["properties"].items():
            about = _line(one.get("description", "")).replace("|", "\\|")
            lines.append(f"| `{field}` | {_type(one)} | {'needed' if field in needed else ''} | {about} |")
    elif "enum" in schema:
        lines.append("One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + ".")
    return "\n".join(lines).rstrip()


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words, with a link to its shape."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[several]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("format") or schema.get("type", "anything")
    return {"string": "text", "object": "object", "null": "null"}.get(kind, str(kind))


def _line(text: str) -> str:
    return " ".join(_text(text).split())


def _text(text: str) -> str:
    """Text as it is; what looks like a tag stays text."""
    return text.strip().replace("<", "&lt;")
