"""The API's description: what FastAPI knows of it, and what stands before every operation."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from gxrisk.server.access import Access
from gxrisk.server.guard import IDEMPOTENCY_KEY, Guarded
from gxrisk.server.guarded_socket import GuardedSocket
from gxrisk.server.problems import MEDIA_TYPE, ProblemBody

ABOUT: Final = (
    "Any model may propose; only the gate approves, and nothing but an approval reaches a venue. Decimals and ids are "
    "text, times RFC 3339 in UTC. Every error is `application/problem+json` with a `code` that stays; a refused "
    "order is a 200 with its verdict."
)
_REF: Final = "#/components/schemas/{model}"
_HEADERS: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_ANY_ERROR: Final = "Any error, with a stable code"


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with scopes (`x-scopes`), the idempotency key and problems."""
    found = get_openapi(
        title="gxrisk", version="1", summary="A pre-trade risk gate", description=ABOUT, routes=app.routes
    )
    schemas = found["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _, definitions = models_json_schema([(ProblemBody, "serialization")], ref_template=_REF)
    schemas |= definitions["$defs"]
    found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "gxr_..."}}
    for route in operations(app):
        for method in route.methods or ():
            _complete(found["paths"].get(route.path, {}).get(method.lower()), route.access)
    return found


def operations(app: FastAPI) -> list[Guarded]:
    """Every operation of the API. Raises `TypeError` for a route that nothing guards."""
    found = []
    for router in app.state.routers:
        for route in router.routes:
            if isinstance(route, GuardedSocket):
                continue  # OpenAPI has no words for it
            if not isinstance(route, Guarded):
                raise TypeError(f"{route} is not guarded: give its router route_class=Guarded")
            found.append(route)
    return found


def sockets(app: FastAPI) -> list[GuardedSocket]:
    """Every WebSocket of the API."""
    return [route for router in app.state.routers for route in router.routes if isinstance(route, GuardedSocket)]


def _complete(operation: dict[str, Any] | None, access: Access) -> None:
    if operation is None:
        return  # not described
    responses = operation["responses"]
    responses.pop("422", None)
    problem = {"$ref": _REF.format(model="ProblemBody")}
    responses["default"] = {"description": _ANY_ERROR, "content": {MEDIA_TYPE: {"schema": problem}}}
    if not access.scopes:
        return
    operation["security"] = [{"key": []}]
    operation["x-scopes"] = list(access.scopes)
    for response in responses.values():
        headers = {name: {"schema": {"type": "string"}} for name in _HEADERS}
        response.setdefault("headers", {}).update(headers)
    if access.changes:
        schema = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[ -~]+$"}
        header = {"name": IDEMPOTENCY_KEY, "in": "header", "required": True, "schema": schema}
        operation.setdefault("parameters", []).append(header)
