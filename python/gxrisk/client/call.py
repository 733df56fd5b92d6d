"""One request to the server and what becomes of its answer, without sending anything: both clients share it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from email.utils import parsedate_to_datetime
from typing import Any, Final, Generic, NoReturn, TypeVar
from urllib.parse import quote
from uuid import uuid4

from gxrisk._native import InvalidOrder
from gxrisk.client.errors import (
    ClientConfigError,
    ClientError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerFailed,
    ServerUnavailable,
    Unauthorized,
)

Result = TypeVar("Result")
_KINDS: Final[dict[int, type[ClientError]]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: InvalidRequest,
    408: InvalidRequest,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    413: InvalidRequest,
    422: InvalidRequest,
    428: Conflict,
    429: RateLimited,
    502: ServerUnavailable,
    503: ServerUnavailable,
    504: ServerUnavailable,
}
_NINTH: Final = Decimal("1E-9")
_TEXT_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sent back, whole; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body. Raises `ServerFailed` where it is no JSON."""
        try:
            return json.loads(self.body, parse_constant=_no_number)
        except ValueError:
            request_id = self.headers.get("x-request-id")
            text = "the answer is no JSON: is this the address of gxrisk's server?"
            raise ServerFailed(text, code="no_json", status=self.status, request_id=request_id) from None


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """A request, and how its answer is read; a change has an `idempotency_key`, the same in each attempt."""

    method: str
    path: str
    read: Callable[[Answer], Result]
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None

    def sent_headers(self) -> dict[str, str]:
        """The headers but for the key."""
        sent = {**self.headers}
        if self.body is not None:
            sent["Content-Type"] = "application/json"
        if self.idempotency_key is not None:
            sent["Idempotency-Key"] = self.idempotency_key
        return sent

    def sent_body(self) -> bytes | None:
        """The body as it is sent, the same bytes in each attempt."""
        return None if self.body is None else json.dumps(self.body).encode()

    def result(self, answer: Answer) -> Result:
        """What the answer says. Raises the `ClientError` that it is."""
        if not 200 <= answer.status < 300:
            raise failure(answer)
        try:
            return self.read(answer)
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            request_id = answer.headers.get("x-request-id")
            text = f"the answer is not as this client knows it ({type(error).__name__}: {error}); is the server newer?"
            raise ServerFailed(text, code="answer_unknown", status=answer.status, request_id=request_id) from None


def new_key() -> str:
    """An `Idempotency-Key` that was never used."""
    return uuid4().hex


def vault_path(vault_id: str, *more: str) -> str:
    """The path of a vault, or of what is under it. Raises `ClientConfigError` for what would lead elsewhere."""
    for part in (vault_id, *more):
        if part in ("", ".", ".."):
            raise ClientConfigError(f"{part!r} was given; an id of 1 to 64 characters is allowed")
    return "/".join(["/v1/vaults", *(quote(one, safe="") for one in (vault_id, *more))])


def failure(answer: Answer) -> ClientError:
    """The error that an answer is."""
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):  # a proxy's page, for example
        told = {}
    kind = _KINDS.get(answer.status, ServerFailed)
    error = kind(
        str(told.get("detail") or f"the server answered {answer.status}")[:_TEXT_MAX],
        code=str(told.get("code") or f"http_{answer.status}"),
        status=answer.status,
        request_id=told.get("request_id") or answer.headers.get("x-request-id"),
    )
    if isinstance(error, RateLimited | ServerUnavailable):
        error.retry_after_s = _retry_after(answer.headers.get("retry-after"))
    if isinstance(error, ServerUnavailable):
        error.may_be_done = error.code != "not_ready"
    return error


def number(value: Any) -> str:
    """A number as the server reads it: a decimal as text; a float is rounded at the ninth digit, as the gate does.

    >>> number(0.1), number("64250.50"), number(1e-8)
    ('0.1', '64250.50', '0.00000001')
    """
    try:
        with localcontext() as context:
            context.prec = 400
            is_exact = isinstance(value, int | str | Decimal)
            exact = Decimal(value if is_exact else float(value))
            if not is_exact:
                exact = exact.quantize(_NINTH, ROUND_HALF_EVEN).normalize()
            if exact.is_finite():
                return f"{exact:f}"
    except (InvalidOperation, ValueError, TypeError):
        pass
    raise InvalidOrder(f"{str(value)[:40]!r} is not a finite decimal number")


def _retry_after(text: str | None) -> float | None:
    """Seconds, told as a number or as a date (RFC 9110, 10.2.3)."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
