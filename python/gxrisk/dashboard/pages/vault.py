"""A vault: how it stands, what it holds, what was decided, what restricts it."""

import asyncio

from nicegui import Client

from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import box
from gxrisk.dashboard.pages.around import around
from gxrisk.dashboard.panels.decisions import SHOWN, Decisions
from gxrisk.dashboard.panels.positions import Positions
from gxrisk.dashboard.panels.room import Room
from gxrisk.dashboard.panels.standing import Standing
from gxrisk.dashboard.panels.tripped import Tripped
from gxrisk.dashboard.panels.usage import Usage
from gxrisk.dashboard.panels.working import Working
from gxrisk.dashboard.sessions import Person


async def page(client: Client, person: Person, vault_id: str) -> None:
    """Build it."""
    frame = Frame(person, vault_id, "")
    with frame.main:
        around(person, vault_id, "Overview")
        shown = VaultPage(person, vault_id)
    await frame.follow(client, shown.refresh)


class VaultPage:
    """Its panels."""

    def __init__(self, person: Person, vault_id: str) -> None:
        self._api = person.api
        self._vault_id = vault_id
        self._standing = Standing()
        with box("div", "gx-columns"):
            self._tripped = Tripped()
            self._usage = Usage()
            self._room = Room(person.live.hurry)
            self._positions = Positions()
            self._working = Working()
            self._decisions = Decisions(vault_id)

    async def refresh(self) -> None:
        """Read and show."""
        api, vault_id = self._api, self._vault_id
        now, limits, held, breakers, decided = await asyncio.gather(
            api.vault(vault_id),
            api.limits(vault_id),
            api.holdings(vault_id),
            api.breakers(vault_id),
            api.decisions(vault_id, SHOWN),
        )
        allowed = limits.limits["assets"]
        traded = {one.asset for one in held.positions} | {one.asset for one in decided.rows if one.asset}
        self._room.offer(sorted({*traded, *(allowed if isinstance(allowed, list) else [])}))
        asset = self._room.asset
        self._standing.show(now, limits)
        self._tripped.show(breakers)
        self._usage.show(now, held, limits)
        self._positions.show(held)
        self._working.show(held)
        self._decisions.show(decided.rows)
        self._room.show(None if asset is None else await api.headroom(vault_id, asset, self._room.side))
