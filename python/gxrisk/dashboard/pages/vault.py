"""A vault: how it stands, what it holds, what was decided, what restricts it."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from nicegui import Client

from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import box
from gxrisk.dashboard.pages.around import around
from gxrisk.dashboard.panels.decisions import SHOWN, Decisions
from gxrisk.dashboard.panels.equity import Equity
from gxrisk.dashboard.panels.graduation import Progress
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
            self._model = Model()
            self._trips = PastTrips()
            self._progress = Progress()
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
        asset = self._room.asset
        self._room.show(None if asset is None else await api.headroom(vault_id, asset, self._room.side))

    async def _refresh_slowly(self, decided: Sequence[DecisionRow], least: Decimal, is_live: bool) -> None:
        api, vault_id = self._api, self._vault_id
        guards, weeks = await asyncio.gather(api.guards(vault_id), api.weeks(vault_id))
        self._model.show(guards, decided, least)
        self._papers.show(weeks)
        self._progress.show(None if is_live else await api.graduation(vault_id))
