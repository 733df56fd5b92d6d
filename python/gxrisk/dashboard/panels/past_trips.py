"""The trips of the last thirty days, newest first."""

from gxrisk.dashboard.markup import panel
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.dashboard.words import figure, moment, time_of, words
from gxrisk.server.routes.equity import EquityCurve

_SHOWN = 30
_COLUMNS = (
    Column("Breaker"),
    Column("Tripped (UTC)"),
    Column("Ended (UTC)"),
    Column("Limit", is_number=True),
    Column("Observed", is_number=True),
    Column("Cause", wide=True),
)


class PastTrips:
    """Breakers' trips."""

    def __init__(self) -> None:
        with panel("Breaker history", "gx-across"):
            self._table = Table("Breaker history", _COLUMNS, empty="None has tripped in thirty days.")

    def show(self, curve: EquityCurve) -> None:
        """These."""
        trips = list(reversed(curve.trips))[:_SHOWN]
        self._table.show(
            [
                (
                    f"{one.breaker} {one.time}",
                    [
                        words(one.breaker),
                        moment(time_of(one.time)),
                        Cell("■ lasts", tone="bad") if one.ended is None else moment(time_of(one.ended)),
                        figure(one.limit),
                        figure(one.observed),
                        Cell(one.cause, tone="words"),
                    ],
                )
                for one in trips
            ]
        )
