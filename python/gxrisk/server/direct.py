"""The short way to an operation that is asked often: found at once, and its body read straight from JSON.

FastAPI searches all routes and works out every parameter anew at each request. What is as it should be need not;
whatever is not takes FastAPI's own way, so that what is allowed, and how it is refused, is the same.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, Protocol, TypeVar

from fastapi import Request, Response
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

_ATTRIBUTE: Final = "gxrisk_takes"
_JSON: Final = "application/json"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class OfVault(Protocol):
    """An operation on a vault with a body, and nothing else."""

    def __call__(self, request: Request, *, vault_id: str, body: Any) -> Awaitable[BaseModel]:
        """Do it."""


def takes(body: type[BaseModel]) -> Callable[[Endpoint], Endpoint]:
    """For operations of the form `(request, vault_id, body) -> BaseModel`, which answer with 200."""

    def over(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ATTRIBUTE, body)
        return endpoint

    return over


def direct(endpoint: OfVault | Callable[..., Any], inner: Handler) -> Handler:
    """The short way, where one was declared, before `inner`, FastAPI's."""
    model: type[BaseModel] | None = getattr(endpoint, _ATTRIBUTE, None)
    if model is None:
        return inner

    async def handle(request: Request) -> Response:
        if request.headers.get("content-type") != _JSON:
            return await inner(request)
        try:
            body = model.model_validate_json(await request.body())
        except ValidationError:
            return await inner(request)
        answer = await endpoint(request, vault_id=request.path_params["vault_id"], body=body)
        return Response(answer.model_dump_json(), media_type=_JSON)

    return handle


class Shortcut:
    """Between the other middleware and the application: leads a request for such an operation to its route."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._ways = [
            (route, AsyncExitStackMiddleware(route.app))
            for route in routes
            if isinstance(route, APIRoute) and hasattr(route.endpoint, _ATTRIBUTE)
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            for route, app in self._ways:
                if scope["method"] in (route.methods or ()) and (found := route.path_regex.match(scope["path"])):
                    scope["path_params"] = found.groupdict()
                    await app(scope, receive, send)
                    return
        await self._app(scope, receive, send)
