"""A vault as a line of the fleet, and how much it asks to be looked at."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from gxrisk.dashboard.words import share, until, words

_NEAR: Final = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class TripLine:
    """A tripped breaker."""

    breaker: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class LastDecision:
    """What was decided last."""

    outcome: str
    asset: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLine:
    """A vault in the fleet's table. Money in the account's currency, `drawdown` and `confidence` are fractions.

    `status` is running, failed or retired; what does not run has no numbers. `quality` says how prices are.
    """

    vault_id: str
    status: str = "running"
    tier: str = ""
    state: str = "halted"
    is_paused: bool = False
    is_killed: bool = False
    equity: Decimal | None = None
    day_pnl: Decimal | None = None
    drawdown: Decimal | None = None
    drawdown_limit: Decimal | None = None
    trades: int | None = None
    trades_limit: int | None = None
    trips: tuple[TripLine, ...] = ()
    confidence: Decimal | None = None
    quality: str = ""
    last: LastDecision | None = None

    @property
    def word(self) -> str:
        """The one word for its state: the strictest that holds."""
        if self.status != "running":
            return self.status
        return "killed" if self.is_killed else self.state

    @property
    def drawdown_used(self) -> Decimal | None:
        """How much of the drawdown's limit is used."""
        if self.drawdown is None or self.drawdown_limit is None:
            return None
        return share(self.drawdown, self.drawdown_limit)

    @property
    def trades_used(self) -> Decimal | None:
        """How much of the day's trades is used."""
        if self.trades is None or self.trades_limit is None:
            return None
        return share(Decimal(self.trades), Decimal(self.trades_limit))


def troubles(line: FleetLine, now: datetime) -> tuple[int, str]:
    """How urgent a vault is (0 is not at all), and why in one line.

    >>> troubles(FleetLine(vault_id="ann", state="active"), datetime(2020, 3, 12))
    (0, '')
    >>> troubles(FleetLine(vault_id="ann", state="halted", is_paused=True), datetime(2020, 3, 12))
    (50, 'paused')
    """
    if line.status == "failed":
        return 100, "taken out: the operator's log says why"
    if line.status == "retired":
        return -1, "closed for good"
    causes = [f"{words(trip.breaker)} {until(trip.until, now)}" for trip in line.trips]
    if line.is_killed:
        return 90, "; ".join(["killed: its owner reactivates it", *causes])
    if line.is_paused:
        causes.insert(0, "paused")
    if line.state == "halted":
        return 60 if line.trips else 50, "; ".join(causes)
    if line.state == "reduce_only":
        return 40, "; ".join(causes)
    if line.drawdown_used is not None and line.drawdown_used >= _NEAR:
        return 20, "near its drawdown limit"
    if line.trades_used is not None and line.trades_used >= _NEAR:
        return 10, "near its trades of the day"
    return 0, ""
