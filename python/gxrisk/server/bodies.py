"""A request's body within its bounds: bytes, time, and how deep its JSON goes."""

import asyncio
import re
from typing import Final

from fastapi import Request

from gxrisk.server.problems import Problem

# Strings whole, so that brackets in them do not count; an unfinished one runs to the end. Possessive: what was read
# of a string is never tried again from its middle, which would take the square of the length.
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


async def read_body(request: Request, *, bytes_max: int, depth_max: int, within_s: float) -> bytes:
    """The body, also put where the route will look for it. Raises `Problem` 408, 413 or 422."""
    told = request.headers.get("content-length", "0")
    if not told.isdigit() or int(told) > bytes_max:
        raise _too_large(bytes_max)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > bytes_max:
                    raise _too_large(bytes_max)
                chunks.append(chunk)
    except TimeoutError:
        close = {"Connection": "close"}
        raise Problem(408, "too_slow", f"the body did not come within {within_s:g} s", headers=close) from None
    body = b"".join(chunks)
    # Fewer brackets than that, in strings too, cannot nest deeper: most bodies need no closer look.
    if body.count(b"{") + body.count(b"[") > depth_max and depth(body) > depth_max:
        raise Problem(422, "too_deep", f"the JSON is nested more than {depth_max} deep")
    request._body = body  # where Starlette keeps a body that was read
    return body


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


def _too_large(bytes_max: int) -> Problem:
    return Problem(413, "too_large", f"a body of at most {bytes_max} bytes is allowed", headers={"Connection": "close"})
