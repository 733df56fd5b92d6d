"""What a person takes away: the server's answer passed on piece by piece, asked for with their own key."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from gxrisk.dashboard.api import ApiError
from gxrisk.dashboard.sign_in import person_of

# The report's page is one file with its style in it: that and nothing else may work in it.
REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_KEPT: Final = ("content-type", "content-disposition")
router = APIRouter(prefix="/vaults/{vault_id}")


@router.get("/export/{what}.csv")
async def export(request: Request, vault_id: str, what: str) -> Response:
    """A list of the history as CSV."""
    return await _passed_on(request, vault_id, ("export", f"{what}.csv"), "text/csv", {})


@router.get("/reports/{week}")
async def report(request: Request, vault_id: str, week: str) -> Response:
    """A week's report as a page."""
    headers = {"Content-Security-Policy": REPORT_POLICY}
    return await _passed_on(request, vault_id, ("reports", week), "text/html", headers)


@router.get("/certificate")
async def certificate(request: Request, vault_id: str) -> Response:
    """The certificate of a strategy that has graduated."""
    return await _passed_on(request, vault_id, ("graduation", "certificate"), "application/octet-stream", {})


async def _passed_on(
    request: Request, vault_id: str, path: tuple[str, ...], accept: str, headers: dict[str, str]
) -> Response:
    person = person_of(request)
    if person is None:
        return RedirectResponse("/sign-in")
    try:
        told, pieces = await person.api.download(vault_id, path, accept)
    except ApiError as error:
        return PlainTextResponse(f"The server refused: {error}.\n", error.status or 503)
    kept = {name: told[name] for name in _KEPT if name in told}
    return StreamingResponse(pieces, headers={**kept, **headers})
