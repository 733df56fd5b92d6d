"""Scenarios through an operator's plan: each run, checked, measured, and run again where it lost too much."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gxrisk.drills.invariants import Check, checks
from gxrisk.drills.losses import Beyond, Losses, losses
from gxrisk.drills.plan import Plan
from gxrisk.drills.run import run
from gxrisk.drills.scenarios import Scenario
from gxrisk.drills.seen import Ran
from gxrisk.drills.tightening import Change, Tightening, tighten


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that tripped: when (RFC 3339, by the vault's clock) and in the gate's words why."""

    breaker: str
    time: str
    cause: str


@dataclass(frozen=True, slots=True)
class Drilled:
    """One scenario with one model: what held, what tripped when, what was lost, what would have been tight enough.

    `tightening` is None where the losses stayed within the limits; `suspended` says which feeds data quality took out.
    `false_trips` are the breakers of loss that tripped on prices that were not so, and `judged` is what comes of the
    same run with data quality, where there were any without it.
    """

    scenario: Scenario
    model: str
    checks: tuple[Check, ...]
    trips: tuple[Trip, ...]
    suspended: tuple[str, ...]
    losses: Losses
    tightening: Tightening | None
    false_trips: tuple[str, ...]
    judged: "Judged | None"

    @property
    def held(self) -> bool:
        """Whether every invariant held."""
        return all(one.held for one in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; money and fractions as Decimals."""
        return {
            "scenario": self.scenario.name,
            "title": self.scenario.title,
            "model": self.model,
            "held": self.held,
            "invariants": [{"name": one.name, "held": one.held, "seen": one.seen} for one in self.checks],
            "trips": [{"breaker": one.breaker, "time": one.time, "cause": one.cause} for one in self.trips],
            "suspended": list(self.suspended),
            "losses": _losses(self.losses),
            "false_trips": list(self.false_trips),
            "with_data_quality": None if self.judged is None else _judged(self.judged),
            "tightening": None if self.tightening is None else _tightening(self.tightening),
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """The same run with data quality: what still tripped falsely, and the losses."""

    false_trips: tuple[str, ...]
    losses: Losses


async def drill(
    plan: Plan,
    scenarios: Sequence[Scenario],
    *,
    out: Path | None = None,
    on_done: Callable[[int], object] = lambda _: None,
) -> list[Drilled]:
    """Run each scenario with each of the plan's models, one after the other.

    Journals are left under `out`, in a folder for each run (those of candidates are not kept); without it nothing is
    left. `on_done` hears how many are done.

    >>> from gxrisk import Limits
    >>> import asyncio
    >>> from gxrisk.drills.scenarios import SCENARIOS
    >>> [found] = asyncio.run(drill(Plan(Limits.for_tier("growth")), [SCENARIOS["flash-crash"]]))
    >>> found.held, found.losses.is_within
    (True, True)
    """
    found: list[Drilled] = []
    for model in plan.models:
        for scenario in scenarios:
            folder = None if out is None else out / f"{scenario.name}-{plan.models.index(model) + 1}"
            found.append(await drill_one(scenario, plan, model, folder))
            on_done(len(found))
    return found


async def drill_one(scenario: Scenario, plan: Plan, model: str, folder: Path | None = None) -> Drilled:
    """Run one scenario with one model, and again with tighter limits where it lost more than the operator allows."""
    rerun = partial(_rerun, scenario, model)
    if folder is None:
        ran = await rerun(plan, False)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        ran = await run(scenario, plan, model, folder)
    lost = losses(ran)
    false = false_trips(ran, lost)
    judged = None
    if false and not plan.data_quality:
        again = await rerun(replace(plan, data_quality=True), False)
        judged = Judged(false_trips(again, losses(again)), losses(again))
    return Drilled(
        scenario,
        model,
        checks(ran),
        tuple(Trip(one["breaker"], one["time"], one["cause"]) for one in ran.events if one["kind"] == "trip"),
        tuple(one.text for one in ran.notices if one.code == "feed_suspended"),
        lost,
        None if lost.is_within else await tighten(ran, rerun),
        false,
        judged,
    )


def false_trips(ran: Ran, lost: Losses) -> tuple[str, ...]:
    """The breakers of loss that tripped in the gate while the venue's account was within their limits."""
    passed = {one.limit for one in lost.beyond}
    tripped = {one["breaker"] for one in ran.events if one["kind"] == "trip"}
    return tuple(name for name in ("daily_loss", "drawdown") if name in tripped and f"max_{name}" not in passed)


async def _rerun(scenario: Scenario, model: str, plan: Plan, gives_up: bool) -> Ran:
    with TemporaryDirectory(prefix="gxrisk-drill-") as folder:
        return await run(scenario, plan, model, Path(folder), gives_up=gives_up)


def _losses(lost: Losses) -> dict[str, Any]:
    return {
        "amount": lost.amount,
        "of_deposit": _fraction(lost.fraction),
        "at": lost.at.isoformat(),
        "day_amount": lost.day_amount,
        "of_day_opening": _fraction(lost.day_fraction),
        "drawdown": _fraction(lost.drawdown),
        "fees": lost.costs,
        "equity_at_end": lost.end,
        "beyond": [_beyond(one) for one in lost.beyond],
    }


def _beyond(one: Beyond) -> dict[str, Any]:
    return {
        "limit": one.limit,
        "allowed": one.allowed,
        "worst": _fraction(one.worst),
        "crossed": one.crossed.isoformat(),
        "crossing_loss": _fraction(one.crossing_loss),
        "move_in_that_minute": _fraction(one.move),
        "lost_later": _fraction(one.later),
    }


def _tightening(found: Tightening) -> dict[str, Any]:
    return {
        "change": None if found.change is None else _change(found.change),
        "nearest": None if found.best is None else _change(found.best),
        "why": found.why,
        "runs": found.runs,
    }


def _judged(found: Judged) -> dict[str, Any]:
    return {"false_trips": list(found.false_trips), "losses": _losses(found.losses)}


def _change(one: Change) -> dict[str, Any]:
    return {
        "limit": one.field,
        "from": one.before,
        "to": one.value,
        "of_day_opening": _fraction(one.losses.day_fraction),
        "drawdown": _fraction(one.losses.drawdown),
        "amount": one.losses.amount,
    }


def _fraction(value: Decimal) -> Decimal:
    return round(value, 6)
