"""Alerts: what is or was wrong, and who looks after it."""

from typing import Final

from nicegui import Client, ui

from gxrisk.dashboard.addresses import vault_at
from gxrisk.dashboard.figures import sentence
from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import box, panel, words_in
from gxrisk.dashboard.panels.doing import Outcome, button
from gxrisk.dashboard.sessions import Person
from gxrisk.dashboard.table import Cell, Column, Row, Table
from gxrisk.dashboard.words import NOTHING, SEVERITIES, moment, time_of, words
from gxrisk.server.routes.alerts import AlertShown

FLEET: Final = "*"
_TONES: Final = {"info": "quiet", "warning": "warn", "critical": "bad"}
_COLUMNS: Final = (
    Column("No.", is_number=True),
    Column("Severity"),
    Column("Vault"),
    Column("What"),
    Column("Text"),
    Column("Last (UTC)"),
    Column("Count", is_number=True, wide=True),
    Column("State"),
)


async def page(client: Client, person: Person) -> None:
    """Build it."""
    frame = Frame(person, "Alerts", "Alerts")
    with frame.main:
        shown = Alerts(person)
    await frame.follow(client, shown.refresh)


class Alerts:
    """The list, and for those who act what to do with one."""

    def __init__(self, person: Person) -> None:
        self._person = person
        with box("div", "gx-filters"):
            self._all = ui.switch("Those that are over too", on_change=person.live.hurry)
        if person.operates:
            with panel("Look after one"):
                outcome = Outcome()
                self._chosen = ui.select({}, label="Alert").props("dense outlined options-dense").classes("gx-choice")
                with box("div", "gx-actions"):
                    button("Acknowledge", lambda: outcome.of(self._acknowledge))
                    button("Resolve", lambda: outcome.of(self._resolve))
        with panel("Alerts"):
            self._table = Table("Alerts", _COLUMNS, empty="Nothing is wrong.", is_whole=True)
            self._more = words_in("p", "", "gx-note")

    async def refresh(self) -> None:
        """Read and show."""
        found = await self._person.api.alerts("all" if self._all.value else "open")
        self._table.show([_row(one) for one in found.alerts])
        self._more.text = "" if found.next_cursor is None else "The newest 200 are shown."
        if self._person.operates:
            names = {one.id: f"{one.id}: {one.vault_id} {words(one.code)}" for one in found.alerts if one.is_open}
            if names != self._chosen.options:
                self._chosen.set_options(names, value=self._chosen.value if self._chosen.value in names else None)

    async def _acknowledge(self) -> str:
        if self._chosen.value is None:
            return "Choose an alert first."
        one = await self._person.api.acknowledge(int(self._chosen.value))
        self._person.live.hurry()
        return f"Alert {one.id} is looked after by {one.acknowledged_by}."

    async def _resolve(self) -> str:
        if self._chosen.value is None:
            return "Choose an alert first."
        one = await self._person.api.resolve(int(self._chosen.value))
        self._person.live.hurry()
        return f"Alert {one.id} is over."


def _row(one: AlertShown) -> Row:
    vault = Cell("all vaults") if one.vault_id == FLEET else Cell(one.vault_id, vault_at(one.vault_id))
    return (
        str(one.id),
        [
            str(one.id),
            Cell(SEVERITIES[one.severity], tone=_TONES[one.severity]),
            vault,
            words(one.code),
            Cell(sentence(one.text), tone="said"),
            moment(time_of(one.last)),
            f"{one.count:,}",
            _state(one),
        ],
    )


def _state(one: AlertShown) -> str:
    if not one.is_open:
        return f"over{f' ({one.resolved_by})' if one.resolved_by else ''}"
    if one.acknowledged_by is not None:
        return f"looked after by {one.acknowledged_by}"
    return "waits for somebody" if one.is_waiting else NOTHING
