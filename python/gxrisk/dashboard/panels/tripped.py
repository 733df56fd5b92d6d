"""The breakers that restrict a vault now."""

from datetime import UTC, datetime

from gxrisk.dashboard.markup import panel
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.dashboard.words import figure, moment, time_of, until, words
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
        with panel("Tripped breakers", "gx-across"):
            self._table = Table("Tripped breakers", _COLUMNS, empty="None is tripped.")

    def show(self, breakers: Breakers) -> None:
        """These."""
        now = datetime.now(UTC)
        self._table.show(
            [
                (
                    one.breaker,
                    [
                        Cell(f"■ {words(one.breaker)}", tone="bad"),
                        moment(time_of(one.since)),
                        until(time_of(one.until), now),
                        figure(one.limit),
                        figure(one.observed),
                        Cell(one.cause, tone="words"),
                    ],
                )
                for one in breakers.trips
            ]
        )
