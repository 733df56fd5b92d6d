"""Every error as `application/problem+json` (RFC 9457), with a `code` that stays and the request's id."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection

from gxrisk._native import GxriskError, InvalidOrder, JournalError, ReactivationError, VaultError, WithdrawalError
from gxrisk.agent.strategy import ModelError
from gxrisk.protection.data_quality_words import DataQualityError
from gxrisk.server.database import DatabaseError
from gxrisk.server.keys import KeyRefused
from gxrisk.server.push_feed import FeedError
from gxrisk.venues.protocol import VenueError

MEDIA_TYPE: Final = "application/problem+json"
_log = logging.getLogger("gxrisk.server")
_OF_ROUTER: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_FEED: Final = {"feed_busy": 503, "shutting_down": 503}
_RETRY_S: Final = "1"
# what is no owner's word is forbidden, what cannot be read is invalid; the rest does not fit the vault as it is now
_REACTIVATION: Final = {"unsigned": 403, "signature": 403, "vault": 403, "malformed": 422, "rebase": 422}


class InvalidField(BaseModel):
    """One field that cannot be taken."""

    where: str
    message: str


class ProblemBody(BaseModel):
    """What every error looks like; `code` is for programs and stays the same, `detail` is a sentence for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[InvalidField] | None = None


class Problem(GxriskError):
    """An answer that is an error."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[InvalidField] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        self.errors = errors


def problem_response(request: HTTPConnection, error: Exception) -> Response:
    """Any error as an answer."""
    problem = problem_of(error, request.state.request_id)
    content = body_of(problem, request.state.request_id).model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def problem_of(error: Exception, request_id: str) -> Problem:
    """Any error as a problem; what nobody foresaw is logged, and its text stays here."""
    problem = _problem(error)
    if problem is None:
        _log.error("request %s failed", request_id, exc_info=error)
        text = "something went wrong here that nobody foresaw; tell the operator the request_id: the log has it"
        problem = Problem(500, "internal", text)
    return problem


def body_of(problem: Problem, request_id: str) -> ProblemBody:
    """What a client sees of it."""
    return ProblemBody(
        type="about:blank",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        code=problem.code,
        detail=str(problem),
        request_id=request_id,
        errors=None if problem.errors is None else list(problem.errors),
    )


def _problem(error: Exception) -> Problem | None:
    match error:
        case Problem():
            return error
        case RequestValidationError() | ValidationError():
            fields = [_field(one) for one in error.errors()]
            return Problem(
                422, "invalid_request", "; ".join(f"{one.where}: {one.message}" for one in fields), errors=fields
            )
        case ClientDisconnect():
            return Problem(
                400, "invalid_request", "the client went away before all of its body had come; send it again"
            )
        case HTTPException():
            code = _OF_ROUTER.get(error.status_code, "invalid_request")
            return Problem(error.status_code, code, str(error.detail), headers=error.headers)
        case KeyRefused(code="locked_out"):
            return Problem(429, error.code, str(error), headers={"Retry-After": str(error.wait_s)})
        case KeyRefused():
            return Problem(401, error.code, str(error), headers={"WWW-Authenticate": "Bearer"})
        case FeedError():
            status = _FEED.get(error.code, 422)
            return Problem(status, error.code, str(error), headers={"Retry-After": _RETRY_S} if status == 503 else {})
        case WithdrawalError():
            return Problem(409, f"withdrawal_{error.code}", str(error))
        case InvalidOrder():
            return Problem(422, "invalid_value", str(error))
        case DataQualityError():
            return Problem(409, "feed_state", str(error))
        case ModelError():
            return Problem(422, "invalid_strategy", str(error))
        case VenueError():
            text = "the venue did not answer as it should; send the same again with the same Idempotency-Key"
            return Problem(503, "venue_unreachable", text, headers={"Retry-After": _RETRY_S})
        case JournalError() | DatabaseError():
            _log.error("%s: %s", type(error).__name__, error)
            text = "the journal or the database cannot be read or written now; the operator's log says why"
            return Problem(503, "storage", text, headers={"Retry-After": _RETRY_S})
        case ReactivationError():
            return Problem(_REACTIVATION.get(error.code, 409), f"reactivation_{error.code}", str(error))
        case VaultError():
            return Problem(409, "vault_state", str(error))
        case _:
            return None


def _field(error: Mapping[str, Any]) -> InvalidField:
    """Where and what, without the value: it may be megabytes, or a secret."""
    return InvalidField(where=".".join(str(part) for part in error["loc"]), message=str(error["msg"]))
