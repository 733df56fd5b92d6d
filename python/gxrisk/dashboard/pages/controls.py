"""The controls over all vaults of a key: the kill switch."""

from nicegui import Client

from gxrisk.dashboard.addresses import vault_at
from gxrisk.dashboard.fleet import word
from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import panel, words_in
from gxrisk.dashboard.panels.doing import Act, Confirmed, Outcome, button
from gxrisk.dashboard.sessions import Person
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.dashboard.words import marked

WORD = "KILL ALL"


async def page(client: Client, person: Person) -> None:
    """Build it."""
    frame = Frame(person, "Controls", "Controls")
    if not person.operates:
        with frame.main:
            words_in("p", "This key looks and does not act: controls are for the scopes operate and own.", "gx-empty")
        return
    with frame.main:
        shown = Controls(person)
    await frame.follow(client, shown.refresh)


class Controls:
    """The switch, and the way to each vault's own controls."""

    def __init__(self, person: Person) -> None:
        self._person = person
        if person.key.scope == "operate":
            with panel("Stop everything"):
                words_in("p", "Halts every vault that this key is for and cancels all orders. Only owners undo that.")
                outcome = Outcome()
                sure = Confirmed("Kill all", "Every vault of this key is halted at once.", WORD, self._kill, outcome)
                button("Kill all …", _opened(sure), "gx-danger")
        with panel("Vaults"):
            self._table = Table("Vaults", (Column("Vault"), Column("State")), empty="No vault.")

    async def refresh(self) -> None:
        """Read and show."""
        lines = await self._person.api.fleet()
        self._table.show(
            [
                (one.vault_id, [Cell(one.vault_id, vault_at(one.vault_id, "controls")), marked(word(one))])
                for one in lines
            ]
        )

    def _kill(self, reason: str) -> Act:
        async def act() -> str:
            killed = await self._person.api.kill_all(reason)
            self._person.live.hurry()
            return f"{len(killed.vault_ids)} vaults were killed."

        return act


def _opened(sure: Confirmed) -> Act:
    async def act() -> str:
        sure.open()
        return ""

    return act
