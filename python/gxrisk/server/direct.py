"""The short way to an operation that is asked often: its body straight from JSON, its answer straight to it.

FastAPI works out every parameter anew at each request. What is as it should be need not; whatever is not takes
FastAPI's own way, so that what is allowed, and how it is refused, is the same.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

_ATTRIBUTE: Final = "gxrisk_takes"
_JSON: Final = "application/json"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class OfVault(Protocol):
    """An operation on a vault with a body, and nothing else."""

    def __call__(self, request: Request, *, vault_id: str, body: Any) -> Awaitable[BaseModel]:
        """Do it."""


def takes(body: type[BaseModel]) -> Callable[[Endpoint], Endpoint]:
    """For operations of the form `(request, vault_id, body) -> BaseModel`, which answer with 200."""

    def over(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ATTRIBUTE, body)
        return endpoint

    return over


def direct(endpoint: OfVault | Callable[..., Any], inner: Handler) -> Handler:
    """The short way, where one was declared, before `inner`, FastAPI's."""
    model: type[BaseModel] | None = getattr(endpoint, _ATTRIBUTE, None)
    if model is None:
        return inner

    async def handle(request: Request) -> Response:
        if request.headers.get("content-type") != _JSON:
            return await inner(request)
        try:
            body = model.model_validate_json(await request.body())
        except ValidationError:
            return await inner(request)
        answer = await endpoint(request, vault_id=request.path_params["vault_id"], body=body)
        return Response(answer.model_dump_json(), media_type=_JSON)

    return handle
