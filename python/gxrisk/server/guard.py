"""What stands before every operation: who calls, what they may, how often, how large; and the same request twice."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final, get_args, get_origin

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from gxrisk.context import on_behalf_of
from gxrisk.server.access import Access, access_of
from gxrisk.server.answers import Answer
from gxrisk.server.bodies import read_body
from gxrisk.server.desk import Desk
from gxrisk.server.direct import direct
from gxrisk.server.keys import ApiKey, KeyRefused
from gxrisk.server.problems import Problem, problem_response
from gxrisk.tracing import span

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_NAME_CHARS_MAX: Final = 128
_SHOWN_CHARS_MAX: Final = 40  # of what somebody sent, in a message
_KEPT_HEADERS: Final = ("etag", "content-type")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Guarded(APIRoute):
    """A route that only those get through to whom its operation is open. One that does not say so cannot be made."""

    @property
    def access(self) -> Access:
        """Who may call it."""
        return access_of(self.endpoint)

    def get_route_handler(self) -> Handler:
        """The operation with all of this before it. Every error becomes a problem here."""
        repeats = {one.alias: _may_repeat(one.field_info.annotation) for one in self.dependant.query_params}
        inner = _with_known_query(repeats, direct(self.endpoint, super().get_route_handler()))
        access, operation = access_of(self.endpoint), self.name

        async def handle(request: Request) -> Response:
            with (
                on_behalf_of(vault_id=request.path_params.get("vault_id")),
                span("request", operation=operation) as one,
            ):
                try:
                    response = await _guarded(request, access, inner)
                except Exception as error:
                    response = problem_response(request, error)
                one.tell(status=response.status_code)
                return response

        return handle


def _with_known_query(repeats: dict[str, bool], inner: Handler) -> Handler:
    """`repeats` says of each parameter whether it may be given more than once.

    A misspelt one would be left out in silence, and so would all but the last of those that are given twice: another
    question would be answered than was asked.
    """

    async def handle(request: Request) -> Response:
        given: set[str] = set()
        for name, _ in request.query_params.multi_items():
            if name not in repeats:
                allowed = ", ".join(sorted(repeats)) or "none"
                text = f"query: {name[:_SHOWN_CHARS_MAX]!r} is no parameter of this operation; allowed: {allowed}"
                raise Problem(422, "invalid_request", text)
            if name in given and not repeats[name]:
                raise Problem(422, "invalid_request", f"query: {name!r} was given more than once; once is allowed")
            given.add(name)
        return await inner(request)

    return handle


def _may_repeat(annotation: Any) -> bool:
    """Whether a parameter of this type is a list."""
    return any(get_origin(one) is list for one in (annotation, *get_args(annotation)))


async def admitted(request: HTTPConnection, access: Access) -> ApiKey:
    """The key of whoever calls, where the operation is open to it. Raises `KeyRefused`, or `Problem` 403."""
    desk: Desk = request.app.state.desk
    token, address = _token(request), request.client.host if request.client else ""
    key = desk.keyring.known(token, address)
    if key is None:
        key = await desk.off_loop(desk.keyring.caller, token, address)
    request.state.key = key
    if not access.allows(key, request.path_params.get("vault_id")):
        raise Problem(403, "forbidden", _forbidden(key, access))
    return key


async def _guarded(request: Request, access: Access, inner: Handler) -> Response:
    desk: Desk = request.app.state.desk
    if not access.scopes or (access.is_local and desk.config.metrics.loopback and _is_from_here(request)):
        return await inner(request)
    key = await admitted(request, access)
    headers = request.app.state.rates.take(key)
    try:
        response = await _within_bounds(request, desk, access, key, inner)
    except Exception as error:
        response = problem_response(request, error)
    response.headers.update(headers)
    return response


async def _within_bounds(request: Request, desk: Desk, access: Access, key: ApiKey, inner: Handler) -> Response:
    http = desk.config.http
    body = b""
    if request.method not in ("GET", "HEAD"):
        body = await read_body(
            request, bytes_max=http.body_bytes_max, depth_max=http.json_depth_max, within_s=http.body_s
        )
    if access.changes and not desk.is_ready:
        text = "the server is starting, shutting down, or its fleet failed: ask again in a second, and look at /readyz"
        raise Problem(503, "not_ready", text, headers={"Retry-After": "1"})
    late = f"this was not done within {http.request_s:g} s"
    if not access.changes:
        try:
            async with asyncio.timeout(http.request_s):
                return await _answered(request, inner)
        except TimeoutError:
            raise Problem(504, "timeout", f"{late}; ask again", headers={"Retry-After": "1"}) from None
    task: asyncio.Task[Response] = asyncio.create_task(_once(request, desk, key, body, inner))
    desk.in_flight.add(task)  # what has begun is finished, also when nobody waits for it any more
    task.add_done_callback(desk.in_flight.discard)
    done, _ = await asyncio.wait({task}, timeout=http.request_s)
    if not done:
        text = f"{late}, but it will be: send the same request with the same {IDEMPOTENCY_KEY} for its answer"
        raise Problem(504, "timeout", text, headers={"Retry-After": "1"})
    return task.result()


async def _once(request: Request, desk: Desk, key: ApiKey, body: bytes, inner: Handler) -> Response:
    """Do it, or give the answer that was given; one request at a time with the same key."""
    name = ", ".join(request.headers.getlist(IDEMPOTENCY_KEY))
    if not 1 <= len(name) <= _NAME_CHARS_MAX or not (name.isascii() and name.isprintable()):
        seen = f"{len(name)} characters were given" if name else "none was given"
        text = (
            f"this changes something and needs an {IDEMPOTENCY_KEY}: {seen}, 1 to {_NAME_CHARS_MAX} printable ASCII "
            "characters are allowed; give a new one to each change, and the same one when you send it again"
        )
        raise Problem(400, "idempotency_key_required", text)
    request.state.idempotency_key = name
    fingerprint = _fingerprint(request, body)
    async with desk.answers.turn(key.id, name):
        known = await desk.off_loop(desk.answers.find, key.id, name)
        if known is not None:
            if known.fingerprint != fingerprint:
                text = f"this {IDEMPOTENCY_KEY} was used for another request; give a new one for a new request"
                raise Problem(422, "idempotency_key_reused", text)
            return Response(known.body, known.status, {**known.headers, "Idempotency-Replayed": "true"})
        response = await _answered(request, inner)
        if response.status_code < 500:
            kept = {one: response.headers[one] for one in _KEPT_HEADERS if one in response.headers}
            answer = Answer(fingerprint, response.status_code, kept, bytes(response.body))
            await desk.off_loop(desk.answers.keep, key.id, name, answer)
        desk.recorded()
        return response


async def _answered(request: Request, inner: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        return await inner(request)
    except Exception as error:
        return problem_response(request, error)


def _is_from_here(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _token(request: HTTPConnection) -> str:
    given = request.headers.getlist("authorization")
    if len(given) > 1:  # whoever stands before this server may have looked at another one of them
        raise KeyRefused("unauthenticated", f"{len(given)} headers Authorization were given; send one")
    scheme, _, token = "".join(given).partition(" ")
    if scheme.lower() != "bearer" or not token:
        seen = "no API key was given" if not scheme else "another kind of authorization was given"
        raise KeyRefused("unauthenticated", f"{seen}; send the header Authorization: Bearer gxr_...")
    return token.strip()


def _forbidden(key: ApiKey, access: Access) -> str:
    if key.scope not in access.scopes:
        allowed = ", ".join(access.scopes)
        return f"this key has the scope {key.scope}, this needs {allowed}; ask the operator for such a key"
    return "this key is for other vaults; ask the operator for one of this vault"


def _fingerprint(request: Request, body: bytes) -> bytes:
    asked = [request.method, request.url.path, request.url.query, request.headers.get("if-match", "")]
    return sha256(json.dumps(asked).encode() + b"\n" + body).digest()
