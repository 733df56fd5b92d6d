"""The controls of one vault. Each is one call of the API, which decides whether the key may."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import Client, ui

from gxrisk._native import TIERS
from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import box, panel, words_in
from gxrisk.dashboard.pages.around import around
from gxrisk.dashboard.panels.doing import Act, Confirmed, Outcome, button
from gxrisk.dashboard.panels.payout import Payout
from gxrisk.dashboard.panels.reactivating import Reactivating
from gxrisk.dashboard.panels.standing import Standing
from gxrisk.dashboard.sessions import Person
from gxrisk.dashboard.words import marked
from gxrisk.server.routes.vaults import VaultShown


async def page(client: Client, person: Person, vault_id: str) -> None:
    """Build it."""
    frame = Frame(person, vault_id, "")
    with frame.main:
        around(person, vault_id, "Controls")
        if not person.operates:
            words_in("p", "This key looks and does not act: controls are for the scopes operate and own.", "gx-empty")
            return
        shown = VaultControls(person, vault_id)
    await frame.follow(client, shown.refresh)


class VaultControls:
    """Buttons, and what came of the last one."""

    def __init__(self, person: Person, vault_id: str) -> None:
        self._person = person
        self._vault_id = vault_id
        self._standing = Standing()
        self._outcome = Outcome()
        self._tier: ui.select | None = None
        self._reactivating: Reactivating | None = None
        with box("div", "gx-columns"):
            self._stopping()
            if person.owns:
                self._owning()
                self._reactivating = Reactivating(person, vault_id, self._outcome)
                Payout(person, vault_id, self._outcome)

    async def refresh(self) -> None:
        """Read and show how the vault stands."""
        api = self._person.api
        now = await api.vault(self._vault_id)
        self._standing.show(now, await api.limits(self._vault_id))
        if self._tier is not None and self._tier.value is None:
            self._tier.value = now.tier  # until another one is chosen
        if self._reactivating is not None:
            await self._reactivating.refresh()

    def _stopping(self) -> None:
        api, vault_id = self._person.api, self._vault_id
        with panel("Stop and go on"):
            words_in("p", "A pause halts the agent; stops and the owner's exits still work. Resume ends the pause.")
            with box("div", "gx-actions"):
                button("Pause", self._done(lambda: api.pause(vault_id), "paused"))
                button("Resume", self._done(lambda: api.resume(vault_id), "resumed"))
            words_in("p", "A kill halts the vault and cancels every order. Only its owner undoes it.")
            sure = Confirmed("Kill", f"{vault_id} is halted at once.", vault_id, self._kill, self._outcome)

            async def asked() -> None:
                sure.open()

            with box("div", "gx-actions"):
                button("Kill …", asked, "gx-danger")

    def _owning(self) -> None:
        api, vault_id = self._person.api, self._vault_id
        with panel("Tier"):
            words_in("p", "Another tier takes effect while the vault is flat and nothing works.")
            tier = self._tier = ui.select(list(TIERS), label="Tier").props("dense outlined options-dense")
            with box("div", "gx-actions"):
                button("Change tier", self._done(lambda: api.change_tier(vault_id, str(tier.value)), "changed"))

    def _kill(self, reason: str) -> Act:
        async def act() -> str:
            return self._said(await self._person.api.kill(self._vault_id, reason), "killed")

        return act

    def _done(self, call: Callable[[], Awaitable[VaultShown]], word: str) -> Callable[[], Awaitable[Any]]:
        async def act() -> str:
            return self._said(await call(), word)

        return lambda: self._outcome.of(act)

    def _said(self, now: VaultShown, word: str) -> str:
        self._person.live.hurry()
        return f"{now.vault_id} was {word}: it is {marked(now.state)}{', paused' if now.is_paused else ''} now."
