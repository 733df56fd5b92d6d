"""An account's money and positions, exact to the eighteenth digit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Final

from gxrisk.venues.paper.exact import ZERO
from gxrisk.venues.protocol import Side

_COST_UNIT: Final = Decimal("1e-18")


@dataclass(slots=True)
class Position:
    """A signed quantity and its cost, the signed sum of quantity x price."""

    quantity: Decimal
    cost: Decimal


@dataclass(slots=True)
class Ledger:
    """`balance` is the money without unrealised profit; a flat position is not kept.

    A partial close takes its share of the cost, rounded against the trader; so at any time, exactly,
    balance - costs = deposits - withdrawals + sold - bought - fees + funding.

    >>> ledger = Ledger(Decimal(1000))
    >>> for side, quantity, price in (("buy", 2, 100), ("sell", 3, 110)):
    ...     ledger.fill("BTC", side, Decimal(quantity), Decimal(price), Decimal(1))
    >>> str(ledger.balance.normalize()), ledger.positions["BTC"].quantity
    ('1018', Decimal('-1'))
    """

    balance: Decimal = ZERO
    positions: dict[str, Position] = field(default_factory=dict)

    def quantity(self, asset: str) -> Decimal:
        """The signed position, 0 when flat."""
        position = self.positions.get(asset)
        return position.quantity if position else ZERO

    def fill(self, asset: str, side: Side, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        """Book an execution; through zero it closes the old position and opens the rest."""
        position = self.positions.setdefault(asset, Position(ZERO, ZERO))
        signed = quantity if side == "buy" else -quantity
        self.balance -= fee
        if position.quantity * signed < 0:
            closed = min(quantity, abs(position.quantity)).copy_sign(position.quantity)
            share = position.cost
            if closed != position.quantity:
                share = (position.cost * closed / position.quantity).quantize(_COST_UNIT, rounding=ROUND_CEILING)
            self.balance += closed * price - share
            position.quantity -= closed
            position.cost -= share
            signed += closed
        position.quantity += signed
        position.cost += signed * price
        if not position.quantity:
            del self.positions[asset]

    def equity(self, marks: Mapping[str, Decimal]) -> Decimal:
        """The balance and what the positions are worth over their cost; at cost where there is no mark."""
        gains = (one.quantity * marks[asset] - one.cost for asset, one in self.positions.items() if asset in marks)
        return self.balance + sum(gains, ZERO)

    def gross(self, marks: Mapping[str, Decimal]) -> Decimal:
        """The absolute worth of all positions; at cost where there is no mark."""
        return sum(
            (
                abs(one.quantity * marks[asset]) if asset in marks else abs(one.cost)
                for asset, one in self.positions.items()
            ),
            ZERO,
        )
