"""What a fill costs: slippage and taker fee, always against the trader."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, Literal

from gxrisk._native import GxriskError

Side = Literal["buy", "sell"]

UNIT: Final = Decimal("1e-9")
_BASIS: Final = Decimal(10_000)
_BP_MAX: Final = Decimal(1_000)


class ReplayError(GxriskError, ValueError):
    """A replay that cannot be run as asked."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Slippage and taker fee in basis points (0 to 1,000 each), the same for every vault and for the ungated run.

    >>> costs = Costs(slippage_bp=Decimal(5), fee_bp=Decimal(4))
    >>> costs.price("buy", Decimal(1000)), costs.price("sell", Decimal(1000))
    (Decimal('1000.500000000'), Decimal('999.500000000'))
    >>> costs.fee(Decimal(2), Decimal(1000))
    Decimal('0.800000000')
    """

    slippage_bp: Decimal = Decimal(5)
    fee_bp: Decimal = Decimal(4)

    def __post_init__(self) -> None:
        for name, value in (("slippage_bp", self.slippage_bp), ("fee_bp", self.fee_bp)):
            if not value.is_finite() or not 0 <= value <= _BP_MAX:
                raise ReplayError(f"{name}: {value} was given, 0 to {_BP_MAX} basis points are allowed")

    def price(self, side: Side, market: Decimal) -> Decimal:
        """The fill price for a market order when the market stands at `market`, to nine digits."""
        if side == "buy":
            return (market * (_BASIS + self.slippage_bp) / _BASIS).quantize(UNIT, rounding=ROUND_CEILING)
        return max(UNIT, (market * (_BASIS - self.slippage_bp) / _BASIS).quantize(UNIT, rounding=ROUND_FLOOR))

    def fee(self, quantity: Decimal, price: Decimal) -> Decimal:
        """The fee of a fill, in the quote currency, to nine digits."""
        return (quantity * price * self.fee_bp / _BASIS).quantize(UNIT, rounding=ROUND_CEILING)
