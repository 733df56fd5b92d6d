"""The checks can fail: each is shown a run in which what it watches over is broken."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Approval
from gxrisk.drills import SCENARIOS
from gxrisk.drills.invariants import checks
from gxrisk.drills.ledger import Ledger
from gxrisk.drills.market import Level
from gxrisk.drills.run import read_journal, run
from gxrisk.drills.seen import Ran
from gxrisk.drills.venue_faults import Faulted
from gxrisk.venues import Statement

from .conftest import STUBBORN, Runs, plan


class Lying(Faulted):
    """Its statement has one unit of money more than there is."""

    async def statement(self) -> Statement:
        """A lie."""
        told = await super().statement()
        return replace(told, balance=told.balance + 1)


class Trapping(Faulted):
    """Takes no exits, and does not say so."""

    async def submit(self, approval: Approval) -> None:
        """Lost, where it would reduce."""
        if not approval.order.reduce_only:
            await super().submit(approval)


class Bursting(Faulted):
    """Breaks in a way that nobody foresaw."""

    async def reports(self, after: int) -> Any:
        """Not what a venue may raise."""
        if self.is_faulty:
            raise ZeroDivisionError("unforeseen")
        return await super().reports(after)


def broken(ran: Ran) -> set[str]:
    """The invariants that did not hold."""
    return {one.name for one in checks(ran) if not one.held}


@pytest.mark.parametrize(
    ("fault", "expected"), [(Lying, {"account"}), (Trapping, {"exits"}), (Bursting, {"running"})], ids=str
)
def test_a_broken_venue_is_seen(fault: Callable[..., Faulted], expected: set[str], tmp_path: Path) -> None:
    rising = (Level(0, 1.0, 2), Level(20, 1.02))  # so that something is held at the end
    scenario = replace(SCENARIOS["flash-crash"], levels=rising)

    def around(through: Faulted) -> Faulted:
        return fault(through.account, through.lasts)

    done = asyncio.run(run(scenario, plan(), STUBBORN, tmp_path, around=around))
    assert expected <= broken(done)
    assert "limits" not in broken(done)


def test_an_opening_while_restricted_is_seen(ran: Runs) -> None:
    done = ran("flash-crash")
    trip = next(one for one in done.events if one["kind"] == "trip")
    assert broken(replace(done, events=[{**trip, "breaker": "volatility"}, *done.events])) == {"restricted"}


@pytest.mark.parametrize(
    "limits",
    [{"max_position_fraction": "0.2"}, {"max_concentration": "0.5"}, {"max_daily_trades": 1}, {"max_open_orders": 1}],
    ids=str,
)
def test_a_limit_that_is_exceeded_at_an_approval_is_seen(ran: Runs, limits: dict[str, Any]) -> None:
    done = ran("flash-crash")
    tighter = replace(done.plan, limits=done.plan.limits.replace(**limits))
    is_used = "max_open_orders" not in limits
    assert broken(replace(done, plan=tighter)) == ({"limits"} if is_used else set())


def test_a_fill_that_is_missing_or_too_many_is_seen(ran: Runs) -> None:
    done = ran("flash-crash")
    fill = next(one for one in done.events if one["kind"] == "fill")
    assert "fills" in broken(replace(done, fills=done.fills[1:]))
    assert "fills" in broken(replace(done, events=[one for one in done.events if one is not fill]))
    assert "fills" in broken(replace(done, events=[*done.events, fill]))
    changed = replace(done.fills[0], price=done.fills[0].price + Decimal("1e-9"))
    assert "fills" in broken(replace(done, fills=(changed, *done.fills[1:])))


def test_an_exit_that_would_have_been_refused_is_seen(ran: Runs) -> None:
    assert broken(replace(ran("flash-crash"), blocked=["sell 1 BTC in state halted: leverage"])) == {"exits"}


def test_a_changed_journal_is_seen(ran: Runs, tmp_path: Path) -> None:
    done = asyncio.run(run(SCENARIOS["flash-crash"], plan(), STUBBORN, tmp_path))
    assert done.journal is None
    file = tmp_path / "drill" / "journal.gxr"
    content = file.read_bytes()
    assert content.count(b"it can only rise") > 2
    file.write_bytes(content.replace(b"it can only rise", b"it can only fall"))
    _, wrong = read_journal(tmp_path)
    assert wrong is not None
    assert broken(replace(done, journal=wrong)) == {"journal"}


@pytest.mark.parametrize("scenario", ["black-monday", "venue-fills-twice"])
def test_the_ledger_of_the_checks_agrees_with_the_evidence_of_each_decision(ran: Runs, scenario: str) -> None:
    ledger, seen = Ledger(), 0
    for record in ran(scenario).events:
        if record["kind"] == "decision":
            assert abs(ledger.equity - record["evidence"]["equity"]) < Decimal("1e-9"), record["sequence"]
            seen += 1
        ledger.take(record)
    assert seen > 10


@pytest.mark.parametrize("lacks", ["flow", "market"])
def test_an_approval_without_money_or_price_is_told_and_ends_no_drill(ran: Runs, lacks: str) -> None:
    """Of a gate that did so every limit is broken, by more than any number."""
    one = ran("flash-crash")
    events = [event for event in one.events if event["kind"] != lacks]
    checked = {check.name: check for check in checks(replace(one, events=events))}
    assert not checked["limits"].held
    assert "Infinity" in checked["limits"].seen
