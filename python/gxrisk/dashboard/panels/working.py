"""A vault's orders at the venue."""

from gxrisk.dashboard.markup import panel
from gxrisk.dashboard.table import Column, Table
from gxrisk.dashboard.words import number
from gxrisk.server.routes.positions import Holdings

_COLUMNS = (
    Column("Order"),
    Column("Asset"),
    Column("Side"),
    Column("Quantity", is_number=True),
    Column("Remaining", is_number=True),
    Column("Price", is_number=True),
    Column("Status"),
)


class Working:
    """Approved orders that are not finished."""

    def __init__(self) -> None:
        with panel("Working orders", "gx-across"):
            self._table = Table("Working orders", _COLUMNS, empty="No order works.")

    def show(self, held: Holdings) -> None:
        """These."""
        self._table.show(
            [
                (
                    one.order_id,
                    [
                        one.order_id,
                        one.asset,
                        f"{one.side}{' (reduce only)' if one.reduce_only else ''}",
                        number(one.quantity),
                        number(one.remaining),
                        "market" if one.price is None else number(one.price),
                        f"{one.status}{', to be cancelled' if one.cancel_requested else ''}",
                    ],
                )
                for one in held.working
            ]
        )
