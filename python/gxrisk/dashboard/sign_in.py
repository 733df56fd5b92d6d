"""Signing in and out: a plain form, so that a key goes to this process once and into no page, address or log."""

from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from gxrisk.dashboard.api import ApiError
from gxrisk.dashboard.sessions import Person, Sessions

TOKEN: Final = "signed_in"  # noqa: S105 (the name of a field of the cookie)
_KEY_CHARS_MAX: Final = 200
_FORM_BYTES_MAX: Final = 4_000
_PAGES: Final = Environment(
    loader=PackageLoader("gxrisk.dashboard", "static"), autoescape=True, undefined=StrictUndefined
)
router = APIRouter()


def person_of(request: Request) -> Person | None:
    """Who has the page open."""
    sessions: Sessions = request.app.state.sessions
    return sessions.find(request.session.get(TOKEN))


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """The form."""
    return _form(request, "")


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Take a key; the browser has a fresh, signed cookie with a random token for it."""
    if not _is_from_here(request):
        return _form(request, "The form was sent from another site.", 403)
    if int(request.headers.get("content-length", "0")) > _FORM_BYTES_MAX:
        return _form(request, "That is no API key.", 413)
    form = await request.form()
    key = str(form.get("key", "")).strip()
    if not key.startswith("gxr_") or len(key) > _KEY_CHARS_MAX or not key.isascii():
        return _form(request, "That is no API key: one begins with gxr_.", 422)
    sessions: Sessions = request.app.state.sessions
    try:
        token = await sessions.sign_in(key)
    except ApiError as error:
        said = "The server does not answer; try again in a moment." if error.is_connection else f"Refused: {error}."
        return _form(request, said, 503 if error.is_connection else 401)
    await sessions.sign_out(request.session.get(TOKEN))
    request.session.clear()
    request.session[TOKEN] = token
    return RedirectResponse("/", 303)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Forget the key."""
    if _is_from_here(request):
        sessions: Sessions = request.app.state.sessions
        await sessions.sign_out(request.session.get(TOKEN))
        request.session.clear()
    return RedirectResponse("/sign-in", 303)


def _is_from_here(request: Request) -> bool:
    """Whether a form was sent by a page of this site: what browsers say of it themselves."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site") in (None, "same-origin")
    return urlsplit(origin).netloc == request.headers.get("host")


def _form(request: Request, said: str, status: int = 200) -> HTMLResponse:
    sessions: Sessions = request.app.state.sessions
    return HTMLResponse(_PAGES.get_template("sign_in.html").render(said=said, server=sessions.url), status)
