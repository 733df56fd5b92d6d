"""Which limit, tightened least, would have kept the loss within the operator's own: found by running it again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from typing import Final

from gxrisk._native import InvalidOrder
from gxrisk.drills.ledger import Worst, openings
from gxrisk.drills.losses import Losses, losses
from gxrisk.drills.plan import Plan
from gxrisk.drills.seen import Ran

EXPOSURE: Final = ("max_concentration", "max_position_fraction", "max_leverage", "max_correlated_exposure")
LEAST: Final = Decimal("0.1")  # of what was used: under a tenth it is another strategy
HALVINGS: Final = 3
_TWO_DIGITS: Final = Context(prec=2, rounding=ROUND_DOWN)

Rerun = Callable[[Plan, bool], Awaitable[Ran]]
"""Runs the scenario with that plan, to the end, or (True) until it is known that the limits were passed."""


@dataclass(frozen=True, slots=True)
class Change:
    """A limit at a tighter value, and the losses with it; `part` is what it leaves of what was used, 1 for all."""

    field: str
    before: Decimal | None
    value: Decimal
    part: Decimal
    losses: Losses


@dataclass(frozen=True, slots=True)
class Tightening:
    """`change` is the smallest that was found to keep the losses within the limits.

    Where there is none, `best` is the one that came nearest and `why` says why none does. `runs` is how often the
    scenario ran again.
    """

    change: Change | None
    best: Change | None
    why: str
    runs: int


async def tighten(ran: Ran, rerun: Rerun) -> Tightening:
    """Search each limit between what was used and a tenth of it, each candidate by a whole run of the scenario.

    A limit that is not used more than its candidate changes nothing, so the search begins at what was used. A limit is
    searched further only where it does with a smaller change than the best before it. How often one may trade is
    looked at where nothing else does.
    """
    used = openings(ran.events, ran.plan.groups)
    if not used:
        return Tightening(None, None, "nothing was opened, so no limit on openings has any say", 0)
    search = _Search(ran.plan, rerun)
    found: Change | None = None
    tried: list[Change] = []
    starts = _starts(ran.plan, used)
    for field, start in starts.items():
        if field == "max_daily_trades" and found is not None:
            break
        first = await search.at(field, start, found.part if found else LEAST, gives_up=found is not None)
        if first is None:
            continue
        tried.append(first)
        if first.losses.is_within:
            found = await search.smallest(field, start, first)
    best = None if found else min(tried, key=lambda one: one.losses.excess, default=None)
    return Tightening(found, best, "" if found else _why(ran, best), search.runs)


def _starts(plan: Plan, used: list[Worst]) -> dict[str, Decimal]:
    """Where the search of each limit begins: at the most that was used of it."""
    starts = {field: max(one.used[field] for one in used) for field in EXPOSURE}
    if starts["max_leverage"] <= 1:
        del starts["max_leverage"]  # it may not be under 1
    if not plan.groups:
        del starts["max_correlated_exposure"]  # each asset is its own group: it would be the concentration again
    starts["stop_risk_budget"] = plan.limits.stop_risk_budget or plan.limits.max_daily_loss
    starts["max_daily_trades"] = max(one.used["max_daily_trades"] for one in used)
    return starts


class _Search:
    def __init__(self, plan: Plan, rerun: Rerun) -> None:
        self.plan = plan
        self.runs = 0
        self._rerun = rerun

    async def at(self, field: str, start: Decimal, part: Decimal, *, gives_up: bool) -> Change | None:
        """The losses with this part of what was used; None where the limit may not be so tight."""
        value = _rounded(field, start * part)
        before = getattr(self.plan.limits, field)
        try:
            plan = self.plan.tightened(field, value)
        except InvalidOrder:
            return None
        self.runs += 1
        ran = await self._rerun(plan, gives_up)
        return Change(field, None if before is None else Decimal(before), value, part, losses(ran))

    async def smallest(self, field: str, start: Decimal, least: Change) -> Change:
        """The loosest value that was found to be tight enough, by halving what is not known yet."""
        low, high = least.part, Decimal(1)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            change = await self.at(field, start, middle, gives_up=True)
            if change is not None and change.losses.is_within:
                least, low = change, middle
            else:
                high = middle
        return least


def _rounded(field: str, value: Decimal) -> Decimal:
    if field == "max_daily_trades":
        return Decimal(max(1, int(value)))
    rounded = _TWO_DIGITS.plus(value)
    return max(Decimal(1), rounded) if field == "max_leverage" else rounded


def _why(ran: Ran, best: Change | None) -> str:
    if any(one["kind"] == "trip" and one["breaker"] == "fill_mismatch" for one in ran.events):
        return "the venue executed what was never approved, and limits hold what is approved"
    if best is None:
        return "no limit can be tightened any further"
    before = losses(ran)
    if best.losses.costs * 2 > best.losses.amount:
        return "more than half of what is still lost are fees: trade less often, not smaller"
    return f"even a tenth of {best.field} leaves {best.losses.excess:.2%} beyond the limit (it was {before.excess:.2%})"
