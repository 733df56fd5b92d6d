"""The dashboard as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from fastapi import FastAPI
from nicegui import ui
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

from gxrisk.dashboard import downloads, sign_in
from gxrisk.dashboard.headers import Headers
from gxrisk.dashboard.pages import register
from gxrisk.dashboard.sessions import IDLE_S_MAX, Sessions

STATIC: Final = Path(__file__).parent / "static"
RECONNECT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`url` is the server's, without a slash at its end; with `https_only` cookies are for TLS alone."""

    url: str
    https_only: bool = False


def create_app(settings: Settings) -> FastAPI:
    """The application. NiceGUI has one set of pages a process, so this is made once in it."""
    sessions = Sessions(settings.url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await sessions.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.sessions = sessions
    # The secret is of this process, as the keys are: after a restart everyone signs in again.
    app.add_middleware(
        SessionMiddleware,
        secret_key=token_urlsafe(32),
        session_cookie="gxrisk_dashboard",
        max_age=IDLE_S_MAX,
        same_site="strict",
        https_only=settings.https_only,
    )
    app.add_middleware(Headers)
    app.include_router(sign_in.router)
    app.include_router(downloads.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    register(sessions)
    ui.run_with(
        app,
        title="gxrisk",
        favicon=STATIC / "icon.svg",
        dark=None,
        language="en-US",
        tailwind=False,
        reconnect_timeout=RECONNECT_S,
        binding_refresh_interval=None,
        gzip_middleware_factory=GZipMiddleware,
        show_welcome_message=False,
    )
    return app
