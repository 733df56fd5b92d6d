"""All that the dashboard knows and does: calls of the server's API with one person's key.

`gxrisk.AsyncClient` is an agent's, of one vault's orders, and `gxrisk.Operator` blocks, which no page may while others
are open; and here every answer is checked against the server's own shapes, so that this asks with httpx itself.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from gxrisk._native import GxriskError
from gxrisk.dashboard.words import time_of
from gxrisk.server.fleet_lines import FleetLine, FleetShown
from gxrisk.server.routes.alerts import AlertList, AlertShown
from gxrisk.server.routes.audit import HeadShown, RecordShown, Verified
from gxrisk.server.routes.breakers import Breakers
from gxrisk.server.routes.decision import DecisionDetail
from gxrisk.server.routes.equity import EquityCurve
from gxrisk.server.routes.graduation import GraduationShown
from gxrisk.server.routes.guards import GuardsShown
from gxrisk.server.routes.headroom import Headroom
from gxrisk.server.routes.history import DecisionRow, PageOf
from gxrisk.server.routes.key import KeyShown
from gxrisk.server.routes.kill import Killed
from gxrisk.server.routes.limits import LimitsShown
from gxrisk.server.routes.positions import Holdings
from gxrisk.server.routes.reactivation import ReactivationToSign
from gxrisk.server.routes.reports import Weeks
from gxrisk.server.routes.stress import StressTable
from gxrisk.server.routes.vaults import VaultShown
from gxrisk.server.routes.withdrawal_preview import PreviewShown
from gxrisk.server.routes.withdrawals import WithdrawalShown

WITHIN_S: Final = 15.0
CONNECTIONS: Final = 16
_ALERT_PAGES_MAX: Final = 10
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

    async def vault(self, vault_id: str) -> VaultShown:
        """A vault now."""
        return await self._get(VaultShown, _of(vault_id))

    async def fleet(self) -> list[FleetLine]:
        """Every vault in a line."""
        lines: list[FleetLine] = []
        cursor: str | None = None
        while True:
            page = await self._get(FleetShown, "/v1/fleet", **({} if cursor is None else {"cursor": cursor}))
            lines += page.vaults
            cursor = page.next_cursor
            if cursor is None:
                return lines

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

    async def decision(self, vault_id: str, sequence: int) -> DecisionDetail:
        """One decision, with what every rule said."""
        return await self._get(DecisionDetail, f"{_of(vault_id)}/decisions/{sequence}")

    async def equity(self, vault_id: str, samples: str) -> EquityCurve:
        """The equity curve with the breakers' trips: `hourly` samples, or at `decisions` too."""
        return await self._get(EquityCurve, f"{_of(vault_id)}/equity", samples=samples)

    async def guards(self, vault_id: str) -> GuardsShown:
        """The model's health and the prices' quality."""
        return await self._get(GuardsShown, f"{_of(vault_id)}/guards")

    async def graduation(self, vault_id: str) -> GraduationShown:
        """How far it is on the way to real money."""
        return await self._get(GraduationShown, f"{_of(vault_id)}/graduation")

    async def stress(self, vault_id: str) -> StressTable:
        """What gaps in prices would leave."""
        return await self._get(StressTable, f"{_of(vault_id)}/stress")

    async def weeks(self, vault_id: str) -> Weeks:
        """The weeks of which there is a report."""
        return await self._get(Weeks, f"{_of(vault_id)}/reports")

    async def head(self, vault_id: str) -> HeadShown:
        """Where the journal's chain ends."""
        return await self._get(HeadShown, f"{_of(vault_id)}/audit/head")

    async def verify(self, vault_id: str) -> Verified:
        """Have the whole chain verified, however long it takes: what is asked again goes on."""
        while True:
            try:
                return await self._get(Verified, f"{_of(vault_id)}/audit/verify")
            except ApiError as error:
                if error.code != "timeout":
                    raise

    async def record(self, vault_id: str, sequence: int) -> RecordShown:
        """One record of the journal."""
        return await self._get(RecordShown, f"{_of(vault_id)}/audit/records/{sequence}")

    async def alerts(self, state: str) -> AlertList:
        """The newest alerts: `open` ones or `all`."""
        return await self._get(AlertList, "/v1/alerts", state=state)

    async def alerts_since(self, vault_id: str, since: datetime) -> list[AlertShown]:
        """A vault's alerts that began since then, newest first; those of the newest 2,000."""
        found: list[AlertShown] = []
        cursor: str | None = None
        for _ in range(_ALERT_PAGES_MAX):
            query = {"state": "all", "vault_id": vault_id} | ({} if cursor is None else {"cursor": cursor})
            page = await self._get(AlertList, "/v1/alerts", **query)
            recent = [one for one in page.alerts if (at := time_of(one.opened)) is not None and at >= since]
            found += recent
            cursor = page.next_cursor
            if cursor is None or len(recent) < len(page.alerts):
                break
        return found

    async def acknowledge(self, alert: int) -> AlertShown:
        """Look after an alert."""
        return await self._post(AlertShown, f"/v1/alerts/{alert}/ack")

    async def resolve(self, alert: int) -> AlertShown:
        """Say that an alert is over."""
        return await self._post(AlertShown, f"/v1/alerts/{alert}/resolve")

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

    async def reactivation(self, vault_id: str, *, rebase: bool) -> ReactivationToSign:
        """What ends the kill or the drawdown in force."""
        return await self._get(ReactivationToSign, f"{_of(vault_id)}/reactivation", rebase=rebase)

    async def reactivate(self, vault_id: str, *, rebase: bool, signed: str | None) -> VaultShown:
        """End a kill or a drawdown; `signed` is the owner's, for a vault with an owner's key."""
        body = {"rebase": rebase} | ({} if signed is None else {"request": signed})
        return await self._post(VaultShown, f"{_of(vault_id)}/reactivate", body)

    async def change_tier(self, vault_id: str, tier: str) -> VaultShown:
        """Take another tier's limits."""
        return await self._post(VaultShown, f"{_of(vault_id)}/tier", {"tier": tier})

    async def preview(self, vault_id: str, amount: str) -> PreviewShown:
        """What withdrawing so much would do."""
        return await self._get(PreviewShown, f"{_of(vault_id)}/withdrawals/preview", amount=amount)

    async def withdraw(self, vault_id: str, signed: str) -> WithdrawalShown:
        """Hand in what the owner signed."""
        return await self._post(WithdrawalShown, f"{_of(vault_id)}/withdrawals", {"request": signed})

    async def download(
        self, vault_id: str, path: tuple[str, ...], accept: str
    ) -> tuple[Mapping[str, str], AsyncIterator[bytes]]:
        """The headers of a file under the vault's address, and its bytes as they come, to be read to the end."""
        address = "/".join((_of(vault_id), *(quote(part, safe="") for part in path)))
        asked = self._client.build_request("GET", address, headers={"Accept": accept})
        try:
            response = await self._client.send(asked, stream=True)
            if response.is_error:
                await response.aread()
                raise _refused(response)
        except httpx.HTTPError as error:
            raise _unreachable(error) from None
        return response.headers, _pieces(response)

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


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in response.aiter_bytes():
            yield piece
    finally:
        await response.aclose()


def _refused(response: httpx.Response) -> ApiError:
    try:
        problem = response.json()
        return ApiError(response.status_code, str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return ApiError(response.status_code, "not_understood", f"the server answered {response.status_code}")


def _unreachable(error: httpx.HTTPError) -> ApiError:
    return ApiError(0, "no_connection", f"the server does not answer ({type(error).__name__})")
