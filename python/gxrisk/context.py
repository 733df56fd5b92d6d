"""On whose behalf code runs: the vault and the request, for log lines and traces."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

VAULT_ID: Final[ContextVar[str | None]] = ContextVar("vault_id", default=None)
REQUEST_ID: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)


@contextmanager
def on_behalf_of(*, vault_id: str | None = None, request_id: str | None = None) -> Iterator[None]:
    """Name the vault, the request, or both, for what runs inside, tasks that are started there included.

    >>> with on_behalf_of(request_id="req-1"), on_behalf_of(vault_id="ann"):
    ...     VAULT_ID.get(), REQUEST_ID.get()
    ('ann', 'req-1')
    """
    vault = VAULT_ID.set(VAULT_ID.get() if vault_id is None else vault_id)
    request = REQUEST_ID.set(REQUEST_ID.get() if request_id is None else request_id)
    try:
        yield
    finally:
        REQUEST_ID.reset(request)
        VAULT_ID.reset(vault)
