"""The worst loss of a run, as the venue's account has it, minute by minute, against the operator's own limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from gxrisk.drills.plan import Plan
from gxrisk.drills.seen import Minute, Ran

_DAY_MS: Final = 86_400_000
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Beyond:
    """How a loss went past a limit: `limit` and `worst` as fractions; amounts in the quote currency.

    `crossed` is the minute in which it was passed, `crossing_loss` the fraction lost at its end, `move` the largest
    move of an asset in that minute (a fraction), `later` what was lost after it, while positions stayed open.
    """

    limit: str
    allowed: Decimal
    worst: Decimal
    crossed: datetime
    crossing_loss: Decimal
    move: Decimal

    @property
    def later(self) -> Decimal:
        """The fraction that was lost after the minute of the crossing."""
        return self.worst - self.crossing_loss


@dataclass(frozen=True, slots=True)
class Losses:
    """The worst loss from the deposit (amount and fraction), of a UTC day's opening equity, and the drawdown.

    `drawdown` is a fraction of the limits' own base (deposit or peak). `costs` are the fees paid. `beyond` holds each
    of `max_daily_loss` and `max_drawdown` that was passed.
    """

    amount: Decimal
    fraction: Decimal
    day_amount: Decimal
    day_fraction: Decimal
    drawdown: Decimal
    at: datetime
    costs: Decimal
    end: Decimal
    beyond: tuple[Beyond, ...]

    @property
    def is_within(self) -> bool:
        """Whether the operator's own `max_daily_loss` and `max_drawdown` were kept."""
        return not self.beyond

    @property
    def excess(self) -> Decimal:
        """How far the worst of the limits was passed, as a fraction of equity; 0 within them."""
        return max((one.worst - one.allowed for one in self.beyond), default=_ZERO)


class Gauge:
    """A run's losses as its minutes come: `day` of the UTC day's opening equity, `drawdown` of the limits' base.

    >>> gauge = Gauge(Decimal(100), is_peak=False)
    >>> gauge.take(Minute(0, Decimal(96), {}, Decimal(0)))
    (Decimal('0.04'), Decimal('0.04'))
    >>> gauge.take(Minute(86_400_000, Decimal(96), {}, Decimal(0)))
    (Decimal('0'), Decimal('0.04'))
    """

    def __init__(self, deposit: Decimal, *, is_peak: bool) -> None:
        self.opening = self._base = self._last = deposit
        self._is_peak = is_peak
        self._day: int | None = None

    def take(self, minute: Minute) -> tuple[Decimal, Decimal]:
        """The day's loss and the drawdown at this minute, as fractions; below zero for a gain."""
        day = minute.at_ms // _DAY_MS
        if self._day is not None and day != self._day:
            self.opening = self._last
        self._day, self._last = day, minute.equity
        if self._is_peak:
            self._base = max(self._base, minute.equity)
        return (self.opening - minute.equity) / self.opening, (self._base - minute.equity) / self._base


def gauge_of(plan: Plan) -> Gauge:
    """A gauge of what this operator calls a loss."""
    return Gauge(plan.deposit, is_peak=plan.limits.drawdown_base == "peak")


def losses(ran: Ran) -> Losses:
    """What was lost at worst; nothing where the account never fell under the deposit."""
    deposit, limits = ran.plan.deposit, ran.plan.limits
    worst = min(ran.minutes, key=lambda one: one.equity)
    gauge = gauge_of(ran.plan)
    daily, drawn, amounts = [], [], []
    for one in ran.minutes:
        day, drawdown = gauge.take(one)
        daily.append(day)
        drawn.append(drawdown)
        amounts.append(gauge.opening - one.equity)
    found = (
        _beyond("max_daily_loss", limits.max_daily_loss, daily, ran.minutes),
        _beyond("max_drawdown", limits.max_drawdown, drawn, ran.minutes),
    )
    return Losses(
        amount=max(_ZERO, deposit - worst.equity),
        fraction=max(_ZERO, deposit - worst.equity) / deposit,
        day_amount=max(_ZERO, amounts[daily.index(max(daily))]),
        day_fraction=max(_ZERO, *daily),
        drawdown=max(_ZERO, *drawn),
        at=_time(worst.at_ms),
        costs=sum((one.fee for one in ran.fills), _ZERO),
        end=ran.minutes[-1].equity,
        beyond=tuple(one for one in found if one is not None),
    )


def _beyond(limit: str, allowed: Decimal, lost: list[Decimal], minutes: Sequence[Minute]) -> Beyond | None:
    worst = max(lost)
    if worst <= allowed:
        return None
    place = next(place for place, one in enumerate(lost) if one > allowed)
    before = minutes[max(0, place - 1)].prices
    moves = [price / before[asset] - 1 for asset, price in minutes[place].prices.items() if asset in before]
    move = max(moves, key=abs, default=_ZERO)
    return Beyond(limit, allowed, worst, _time(minutes[place].at_ms), lost[place], move)


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC)
