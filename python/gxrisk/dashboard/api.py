"""All that the dashboard knows and does: calls of the server's API with one person's key. No page calls anything else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from gxrisk._native import GxriskError
from gxrisk.dashboard.fleet import FleetLine, LastDecision, TripLine
from gxrisk.server.routes.breakers import Breakers
from gxrisk.server.routes.headroom import Headroom
from gxrisk.server.routes.history import DecisionRow, PageOf, TradeRow
from gxrisk.server.routes.key import KeyShown
from gxrisk.server.routes.kill import Killed
from gxrisk.server.routes.limits import LimitsShown
from gxrisk.server.routes.positions import Holdings
from gxrisk.server.routes.vaults import VaultLine, VaultList, VaultShown
from gxrisk.server.routes.withdrawals import WithdrawalShown

WITHIN_S: Final = 15.0
CONNECTIONS: Final = 16
_Shown = TypeVar("_Shown", bound=BaseModel)


class ApiError(GxriskError):
    """What the server said instead of an answer; `code` is a word for programs, `status` 0 where nothing answered."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code

    @property
    def is_connection(self) -> bool:
        """Whether the server could not be reached, or could not answer now."""
        return self.status == 0 or self.status in (429, 502, 503, 504)

    @property
    def is_key(self) -> bool:
        """Whether the key is not good, or not good any more."""
        return self.status == 401


class Api:
    """The server at `url` as the holder of `key` may use it. Every method raises `ApiError`."""

    def __init__(self, url: str, key: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=WITHIN_S, limits=limits, transport=transport, trust_env=False
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def key(self) -> KeyShown:
        """Whose key this is."""
        return await self._get(KeyShown, "/v1/key")

    async def vaults(self) -> VaultList:
        """The vaults that the key is for."""
        return await self._get(VaultList, "/v1/vaults")

    async def vault(self, vault_id: str) -> VaultShown:
        """A vault now."""
        return await self._get(VaultShown, _of(vault_id))

    async def fleet(self) -> list[FleetLine]:
        """Every vault in a line."""
        return list(await asyncio.gather(*(self._line(one) for one in (await self.vaults()).vaults)))

    async def limits(self, vault_id: str) -> LimitsShown:
        """A vault's limits."""
        return await self._get(LimitsShown, f"{_of(vault_id)}/limits")

    async def breakers(self, vault_id: str) -> Breakers:
        """The breakers that are tripped."""
        return await self._get(Breakers, f"{_of(vault_id)}/breakers")

    async def holdings(self, vault_id: str) -> Holdings:
        """Positions and working orders."""
        return await self._get(Holdings, f"{_of(vault_id)}/positions")

    async def headroom(self, vault_id: str, asset: str, side: str) -> Headroom:
        """What each rule leaves room for."""
        return await self._get(Headroom, f"{_of(vault_id)}/headroom", asset=asset, side=side)

    async def decisions(self, vault_id: str, limit: int) -> PageOf[DecisionRow]:
        """The newest decisions."""
        return await self._get(PageOf[DecisionRow], f"{_of(vault_id)}/decisions", limit=limit)

    async def trades(self, vault_id: str, limit: int) -> PageOf[TradeRow]:
        """The newest round trips."""
        return await self._get(PageOf[TradeRow], f"{_of(vault_id)}/trades", limit=limit)

    async def pause(self, vault_id: str) -> VaultShown:
        """Halt the agent."""
        return await self._post(VaultShown, f"{_of(vault_id)}/pause")

    async def resume(self, vault_id: str) -> VaultShown:
        """End the pause, and the breakers that end by it."""
        return await self._post(VaultShown, f"{_of(vault_id)}/resume")

    async def kill(self, vault_id: str, reason: str) -> VaultShown:
        """Halt a vault and cancel everything."""
        return await self._post(VaultShown, f"{_of(vault_id)}/kill", {"reason": reason})

    async def kill_all(self, reason: str) -> Killed:
        """The same for every vault of the key."""
        return await self._post(Killed, "/v1/kill", {"reason": reason})

    async def reactivate(self, vault_id: str, *, rebase: bool) -> VaultShown:
        """End a kill or a drawdown."""
        return await self._post(VaultShown, f"{_of(vault_id)}/reactivate", {"rebase": rebase})

    async def change_tier(self, vault_id: str, tier: str) -> VaultShown:
        """Take another tier's limits."""
        return await self._post(VaultShown, f"{_of(vault_id)}/tier", {"tier": tier})

    async def withdraw(self, vault_id: str, signed: str) -> WithdrawalShown:
        """Hand in what the owner signed."""
        return await self._post(WithdrawalShown, f"{_of(vault_id)}/withdrawals", {"request": signed})

    async def _line(self, known: VaultLine) -> FleetLine:
        if known.status != "running":
            return FleetLine(vault_id=known.vault_id, status=known.status)
        now, limits = await asyncio.gather(self.vault(known.vault_id), self.limits(known.vault_id))
        trips = () if now.state == "active" else (await self.breakers(known.vault_id)).trips
        newest = (await self.decisions(known.vault_id, 1)).rows
        return FleetLine(
            vault_id=known.vault_id,
            tier=now.tier,
            state=now.state,
            is_paused=now.is_paused,
            is_killed=now.is_killed,
            equity=now.equity,
            day_pnl=-now.day_loss,
            drawdown=now.drawdown,
            drawdown_limit=Decimal(str(limits.limits["max_drawdown"])),
            trades=now.daily_trades,
            trades_limit=int(str(limits.limits["max_daily_trades"])),
            trips=tuple(TripLine(one.breaker, time_of(one.until)) for one in trips),
            last=LastDecision(newest[0].outcome, newest[0].asset) if newest else None,
        )

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of the event stream of all vaults, from now on."""
        timeout = httpx.Timeout(WITHIN_S, read=None)
        try:
            async with self._client.stream("GET", "/v1/events", timeout=timeout) as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise _refused(response)
                yield response.aiter_lines()
        except httpx.HTTPError as error:
            raise _unreachable(error) from None

    async def _get(self, shape: type[_Shown], path: str, **query: Any) -> _Shown:
        return await self._answer(shape, "GET", path, params=query)

    async def _post(self, shape: type[_Shown], path: str, body: Mapping[str, Any] | None = None) -> _Shown:
        headers = {"Idempotency-Key": uuid4().hex}
        return await self._answer(shape, "POST", path, json=body, headers=headers)

    async def _answer(self, shape: type[_Shown], method: str, path: str, **more: Any) -> _Shown:
        try:
            response = await self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise _unreachable(error) from None
        if response.is_error:
            raise _refused(response)
        try:
            return shape.model_validate_json(response.content)
        except ValidationError:
            raise ApiError(
                502, "not_understood", f"{path}: the server's answer has another form than it should"
            ) from None


def _of(vault_id: str) -> str:
    return f"/v1/vaults/{quote(vault_id, safe='')}"


def time_of(text: str | None) -> datetime | None:
    """A time of the API.

    >>> time_of("2020-03-12T10:55:00Z")
    datetime.datetime(2020, 3, 12, 10, 55, tzinfo=datetime.timezone.utc)
    """
    return None if text is None else datetime.fromisoformat(text)


def _refused(response: httpx.Response) -> ApiError:
    try:
        problem = response.json()
        return ApiError(response.status_code, str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return ApiError(response.status_code, "not_understood", f"the server answered {response.status_code}")


def _unreachable(error: httpx.HTTPError) -> ApiError:
    return ApiError(0, "no_connection", f"the server does not answer ({type(error).__name__})")
