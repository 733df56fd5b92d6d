"""How much a vault of the fleet asks to be looked at, and why."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from gxrisk.dashboard.words import left, share, time_of, words
from gxrisk.server.fleet_lines import FleetLine, Standing

_NEAR: Final = Decimal("0.8")
_JOINT: Final = " · "


def word(line: FleetLine) -> str:
    """The one word for a vault's state: the strictest that holds.

    >>> word(FleetLine(vault_id="ann", status="failed", standing=None))
    'failed'
    """
    if line.standing is None:
        return line.status if line.status != "running" else "failed"
    if line.standing.is_killed:
        return "killed"
    return "exits_only" if line.status == "exits_only" and line.standing.state != "halted" else line.standing.state


def drawdown_used(now: Standing) -> Decimal | None:
    """How much of the drawdown's limit is used."""
    return share(now.drawdown, now.drawdown_limit)


def trades_used(now: Standing) -> Decimal | None:
    """How much of the day's trades is used."""
    return share(Decimal(now.daily_trades), Decimal(now.daily_trades_limit))


def troubles(line: FleetLine, now: datetime) -> tuple[int, str]:
    """How urgent a vault is (0 is not at all, below 0 it is over), and why in one line.

    >>> troubles(FleetLine(vault_id="ann", status="retired", standing=None), datetime(2020, 3, 12))
    (-1, 'closed for good')
    """
    held = line.standing
    if line.status == "retired":
        return -1, "closed for good"
    if held is None:
        return 100, "taken out: the operator's log says why"
    causes = [f"{words(trip.breaker)} {left(trip.breaker, time_of(trip.until), now)}" for trip in held.trips]
    if held.is_killed:
        return 90, _JOINT.join(["until its owner reactivates", *causes])
    if line.status == "exits_only":
        causes.insert(0, "takes exits alone: the operator's log says why")
    if held.is_paused:
        causes.insert(0, "paused")
    if held.state == "halted":
        return 60 if held.trips else 50, _JOINT.join(causes)
    if held.state == "reduce_only" or line.status == "exits_only":
        return 40, _JOINT.join(causes)
    return _warnings(held)


def _warnings(held: Standing) -> tuple[int, str]:
    drawdown, trades = drawdown_used(held), trades_used(held)
    if held.data_quality.suspended:
        return 30, f"prices not believed: {', '.join(held.data_quality.suspended)}"
    if drawdown is not None and drawdown >= _NEAR:
        return 20, "near its drawdown limit"
    if trades is not None and trades >= _NEAR:
        return 10, "near its trades of the day"
    return 0, ""
