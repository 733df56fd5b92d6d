"""The fleet: every vault in one table, those in trouble first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from nicegui import Client, ui

from gxrisk.dashboard.fleet import drawdown_used, trades_used, troubles, word
from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import box, words_in
from gxrisk.dashboard.sessions import Person
from gxrisk.dashboard.words import NOTHING, QUALITY, marked, money, words
from gxrisk.server.fleet_lines import FleetLine

_STATES: Final = {
    "all": "All",
    "trouble": "In trouble",
    "halted": "Halted",
    "reduce_only": "Reduce only",
    "active": "Active",
}
_ROW_PX: Final = 30
_AROUND_PX: Final = 36  # the head, and the border
_NARROW: Final = "window.innerWidth < 700"


def _column(
    field: str, title: str, width: int, more: dict[str, Any], *, shown: str = "", wide: bool = False
) -> dict[str, Any]:
    """A column; names that begin with a colon are JavaScript of our own, never anything that was told to us."""
    column: dict[str, Any] = {"field": field, "headerName": title, "width": width, **more}
    if shown:
        column |= {":valueFormatter": f"p => gx.{shown}(p)", "type": "rightAligned", "filter": "agNumberColumnFilter"}
    if wide:
        column[":hide"] = _NARROW
    return column


_WRAPPED: Final = {":wrapText": _NARROW, ":autoHeight": _NARROW}
_BAR: Final = {":cellStyle": "p => gx.bar(p)"}
COLUMNS: Final = [
    _column("vault_id", "Vault", 96, {":cellRenderer": "p => gx.vault(p)", "pinned": "left"}),
    _column("state", "State", 124, {":valueFormatter": "p => gx.state(p)", ":cellRenderer": "p => gx.pill(p)"}),
    _column("why", "Why · time left", 240, {"tooltipField": "why", "flex": 1, "minWidth": 150, **_WRAPPED}),
    _column("equity", "Equity", 110, {}, shown="money"),
    _column("day_pnl", "P&L today", 104, {}, shown="gain"),
    _column("drawdown_used", "Drawdown / limit", 142, _BAR, shown="drawdown"),
    _column("trades_used", "Trades / limit", 114, _BAR, shown="trades", wide=True),
    _column("confidence", "Confidence", 98, {}, shown="fraction", wide=True),
    _column("quality", "Data quality", 106, {":cellClass": "p => gx.qualityClass(p)"}, wide=True),
    _column("last", "Last decision", 160, {"tooltipField": "last"}, wide=True),
    _column("tier", "Tier", 116, {":hide": "window.innerWidth < 1600"}),
    {"field": "trouble", "hide": True, "sort": "desc", "sortIndex": 0, ":comparator": "(a, b) => a - b"},
]


async def page(client: Client, person: Person) -> None:
    """Build it."""
    frame = Frame(person, "Fleet", "Fleet")
    with frame.main:
        shown = FleetTable(person)
    client.on_connect(shown.send_all)
    await frame.follow(client, shown.refresh)


class FleetTable:
    """The strip of sums and the table under it."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._sent: dict[str, dict[str, Any]] = {}
        self._lines: Sequence[FleetLine] = ()
        with box("dl", "gx-sums"):
            self._sums = {name: _sum(name) for name in ("Vaults", "In trouble", "Equity", "P&L today")}
        self._filters()
        self._grid = ui.aggrid(
            {
                "columnDefs": COLUMNS,
                "rowData": [],
                "defaultColDef": {"sortable": True, "filter": True, "resizable": True, "suppressMovable": True},
                ":getRowId": "p => p.data.vault_id",
                "rowHeight": _ROW_PX,
                "headerHeight": 34,
                "tooltipShowDelay": 400,
                "animateRows": False,
                "enableCellTextSelection": True,
                "overlayNoRowsTemplate": "No vault",
                "suppressScrollOnNewData": True,
                ":rowClassRules": "gx.rows",
                ":onCellKeyDown": "p => gx.open(p)",
                ":onGridReady": "p => gx.ready(p, 'Vaults')",
                ":isExternalFilterPresent": "() => gx.isFiltered()",
                ":doesExternalFilterPass": "node => gx.passes(node)",
            },
            auto_size_columns=False,
        ).classes("gx-grid")

    async def refresh(self) -> None:
        """Read all vaults and send what has changed."""
        self._lines = await self._person.api.fleet()
        self._show_sums()
        rows = {line.vault_id: _row(line) for line in self._lines}
        if len(rows) != len(self._sent):
            self._grid.style(f"--gx-rows-height: {_AROUND_PX + _ROW_PX * len(rows)}px")
        if not self._sent:
            self._grid.props["options"]["rowData"] = list(rows.values())  # in the page itself: it is there at once
        elif rows.keys() != self._sent.keys():
            self._grid.run_grid_method("setGridOption", "rowData", list(rows.values()))
        else:
            changed = [row for vault_id, row in rows.items() if row != self._sent[vault_id]]
            if changed:
                self._grid.run_grid_method("applyTransaction", {"update": changed})
                self._grid.run_grid_method("refreshClientSideRowModel", "sort")
        self._sent = rows

    def send_all(self) -> None:
        """Send every row: a browser that was away missed some."""
        self._grid.run_grid_method("setGridOption", "rowData", list(self._sent.values()))

    def _filters(self) -> None:
        with box("div", "gx-filters"):
            words_in("label", "Find").props("for=gx-find")
            find = box("input", "gx-input").props('id=gx-find type=search placeholder="vault, state, cause"')
            find.on("input", js_handler="e => gx.find(e.target.value)")
            words_in("label", "Show").props("for=gx-show")
            with box("select", "gx-input").props("id=gx-show") as select:
                for value, name in _STATES.items():
                    words_in("option", name).props["value"] = value
            select.on("change", js_handler="e => gx.only(e.target.value)")

    def _show_sums(self) -> None:
        told = [word(line) for line in self._lines]
        halted = sum(one in ("halted", "killed", "failed") for one in told)
        troubled = halted + told.count("reduce_only") + told.count("exits_only")
        self._sums["Vaults"].text = f"{len(told):,}"
        self._sums["In trouble"].text = f"{troubled:,} of {len(told):,}" + (f" · {halted:,} halted" if halted else "")
        mark = "gx-bad" if halted else "gx-warn" if troubled else ""
        self._sums["In trouble"].classes(remove="gx-bad gx-warn", add=mark)
        running = [line.standing for line in self._lines if line.standing is not None]
        self._sums["Equity"].text = money(sum((one.equity for one in running), Decimal(0)))
        gains = sum((one.day_pnl for one in running), Decimal(0))
        self._sums["P&L today"].text = money(gains, signed=True)


def _sum(name: str) -> Any:
    with box("div"):
        words_in("dt", name)
        return words_in("dd", "–")


def _row(line: FleetLine) -> dict[str, Any]:
    """A line as the table takes it: numbers for sorting, text that is only ever shown as text."""
    rank, why = troubles(line, datetime.now(UTC))
    row: dict[str, Any] = {"vault_id": line.vault_id, "state": word(line), "why": why, "trouble": rank}
    now = line.standing
    if now is None:
        return row
    if rank > 0:  # of those that are as bad, the one nearest to its drawdown limit comes first
        row["trouble"] = rank + min(_float(drawdown_used(now)) or 0.0, 0.99)
    last, quality = now.last_decision, now.data_quality
    return row | {
        "equity": float(now.equity),
        "day_pnl": float(now.day_pnl),
        "drawdown": float(now.drawdown),
        "drawdown_limit": float(now.drawdown_limit),
        "drawdown_used": _float(drawdown_used(now)),
        "trades": now.daily_trades,
        "trades_limit": now.daily_trades_limit,
        "trades_used": _float(trades_used(now)),
        "confidence": now.confidence,
        "quality": "suspended" if quality.suspended else QUALITY.get(quality.level or "", NOTHING),
        "last": "" if last is None else f"{marked(last.outcome)} {last.side or ''} {last.asset or ''}".rstrip(),
        "tier": words(now.tier),
    }


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
