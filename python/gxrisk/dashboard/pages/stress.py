"""What gaps in prices would leave of a vault."""

from nicegui import Client

from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import panel, words_in
from gxrisk.dashboard.pages.around import around
from gxrisk.dashboard.sessions import Person
from gxrisk.dashboard.table import Cell, Column, Row, Table
from gxrisk.dashboard.words import money, number, percent
from gxrisk.server.routes.stress import StressShown

_COLUMNS = (
    Column("What moves"),
    Column("By", is_number=True),
    Column("Loss", is_number=True),
    Column("Equity after", is_number=True),
    Column("Maintenance", is_number=True, wide=True),
    Column("Outcome"),
    Column("To be closed before it"),
)


async def page(client: Client, person: Person, vault_id: str) -> None:
    """Build it."""
    frame = Frame(person, vault_id, "")
    with frame.main:
        around(person, vault_id, "Stress")
        with panel("Gaps"):
            words_in(
                "p",
                "Each gap is met at once, so that no stop helps: down for what is long, up for what is short. "
                "All assets move together, and each alone. Amounts in the account's currency.",
                "gx-note",
            )
            table = Table("Gaps", _COLUMNS, empty="Nothing is held: no gap costs anything.", is_whole=True)

    async def refresh() -> None:
        found = await person.api.stress(vault_id)
        table.show([_row(one) for one in found.rows])

    await frame.follow(client, refresh)


def _row(one: StressShown) -> Row:
    closing = ", ".join(f"{number(each.quantity)} {each.asset} ({money(each.worth)})" for each in one.close_first)
    name = "all assets" if one.kind == "all" else one.name
    return (
        f"{one.kind} {one.name} {one.gap}",
        [
            name,
            percent(one.gap, signed=True, digits=0),
            money(one.loss),
            money(one.equity),
            money(one.maintenance),
            Cell("✓ survives", tone="good") if one.survives else Cell("✕ liquidated", tone="bad"),
            Cell(closing or "–", tone="words"),
        ],
    )
