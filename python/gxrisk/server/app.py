"""The server as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gxrisk._native import GxriskError
from gxrisk.config import Config
from gxrisk.server.access_log import AccessLog
from gxrisk.server.desk import Desk
from gxrisk.server.direct import Shortcut
from gxrisk.server.openapi import describe
from gxrisk.server.problems import problem_response
from gxrisk.server.rates import Rates
from gxrisk.server.routes import ROUTERS

# Answers hold text that a model wrote: whoever shows one in a browser must not have it run there.
_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)

_STARTS: Final = frozenset({"http.response.start", "websocket.http.response.start"})


def create_app(config: Config) -> FastAPI:
    """The application; its lifespan opens the fleet, the history and the keys, and closes them in order.

    `app.state.desk` is what it owns. Where it cannot start, `app.state.failure` says why.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        desk: Desk = app.state.desk
        try:
            await desk.start()
        except (GxriskError, OSError) as error:
            app.state.failure = str(error)
            raise
        try:
            yield
        finally:
            await desk.stop()

    app = FastAPI(
        title="gxrisk",
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,  # such an answer leads to whatever host the request named
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.desk = Desk(config)
    app.state.failure = None
    app.state.rates = Rates(config.keys.requests_per_minute)
    app.state.stream_rates = Rates(config.streams.orders_per_minute)
    app.state.routers = ROUTERS
    for router in ROUTERS:
        app.include_router(router)
    for kind in (HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _problem)
    app.add_middleware(Shortcut, routes=[route for router in ROUTERS for route in router.routes])
    if config.logs.requests:
        app.add_middleware(AccessLog)
    app.add_middleware(RequestIds)
    app.openapi = partial(_described, app)  # type: ignore[method-assign]
    return app


class RequestIds:
    """Names every request, in the state and in the answer, and says how answers may be shown."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_named(message: Message) -> None:
            if message["type"] in _STARTS:
                given = message["headers"]
                names = {name.lower() for name, _ in given}
                more = (one for one in _HEADERS if one[0] not in names)
                message = {**message, "headers": (*given, *more, (b"x-request-id", request_id.encode()))}
            await send(message)

        await self._app(scope, receive, send_named)


def _problem(request: Request, error: Exception) -> Response:
    return problem_response(request, error)


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = describe(app)
    return app.openapi_schema
