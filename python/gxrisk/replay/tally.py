"""The counts of one account while a replay runs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from gxrisk.replay.result import BreakerTrip, VaultResult


@dataclass(slots=True)
class Tally:
    """Orders, fills, round trips and the equity curve; the drawdown is taken at bar closes."""

    deposit: Decimal
    fills: int = 0
    stops: int = 0
    round_trips: int = 0
    winners: int = 0
    proposals: int = 0
    approved: int = 0
    rejected: int = 0
    resized: int = 0
    holds: int = 0
    held: int = 0
    cancelled: int = 0
    rejections: Counter[str] = field(default_factory=Counter)
    peak: Decimal = Decimal(0)
    max_drawdown: Decimal = Decimal(0)
    liquidated: datetime | None = None

    def __post_init__(self) -> None:
        self.peak = self.deposit

    def equity(self, equity: Decimal) -> None:
        """Take the equity at a bar's close."""
        if equity > self.peak:
            self.peak = equity
        elif equity < self.peak:
            self.max_drawdown = max(self.max_drawdown, (self.peak - equity) / self.peak)

    def round_trip(self, profit: Decimal) -> None:
        """Take the P&L of a position that came back to zero."""
        self.round_trips += 1
        self.winners += profit > 0

    def result(
        self,
        name: str,
        equity: Decimal,
        fees: Decimal,
        trips: tuple[BreakerTrip, ...] = (),
        limits: Mapping[str, str] | None = None,
    ) -> VaultResult:
        """The counts as a result."""
        return VaultResult(
            name=name,
            deposit=self.deposit,
            equity=equity,
            max_drawdown=self.max_drawdown,
            fees=fees,
            fills=self.fills,
            stops=self.stops,
            round_trips=self.round_trips,
            winners=self.winners,
            proposals=self.proposals,
            approved=self.approved,
            rejected=self.rejected,
            resized=self.resized,
            holds=self.holds,
            held=self.held,
            cancelled=self.cancelled,
            rejections=dict(sorted(self.rejections.items())),
            trips=trips,
            liquidated=self.liquidated,
            limits=limits,
        )
