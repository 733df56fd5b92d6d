"""What can go wrong between a client and its server. A refusal by the gate is none of it: that is an answer."""

from gxrisk._native import GxriskError, InvalidOrder, VaultError


class ClientError(GxriskError):
    """Anything that went wrong. No part of it ever holds the API key.

    `code` is for programs and stays the same, `detail` is a sentence for people, `status` is HTTP's (None where
    there was no answer), and `request_id` names the request in the server's log.

    >>> error = NotFound("there is no vault ann", code="vault_unknown", status=404, request_id="5f0c")
    >>> error.code, str(error)
    ('vault_unknown', 'there is no vault ann (vault_unknown, request 5f0c)')
    """

    def __init__(self, detail: str, *, code: str, status: int | None = None, request_id: str | None = None) -> None:
        request = "" if request_id is None else f", request {request_id}"
        super().__init__(f"{detail} ({code}{request})")
        self.detail = detail
        self.code = code
        self.status = status
        self.request_id = request_id


class ClientConfigError(ClientError):
    """An address or a key that cannot be used; nothing was sent."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="client_config")
        self.args = (detail,)


class Unauthorized(ClientError):
    """The key is not known, revoked or expired (401)."""


class Forbidden(ClientError):
    """The key may not do this, or not for this vault (403)."""


class NotFound(ClientError):
    """There is no such thing, or not any more (404, 410)."""


class Conflict(ClientError, VaultError):
    """It does not fit the vault's state (409, 412, 428). In a process that is a `VaultError`, so here too."""


class InvalidRequest(ClientError, InvalidOrder):
    """It is malformed (400, 405, 408, 413, 422). In a process that is an `InvalidOrder`, so here too."""


class RateLimited(ClientError):
    """Too many requests, or too many failures from here (429); `retry_after_s` is how long, if the server said so."""

    retry_after_s: float | None = None


class ServerFailed(ClientError):
    """The server met a bug, or the answer is none of gxrisk's (500 and what nobody expects)."""


class ServerUnavailable(ClientError):
    """No answer came, or the server cannot answer now (502, 503, 504), and the call's time or attempts are used up.

    With `may_be_done` a change may have happened all the same: the same call with `idempotency_key` once more has its
    answer, and does it at most once.
    """

    retry_after_s: float | None = None
    idempotency_key: str | None = None
    may_be_done: bool = False
