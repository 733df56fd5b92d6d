"""Reactivating a vault: with a new base or not, and signed by its owner where it has an owner's key."""

from datetime import datetime, timedelta
from shlex import quote
from typing import Final

from nicegui import ui

from gxrisk.dashboard.api import ApiError
from gxrisk.dashboard.markup import panel, words_in
from gxrisk.dashboard.panels.doing import Outcome, button
from gxrisk.dashboard.sessions import Person
from gxrisk.dashboard.words import marked
from gxrisk.server.routes.reactivation import ReactivationToSign

_RENEWED: Final = timedelta(minutes=30)  # a command is good for an hour: long before that it is another one


class Reactivating:
    """What has to be signed, where something has to be, and the button. No signature is made here."""

    def __init__(self, person: Person, vault_id: str, outcome: Outcome) -> None:
        self._person = person
        self._vault_id = vault_id
        self._told: ReactivationToSign | None = None
        with panel("Reactivate"):
            words_in("p", "Ends a kill, or the drawdown breaker; after a drawdown with a new base.")
            self._rebase = ui.checkbox("Measure the drawdown from today's equity on", on_change=person.live.hurry)
            self._said = words_in("p", "", "gx-note")
            self._command = words_in("code", "", "gx-command")
            self._signed = ui.textarea("What the command printed")
            self._signed.props("outlined dense autogrow spellcheck=false")
            self._button = button("Reactivate", lambda: outcome.of(self._reactivate))
        self._show(None)

    async def refresh(self) -> None:
        """Read what stops the vault, and what would have to be signed to end it."""
        try:
            told = await self._person.api.reactivation(self._vault_id, rebase=bool(self._rebase.value))
        except ApiError as error:
            if error.code != "not_stopped":
                raise
            self._show(None)
        else:
            self._show(told)

    def _show(self, told: ReactivationToSign | None) -> None:
        is_signed = told is not None and told.owner_key is not None
        self._command.visible = self._signed.visible = is_signed
        self._said.text = (
            "Nothing is stopped."
            if told is None
            else "Sign where the master key is kept:"
            if is_signed
            else "This vault has no owner's key: an owner's API key is enough."
        )
        if told is not None and is_signed and not self._is_still(told):
            parts = ["gxrisk", "reactivate", "sign", "owner.key", "--vault", self._vault_id]
            parts += ["--ends", str(told.ends), "--expires", told.expires, *(["--rebase"] if told.rebase else [])]
            self._command.text = " ".join(quote(part) for part in parts)
            self._told = told

    def _is_still(self, told: ReactivationToSign) -> bool:
        """Whether the command that is shown still says the same, and for a while: it is not changed under a hand."""
        shown = self._told
        if shown is None or (shown.ends, shown.rebase) != (told.ends, told.rebase):
            return False
        return datetime.fromisoformat(told.expires) - datetime.fromisoformat(shown.expires) < _RENEWED

    async def _reactivate(self) -> str:
        signed = str(self._signed.value or "").strip() if self._signed.visible else ""
        now = await self._person.api.reactivate(self._vault_id, rebase=bool(self._rebase.value), signed=signed or None)
        self._signed.value = ""
        self._person.live.hurry()
        return f"{now.vault_id} was reactivated: it is {marked(now.state)} now."
