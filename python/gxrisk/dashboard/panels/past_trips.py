"""The trips of the last thirty days, newest first."""

from gxrisk.dashboard.figures import measured, sentence
from gxrisk.dashboard.markup import panel
from gxrisk.dashboard.table import Cell, Column, Row, Table
from gxrisk.dashboard.trips import Trip, joined
from gxrisk.dashboard.words import moment, words
from gxrisk.server.routes.equity import EquityCurve

_SHOWN = 30
_COLUMNS = (
    Column("Breaker"),
    Column("Tripped (UTC)"),
    Column("Ended (UTC)"),
    Column("Times", is_number=True),
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
        self._table.show([_row(one) for one in reversed(joined(curve.trips)[-_SHOWN:])])


def _row(one: Trip) -> Row:
    end = Cell("■ lasts", tone="bad") if one.end is None else moment(one.end)
    cells = [
        words(one.breaker),
        moment(one.start),
        end,
        f"{one.times:,}",
        *measured(one.breaker, one.limit, one.observed),
    ]
    return f"{one.breaker} {one.start}", [*cells, Cell(sentence(one.cause), tone="words")]
