"""A request's body within its bounds: bytes, time, how deep its JSON goes; and JSON that can be read in one way."""

import asyncio
import json
import re
from typing import Any, Final

from fastapi import Request

from gxrisk.server.problems import Problem

# Strings whole, so that brackets in them do not count; an unfinished one runs to the end. Possessive: what was read
# of a string is never tried again from its middle, which would take the square of the length.
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_LENGTH_DIGITS_MAX: Final = 18
_NAME_CHARS_SHOWN: Final = 40


async def read_body(request: Request, *, bytes_max: int, depth_max: int, within_s: float) -> bytes:
    """The body, also put where the route will look for it. Raises `Problem` 400, 408, 413 or 422."""
    told = request.headers.get("content-length", "0")
    if len(told) > _LENGTH_DIGITS_MAX or not (told.isascii() and told.isdigit()) or int(told) > bytes_max:
        raise _too_large(f"{told[:_LENGTH_DIGITS_MAX]} bytes were announced", bytes_max)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > bytes_max:
                    raise _too_large(f"more than {bytes_max} bytes came", bytes_max)
                chunks.append(chunk)
    except TimeoutError:
        close = {"Connection": "close"}
        text = f"{size} bytes of the body came within {within_s:g} s, all of it must; send it again at once"
        raise Problem(408, "too_slow", text, headers=close) from None
    body = b"".join(chunks)
    # Fewer brackets than that, in strings too, cannot nest deeper: most bodies need no closer look.
    if body.count(b"{") + body.count(b"[") > depth_max and (deep := depth(body)) > depth_max:
        raise Problem(422, "too_deep", f"the JSON is nested {deep} deep, at most {depth_max} are allowed; flatten it")
    request._body = body  # where Starlette keeps a body that was read
    if body:
        request._json = parsed(body)  # and what it holds
    return body


def parsed(body: bytes) -> Any:
    """The JSON of a body. Raises `Problem` 400 or 422 for what is none, or where readers could differ on what it says.

    RFC 8259 lets each reader choose among the values of a name that is there twice: the one that a proxy or an auditor
    reads need not be the one that is acted on. NaN, UTF-16 and byte order marks are no JSON, though Python reads them.

    >>> parsed(b'{"reason": "a drill", "reason": "theft"}')
    Traceback (most recent call last):
        ...
    gxrisk.server.problems.Problem: the JSON has the name 'reason' twice in one object; give each name once
    """
    try:
        return json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        text = f"byte {error.start} of the body is no UTF-8; send JSON in UTF-8"
        raise Problem(400, "invalid_request", text) from None
    except json.JSONDecodeError as error:
        text = f"the body is no JSON: {error.msg} at character {error.pos}; send one JSON document"
        raise Problem(422, "invalid_request", text) from None
    except ValueError:
        text = "the body has a number of too many digits; give decimals as text, within the field's range"
        raise Problem(422, "invalid_request", text) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            shown = ascii(name[:_NAME_CHARS_SHOWN])
            text = f"the JSON has the name {shown} twice in one object; give each name once"
            raise Problem(422, "duplicate_name", text)
        found[name] = value
    return found


def _no_number(text: str) -> Any:
    raise Problem(422, "invalid_request", f"{text} is no JSON: finite numbers are allowed; give decimals as text")


def depth(body: bytes) -> int:
    """How deep JSON is nested, without parsing it.

    >>> depth(b'{"a": [1, "[[[", {"b": "\\\\\\\\"}]}')
    3
    """
    deepest = now = 0
    for token in _TOKENS.findall(body):
        if token in b"[{":
            now += 1
            deepest = max(deepest, now)
        elif token in b"]}":
            now = max(0, now - 1)
    return deepest


def _too_large(seen: str, bytes_max: int) -> Problem:
    text = f"{seen}, a body of at most {bytes_max} bytes is allowed; send it in parts"
    return Problem(413, "too_large", text, headers={"Connection": "close"})
