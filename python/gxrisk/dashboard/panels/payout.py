"""A withdrawal: the owner signs it where the master key is, and hands in what was printed."""

from shlex import quote

from nicegui import ui

from gxrisk.dashboard.markup import box, panel, words_in
from gxrisk.dashboard.panels.doing import Outcome, button
from gxrisk.dashboard.sessions import Person
from gxrisk.server.routes.withdrawals import WithdrawalShown


class Payout:
    """The command to sign with, and a place for what it prints. No signature is made here."""

    def __init__(self, person: Person, vault_id: str, outcome: Outcome) -> None:
        self._person = person
        self._vault_id = vault_id
        with panel("Withdraw"):
            words_in("p", "Sign where the master key is kept; an API key alone moves no money:")
            amount = ui.input("Amount", on_change=self._say).props("outlined dense inputmode=decimal")
            destination = ui.input("Destination", on_change=self._say).props("outlined dense")
            self._amount, self._destination = amount, destination
            self._command = words_in("code", "", "gx-command")
            self._signed = ui.textarea("What the command printed").props("outlined dense autogrow spellcheck=false")
            with box("div", "gx-actions"):
                button("Hand in", lambda: outcome.of(self._hand_in), "gx-danger")
        self._say()

    def _say(self) -> None:
        amount = str(self._amount.value or "").strip() or "AMOUNT"
        destination = str(self._destination.value or "").strip() or "DESTINATION"
        parts = ("gxrisk", "withdraw", "sign", "owner.key", "--vault", self._vault_id)
        wanted = ("--amount", amount, "--destination", destination)
        self._command.text = " ".join(quote(part) for part in (*parts, *wanted))

    async def _hand_in(self) -> str:
        taken: WithdrawalShown = await self._person.api.withdraw(self._vault_id, str(self._signed.value or "").strip())
        self._signed.value = ""
        self._person.live.hurry()
        return (
            f"The withdrawal {taken.nonce} is {taken.stage}: it is paid to {taken.destination} when the vault is flat."
        )
