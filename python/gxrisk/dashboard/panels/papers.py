"""What can be taken away: the history as CSV, and the weekly reports."""

from gxrisk.dashboard.addresses import vault_at
from gxrisk.dashboard.markup import box, link, panel, words_in
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.server.routes.reports import Weeks

LISTS = ("trades", "decisions", "fills", "equity", "flows", "trips")
_WEEKS_SHOWN = 12


class Papers:
    """Links; what they lead to is fetched with the person's own key."""

    def __init__(self, vault_id: str) -> None:
        self._vault_id = vault_id
        with panel("Export and reports"):
            words_in("p", "The whole history as CSV, safe to open in a spreadsheet:", "gx-note")
            with box("p", "gx-links"):
                for one in LISTS:
                    link(one, vault_at(vault_id, f"export/{one}.csv")).props["download"] = f"{vault_id}-{one}.csv"
            self._weeks = Table("Weekly reports", (Column("Weekly report"), Column("")), empty="No report yet.")

    def show(self, weeks: Weeks) -> None:
        """These reports."""
        self._weeks.show(
            [
                (
                    one.week,
                    [
                        Cell(one.week, vault_at(self._vault_id, f"reports/{one.week}")),
                        "whole" if one.is_over else "up to now",
                    ],
                )
                for one in weeks.weeks[:_WEEKS_SHOWN]
            ]
        )
