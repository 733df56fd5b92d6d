"""A vault: how it stands, what it holds, what was decided, what restricts it."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from nicegui import Client

from gxrisk.dashboard.api import ApiError
from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import box
from gxrisk.dashboard.pages.around import around
from gxrisk.dashboard.panels.alert_pace import AlertPace
from gxrisk.dashboard.panels.decisions import SHOWN, Decisions
from gxrisk.dashboard.panels.equity import Equity
from gxrisk.dashboard.panels.graduation import Progress
from gxrisk.dashboard.panels.leaving import Leaving
from gxrisk.dashboard.panels.model import Model
from gxrisk.dashboard.panels.papers import Papers
from gxrisk.dashboard.panels.past_trips import PastTrips
from gxrisk.dashboard.panels.positions import Positions
from gxrisk.dashboard.panels.room import Room
from gxrisk.dashboard.panels.standing import Standing
from gxrisk.dashboard.panels.tripped import Tripped
from gxrisk.dashboard.panels.usage import Usage
from gxrisk.dashboard.panels.working import Working
from gxrisk.dashboard.sessions import Person
from gxrisk.server.routes.history import DecisionRow

SLOW_BEATS: Final = 5


async def page(client: Client, person: Person, vault_id: str) -> None:
    """Build it."""
    frame = Frame(person, vault_id, "")
    with frame.main:
        around(person, vault_id, "Overview")
        shown = VaultPage(person, vault_id)
    await frame.follow(client, shown.refresh)


class VaultPage:
    """Its panels. What changes slowly is read slowly."""

    def __init__(self, person: Person, vault_id: str) -> None:
        self._api = person.api
        self._live = person.live
        self._vault_id = vault_id
        self._beats = 0
        self._standing = Standing()
        with box("div", "gx-columns"):
            self._tripped = Tripped()
            self._equity = Equity()
            self._usage = Usage()
            self._room = Room(person.live.hurry)
            self._positions = Positions()
            self._working = Working()
            self._decisions = Decisions(vault_id)
            self._trips = PastTrips()
            self._model = Model()
            self._pace = AlertPace(self._hurry)
            self._leaving = Leaving(person, vault_id, person.live.hurry)
            self._progress = Progress(vault_id)
            self._papers = Papers(vault_id)

    async def refresh(self) -> None:
        """Read and show."""
        api, vault_id = self._api, self._vault_id
        now, limits, held, breakers, decided, curve = await asyncio.gather(
            api.vault(vault_id),
            api.limits(vault_id),
            api.holdings(vault_id),
            api.breakers(vault_id),
            api.decisions(vault_id, SHOWN),
            api.equity(vault_id, "decisions"),
        )
        allowed = limits.limits["assets"]
        traded = {one.asset for one in held.positions} | {one.asset for one in decided.rows if one.asset}
        self._room.offer(sorted({*traded, *(allowed if isinstance(allowed, list) else [])}))
        self._standing.show(now, limits)
        self._tripped.show(breakers)
        self._equity.show(curve, Decimal(str(limits.limits["max_drawdown"])))
        self._usage.show(now, held, limits)
        self._positions.show(held)
        self._working.show(held)
        self._decisions.show(decided.rows)
        self._trips.show(curve)
        if self._beats % SLOW_BEATS == 0:
            await self._refresh_slowly(decided.rows, Decimal(str(limits.limits["min_confidence"])), now.is_live)
        self._beats += 1
        await self._show_leaving(now.equity)
        asset = self._room.asset
        self._room.show(None if asset is None else await api.headroom(vault_id, asset, self._room.side))

    async def _refresh_slowly(self, decided: Sequence[DecisionRow], least: Decimal, is_live: bool) -> None:
        api, vault_id = self._api, self._vault_id
        guards, weeks, alerts = await asyncio.gather(
            api.guards(vault_id), api.weeks(vault_id), api.alerts_since(vault_id, self._pace.since)
        )
        self._pace.show(alerts)
        self._model.show(guards, decided, least)
        self._papers.show(weeks)
        self._progress.show(None if is_live else await api.graduation(vault_id))

    async def _show_leaving(self, equity: Decimal) -> None:
        amount = self._leaving.amount(equity)
        if amount is None:
            self._leaving.refuse("An amount above zero shows what withdrawing it would close, and what would remain.")
            return
        try:
            self._leaving.show(await self._api.preview(self._vault_id, amount))
        except ApiError as error:
            if error.is_connection or error.is_key:
                raise
            self._leaving.refuse(f"✕ {error}.")

    def _hurry(self) -> None:
        """Look at once, also at what is read slowly."""
        self._beats = 0
        self._live.hurry()
