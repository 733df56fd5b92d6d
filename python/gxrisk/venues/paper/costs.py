"""What the paper market asks of every account: spread, impact, fees, latency, share of the volume, margin."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk._native import GxriskError

BASIS: Final = Decimal(10_000)


class PaperError(GxriskError, ValueError):
    """A paper venue that cannot be set up as asked."""


@dataclass(frozen=True, slots=True)
class PaperCosts:
    """The parameters of the paper market, the same for every account. docs/paper.md says where each comes from.

    `half_spread_bp`, `fallback_bp` and the fees are basis points of the price (a fee below zero is a rebate); `impact`
    is Y of the square-root law, whose volatility and volume are those of the last `window_bars` bars; without them
    `fallback_bp` stands in for the impact. A step fills at most `participation` of its volume. Orders and cancels take
    `latency_ms` of feed time. An opening order needs `quantity_min` and `notional_min`, and gross exposure within
    `leverage_max` x equity; equity at or under `maintenance_margin` x gross exposure is liquidated.

    Raises `PaperError` for a value outside its range.

    >>> PaperCosts(half_spread_bp=Decimal(1)).half_spread_bp
    Decimal('1')
    >>> PaperCosts(participation=Decimal(2))
    Traceback (most recent call last):
    gxrisk.venues.paper.costs.PaperError: participation: 2 was given, 0.000000001 to 1 is allowed
    """

    half_spread_bp: Decimal = Decimal(2)
    impact: Decimal = Decimal(1)
    window_bars: int = 60
    fallback_bp: Decimal = Decimal(50)
    participation: Decimal = Decimal("0.1")
    maker_fee_bp: Decimal = Decimal(2)
    taker_fee_bp: Decimal = Decimal(5)
    latency_ms: int = 250
    reject_probability: Decimal = Decimal(0)
    quantity_min: Decimal = Decimal("1e-9")
    notional_min: Decimal = Decimal(5)
    leverage_max: Decimal = Decimal(20)
    maintenance_margin: Decimal = Decimal("0.01")

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, int) != (name in _WHOLE) or not isinstance(value, int | Decimal):
                kind = "a whole number" if name in _WHOLE else "a Decimal"
                raise PaperError(f"{name}: {value!r} was given, {kind} is allowed")
            if not Decimal(low) <= value <= Decimal(high):
                raise PaperError(f"{name}: {value} was given, {low} to {high} is allowed")


_WHOLE: Final = {"window_bars", "latency_ms"}
_RANGES: Final = {
    "half_spread_bp": ("0", "1000"),
    "impact": ("0", "100"),
    "window_bars": ("20", "100000"),
    "fallback_bp": ("0", "5000"),
    "participation": ("0.000000001", "1"),
    "maker_fee_bp": ("-100", "1000"),
    "taker_fee_bp": ("0", "1000"),
    "latency_ms": ("0", "3600000"),
    "reject_probability": ("0", "1"),
    "quantity_min": ("0.000000001", "1000000000"),
    "notional_min": ("0", "1000000000"),
    "leverage_max": ("1", "1000"),
    "maintenance_margin": ("0", "0.5"),
}
