"""The breakers that restrict a vault now."""

from datetime import UTC, datetime

from gxrisk.dashboard.figures import measured, sentence
from gxrisk.dashboard.markup import panel
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.dashboard.words import moment, time_of, until, words
from gxrisk.server.routes.breakers import Breakers

_COLUMNS = (
    Column("Breaker"),
    Column("Since (UTC)"),
    Column("Ends"),
    Column("Limit", is_number=True),
    Column("Observed", is_number=True),
    Column("Cause"),
)


class Tripped:
    """Tripped breakers, with what ends them."""

    def __init__(self) -> None:
        self._panel = panel("Tripped breakers", "gx-across")
        with self._panel:
            self._table = Table("Tripped breakers", _COLUMNS, empty="None is tripped.")

    def show(self, breakers: Breakers) -> None:
        """These."""
        now = datetime.now(UTC)
        self._panel.classes(add="gx-alarm" if breakers.trips else "", remove="" if breakers.trips else "gx-alarm")
        self._table.show(
            [
                (
                    one.breaker,
                    [
                        Cell(f"■ {words(one.breaker)}", tone="bad"),
                        moment(time_of(one.since)),
                        until(one.breaker, time_of(one.until), now),
                        *measured(one.breaker, one.limit, one.observed),
                        Cell(sentence(one.cause), tone="words"),
                    ],
                )
                for one in breakers.trips
            ]
        )
