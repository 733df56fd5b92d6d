"""What a drill is run with."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from gxrisk._native import Limits


@dataclass(frozen=True, slots=True)
class Plan:
    """An operator's own set-up: limits, what is deposited (quote currency), models by MODULE:NAME, bars in seconds.

    `groups` are the gate's correlation groups. With `data_quality` the fleet judges its feed, as
    `Fleet(..., data_quality=DataQuality())` does.
    """

    limits: Limits
    tier: str = "growth"
    deposit: Decimal = Decimal(100_000)
    models: tuple[str, ...] = ("gxrisk.agent.momentum:Momentum",)
    assets: tuple[str, ...] = ("BTC",)
    bar_s: int = 60
    seed: int = 1
    data_quality: bool = False
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def tightened(self, field: str, value: Decimal) -> "Plan":
        """The same with one limit at another value. Raises `InvalidOrder` where that is not allowed."""
        return replace(self, limits=self.limits.replace(**{field: value}))
