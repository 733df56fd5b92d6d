"""The short way: it leads to the operations that declare it, and to nothing else; the application has the rest."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from gxrisk.server.direct import Shortcut, takes
from pydantic import BaseModel


class _Asked(BaseModel):
    number: int


class _Answer(BaseModel):
    vault_id: str
    number: int


def _served() -> tuple[Shortcut, list[str]]:
    """An application with an operation on the short way and one beside it, and what reached the application itself."""
    router = APIRouter()

    @router.post("/vaults/{vault_id}/orders")
    @takes(_Asked)
    async def order(request: Request, vault_id: str, body: _Asked) -> _Answer:
        return _Answer(vault_id=vault_id, number=body.number)

    @router.post("/vaults/{vault_id}/pause")
    async def pause(vault_id: str) -> _Answer:
        return _Answer(vault_id=vault_id, number=0)

    app = FastAPI()
    app.include_router(router)
    reached: list[str] = []

    async def counted(scope, receive, send):  # type: ignore[no-untyped-def]
        reached.append(f"{scope['method']} {scope['path']}")
        await app(scope, receive, send)

    return Shortcut(counted, router.routes), reached


@pytest.mark.parametrize(
    ("method", "path", "is_short"),
    [
        ("POST", "/vaults/ann/orders", True),
        ("POST", "/vaults/a%20b/orders", True),
        ("GET", "/vaults/ann/orders", False),
        ("POST", "/vaults/ann/orders/", False),
        ("POST", "/vaults/ann/orders/more", False),
        ("POST", "/vaults//orders", False),
        ("POST", "/vaults/a%2Fb/orders", False),
        ("POST", "/v1/vaults/ann/orders", False),
        ("POST", "/vaults/ann/pause", False),
        ("GET", "/nowhere", False),
    ],
)
def test_it_leads_where_it_was_declared_and_nowhere_else(method: str, path: str, is_short: bool) -> None:
    short, reached = _served()
    answer = _asked(short, method, path, json={"number": 7} if method == "POST" else None)
    assert (not reached) is is_short
    if is_short:
        assert answer.status_code == 200
        assert answer.json() == {"vault_id": "ann" if "ann" in path else "a b", "number": 7}


def _asked(app: Shortcut, method: str, path: str, **request: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gate") as client:
            return await client.request(method, path, **request)

    return asyncio.run(asked())
