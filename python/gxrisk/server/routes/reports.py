"""Weekly reports, made when they are asked for: JSON for programs, a page for a browser."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from gxrisk._native import JournalReader
from gxrisk.server.access import READERS, asks
from gxrisk.server.desk import Desk
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import VaultId, desk_of, time_of
from gxrisk.vaults.report import ReportError, Span, as_json, page
from gxrisk.vaults.report.records import last_time_ns
from gxrisk.vaults.report.report import report_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["reports"])
Week = Annotated[str, Path(pattern="^[0-9]{4}-W[0-9]{2}$", examples=["2026-W11"])]
MADE_S: Final = 30.0  # for so long a report is an answer to everybody
WEEKS_MAX: Final = 520
HTML: Final = "text/html"
# The page's own policy names its style by hash; both must allow it, and nothing else is allowed by either.
PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_WEEK_NS: Final = 7 * 86_400_000_000_000


class WeekShown(BaseModel):
    """A week from Monday, 00:00 UTC; one that is not over yet has a report up to now."""

    week: str
    since: str | None
    until: str | None
    is_over: bool


class Weeks(BaseModel):
    """The weeks of which there is a report, newest first; the last ten years of them."""

    weeks: list[WeekShown]


@router.get("/reports")
@asks(*READERS)
async def list_reports(request: Request, vault_id: VaultId) -> Weeks:
    """The weeks since the vault's first record."""
    desk = desk_of(request)
    spans = await desk.off_loop(_spans, desk, vault_id)
    now_ns = desk.fleet.clock.now_ns
    return Weeks(
        weeks=[
            WeekShown(
                week=one.name, since=time_of(one.since_ns), until=time_of(one.until_ns), is_over=one.until_ns <= now_ns
            )
            for one in spans
        ]
    )


@router.get(
    "/reports/{week}",
    response_class=Response,
    responses={
        200: {
            "description": "The report: JSON (schema gxrisk.report/1), or a page where `Accept` names text/html",
            "content": {"application/json": {"schema": {"type": "object"}}, HTML: {"schema": {"type": "string"}}},
        }
    },
)
@asks(*READERS)
async def show_report(request: Request, vault_id: VaultId, week: Week) -> Response:
    """A week's report. A 504 only says that making it takes longer: it goes on, and the same request finds it."""
    desk = desk_of(request)
    desk.check_known(vault_id)
    form = HTML if HTML in request.headers.get("accept", "").lower() else "json"
    text = await desk.shared.get(
        ("report", vault_id, week, form), lambda: desk.off_loop(_made, desk, vault_id, week, form), keep_s=MADE_S
    )
    if form == HTML:
        return HTMLResponse(text, headers={"Content-Security-Policy": PAGE_POLICY, "Vary": "Accept"})
    return Response(text, media_type="application/json", headers={"Vary": "Accept"})


def _made(desk: Desk, vault_id: str, week: str, form: str) -> str:
    try:
        span = Span.week(week)
    except ReportError as error:
        raise Problem(404, "report_unknown", str(error)) from None
    if span.name not in (one.name for one in _spans(desk, vault_id)):
        raise Problem(404, "report_unknown", f"{vault_id} has no report of {week}; the list says of which weeks")
    told = {one.name: one for one in desk.history.vaults()}.get(vault_id)
    if told is None or told.time_ns is None:
        raise Problem(503, "not_told_yet", "the history was not told of the vault yet", headers={"Retry-After": "1"})
    made = report_of(desk.history, vault_id, desk.journal(vault_id), span, _known_ns(desk, vault_id, told))
    return page(made) if form == HTML else as_json(made)


def _known_ns(desk: Desk, vault_id: str, told: Any) -> int:
    """Up to when everything is known: now, where the history was told all of the journal."""
    vault = desk.fleet.vaults.get(vault_id)
    is_all = told.sequence >= vault.gate.sequence if vault is not None else True
    known: int = desk.fleet.clock.now_ns if is_all else told.time_ns
    return known


def _spans(desk: Desk, vault_id: str) -> list[Span]:
    journal = desk.journal(vault_id)
    first = JournalReader(journal).events(0, 1)
    last_ns = last_time_ns(journal)
    if not first or last_ns is None:
        return []
    found: list[Span] = []
    span = Span.week_of(last_ns)
    while span.until_ns > first[0]["time_ns"] and len(found) < WEEKS_MAX:
        found.append(span)
        span = Span.week_of(span.since_ns - _WEEK_NS // 2)
    return found
