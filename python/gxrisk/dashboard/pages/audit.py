"""A vault's audit log: where the chain ends, whether it holds, and its records, newest first."""

import asyncio
from typing import Any, Final

from nicegui import Client

from gxrisk.dashboard.addresses import decision_at
from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import box, panel, words_in
from gxrisk.dashboard.pages.around import around
from gxrisk.dashboard.panels.doing import button
from gxrisk.dashboard.panels.verifying import Verifying
from gxrisk.dashboard.sessions import Person
from gxrisk.dashboard.table import Cell, Column, Row, Table
from gxrisk.dashboard.words import moment, time_of, words
from gxrisk.server.routes.audit import RecordShown

SHOWN: Final = 25
_PLACE: Final = frozenset({"sequence", "time", "time_ns", "kind", "epoch", "hash", "signature", "evidence"})
_CHARS_MAX: Final = 240
_COLUMNS: Final = (
    Column("Record", is_number=True),
    Column("Time (UTC)"),
    Column("Kind"),
    Column("What it holds"),
    Column("Hash", wide=True),
)


async def page(client: Client, person: Person, vault_id: str) -> None:
    """Build it."""
    frame = Frame(person, vault_id, "")
    with frame.main:
        around(person, vault_id, "Audit")
        shown = Audit(person, vault_id)
    await frame.follow(client, shown.refresh)


class Audit:
    """The end of the chain and a page of records before it; a record that was read does not change."""

    def __init__(self, person: Person, vault_id: str) -> None:
        self._person = person
        self._vault_id = vault_id
        self._count = SHOWN
        self._records: dict[int, RecordShown] = {}
        with box("div", "gx-columns"):
            self._end = Verifying(person.api, vault_id)
            with panel("Records", "gx-across"):
                self._table = Table("Records", _COLUMNS, empty="No record yet.", is_whole=True)
                self._older = button("Older records", self._show_more)
            words_in("p", "What is in the journal is what happened: everything else is derived from it.", "gx-note")

    async def refresh(self) -> None:
        """Read the end of the chain and what is new before it."""
        api = self._person.api
        head = await api.head(self._vault_id)
        wanted = range(head.sequence, max(0, head.sequence - self._count), -1)
        missing = [one for one in wanted if one not in self._records]
        for record in await asyncio.gather(*(api.record(self._vault_id, one) for one in missing)):
            self._records[record.sequence] = record
        self._end.show(head.sequence, None, head.hash)
        self._table.show([self._row(self._records[one]) for one in wanted])
        self._older.visible = wanted.stop > 0

    async def _show_more(self) -> None:
        self._count += SHOWN
        self._person.live.hurry()

    def _row(self, one: RecordShown) -> Row:
        kind = str(one.record["kind"])
        is_decision = kind in ("decision", "hold")
        where = decision_at(self._vault_id, one.sequence) if is_decision else None
        return (
            str(one.sequence),
            [
                Cell(f"{one.sequence:,}", where),
                moment(time_of(str(one.record["time"]))),
                words(kind),
                Cell(_said(one.record), tone="said"),
                Cell(f"{one.hash[:12]}…", tone="hash"),
            ],
        )


def _said(record: dict[str, Any]) -> str:
    """What a record holds, in a line."""
    text = ", ".join(_flat(name, value) for name, value in record.items() if name not in _PLACE and value is not None)
    return text if len(text) <= _CHARS_MAX else f"{text[:_CHARS_MAX]}…"


def _flat(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(_flat(inner, one) for inner, one in value.items() if one is not None)
    if isinstance(value, list):
        return f"{words(name)} {len(value)}" if value else f"no {words(name)}"
    if isinstance(value, bool):
        return f"{'' if value else 'not '}{words(name)}"
    return f"{words(name)} {' '.join(str(value).split())}"
