"""What a vault holds."""

from decimal import Decimal

from gxrisk.dashboard.markup import panel
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.dashboard.words import money, number, percent
from gxrisk.server.routes.positions import HeldShown, Holdings

_COLUMNS = (
    Column("Asset"),
    Column("Side"),
    Column("Quantity", is_number=True),
    Column("Entry", is_number=True),
    Column("Mark", is_number=True),
    Column("Unrealised", is_number=True),
    Column("Stop", is_number=True),
    Column("To stop", is_number=True),
    Column("Liquidation", is_number=True),
    Column("To liquidation", is_number=True),
)


class Positions:
    """Positions by asset."""

    def __init__(self) -> None:
        with panel("Positions", "gx-across"):
            self._table = Table("Positions", _COLUMNS, empty="No position: the vault is flat.")

    def show(self, held: Holdings) -> None:
        """These."""
        self._table.show([(one.asset, _cells(one)) for one in held.positions])


def _cells(one: HeldShown) -> list[Cell | str]:
    entry = abs(one.cost / one.quantity) if one.quantity else None
    return [
        one.asset,
        "long" if one.quantity > 0 else "short",
        number(abs(one.quantity)),
        number(None if entry is None else round(entry, 6)),
        number(one.mark),
        Cell(money(one.unrealised, signed=True), tone="bad" if one.unrealised < 0 else "good"),
        number(one.stop_loss),
        percent(_distance(one.mark, one.stop_loss), digits=2),
        "none" if one.liquidation is None else number(round(one.liquidation, 4)),  # no price above zero does it
        percent(_distance(one.mark, one.liquidation), digits=1),
    ]


def _distance(mark: Decimal | None, price: Decimal | None) -> Decimal | None:
    return None if not mark or price is None else abs(mark - price) / mark
