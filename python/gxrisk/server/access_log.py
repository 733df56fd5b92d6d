"""One line for each request: what was asked, what came of it, how long it took, and with which key; never the key."""

import logging
from time import perf_counter
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gxrisk.context import on_behalf_of

NAME: Final = "gxrisk.access"
_PATH_CHARS_MAX: Final = 300
_log = logging.getLogger(NAME)


class AccessLog:
    """Between the middleware that names requests and the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its id for every line that is logged meanwhile, and log how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 0

        async def send_seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with on_behalf_of(request_id=scope["state"]["request_id"]):
            try:
                await self._app(scope, receive, send_seen)
            finally:
                self._tell(scope, status, perf_counter() - began)

    def _tell(self, scope: Scope, status: int, took_s: float) -> None:
        key = scope["state"].get("key")
        told: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"][:_PATH_CHARS_MAX],
            "status": status,  # 0: the connection ended before the answer began
            "took_ms": round(took_s * 1000, 2),
            "client": (scope.get("client") or ("",))[0],
        }
        if key is not None:
            told |= {"key": key.id, "scope": key.scope}
        with on_behalf_of(vault_id=scope.get("path_params", {}).get("vault_id")):
            _log.info("request", extra=told)
