"""A model that is always sure and mostly wrong, on recorded minutes: small bets, a pause, then others have a say."""

import asyncio
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from gxrisk.protection import ProtectionSettings
from gxrisk.protection.settings import SizeSettings
from gxrisk.vaults.round_trips import round_trips

from tests.cases.market import DECEMBER_2017, documented, fleet, journal, play, tape, vault_of

pytestmark = pytest.mark.usefixtures("data_dir")
GUARDS = {
    "gate alone": None,
    "all guards": ProtectionSettings(),
    "a tight cap": ProtectionSettings(size=SizeSettings(risk_max=Decimal("0.001"))),
}
Records = list[dict[str, Any]]


@cache
def played(guards: str) -> Records:
    """The journal of five days in which BTC lost a third, thought about in bars of 15 minutes."""

    async def run(folder: Path) -> None:
        moments = tape(DECEMBER_2017, ("btc",), "2017-12-19T00:00", "2017-12-24T00:00")
        one = fleet(folder, moments[0])
        vault = await vault_of(one, "tests.cases.models:make", 900, protection=GUARDS[guards])
        await play(one, moments)
        assert await vault.reconcile() == ()
        await one.close()

    with TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
        return journal(Path(folder))


def openings(records: Records) -> Records:
    """The model's approved openings."""
    return [
        each
        for each in records
        if each["kind"] == "decision" and each["outcome"] == "approved" and not each["order"]["reduce_only"]
    ]


def at_risk(decision: dict[str, Any]) -> Decimal:
    """What is lost where the order's stop is hit, as a fraction of equity."""
    order, evidence = decision["order"], decision["evidence"]
    return order["quantity"] * abs(evidence["mark"] - order["stop_loss"]) / evidence["equity"]


@pytest.mark.parametrize(("guards", "risk_max"), [("all guards", "0.02"), ("a tight cap", "0.001")])
def test_every_opening_risks_at_most_the_cap(guards: str, risk_max: str) -> None:
    approved = openings(played(guards))
    wished = [each for each in approved if each["order"]["reasoning"].startswith("it must turn")]
    assert len(wished) > 10
    assert all(each["order"]["confidence"] == 1 for each in wished), "sure, each time"
    assert all(at_risk(each) <= Decimal(risk_max) for each in approved)
    assert all("size: size" in each["order"]["reasoning"] for each in wished), "each wish was cut, and says so"


def test_the_cap_binds_where_it_is_the_smallest() -> None:
    """Scaled down like everything else by the adaptive limits: at most half of it for a model without a record."""
    risks = [at_risk(each) for each in openings(played("a tight cap")) if "at most 0.1 %" in each["order"]["reasoning"]]
    scaled = [
        at_risk(each) / each["evidence"]["risk_scale"] / Decimal("0.001") for each in openings(played("a tight cap"))
    ]
    assert len(risks) >= 2
    assert Decimal("0.999") < max(scaled) <= 1


def test_a_losing_streak_pauses_it_and_then_others_have_a_say_until_one_wins() -> None:
    records = played("all guards")
    trip, end = (
        next(each for each in records if each["kind"] == kind and each["breaker"] == "consecutive_losses")
        for kind in ("trip", "end")
    )
    trips = list(round_trips(records))
    before = [each for each in trips if each.closed <= trip["sequence"]]
    assert [each.profit < 0 for each in before[-5:]] == [True] * 5
    assert end["time_ns"] - trip["time_ns"] == 30 * 60 * 10**9
    opened = openings(records)
    assert not [each for each in opened if trip["sequence"] < each["sequence"] < end["sequence"]]
    agreed = next(each for each in opened if each["sequence"] > end["sequence"])
    assert "after a losing streak: consensus to sell, 3 of 3" in agreed["order"]["reasoning"]
    votes = [
        each["reasoning"]
        for each in records
        if each["kind"] == "hold" and end["sequence"] < each["sequence"] < agreed["sequence"]
    ]
    assert all(each.startswith("after a losing streak: ") for each in votes)
    against = sum("no consensus" in each and "overconfident hold" not in each for each in votes)
    assert against
    winner = next(each for each in trips if each.opened > trip["sequence"])
    assert winner.decision == agreed["sequence"]
    assert winner.profit > 0
    following = next(each for each in opened if each["sequence"] > winner.closed)
    assert following["order"]["reasoning"].startswith("it must turn"), "then it leads alone again"
    documented(f"{against} times", f"{winner.profit:.2f}", trip["time"][11:16], agreed["time"][11:16])


def test_its_health_takes_it_off_the_wheel() -> None:
    records = played("all guards")
    told = [
        each["text"] for each in records if each["kind"] == "note" and "calibration: low to critical" in each["text"]
    ]
    assert told
    last = openings(records)[-1]
    assert records[-1]["time_ns"] - last["time_ns"] > 2 * 86_400 * 10**9, "two days and more without an opening"


def test_what_the_guards_did_to_the_result() -> None:
    """Less of everything: of what was lost before the pause, and of what it happened to earn later."""
    for guards in ("gate alone", "all guards"):
        records = played(guards)
        approved, trips = openings(records), list(round_trips(records))
        paused = next(each["sequence"] for each in records if each.get("breaker") == "consecutive_losses")
        until_then = sum((trip.profit for trip in trips if trip.closed <= paused), Decimal(0))
        in_all = sum((trip.profit for trip in trips), Decimal(0))
        row = f"| {guards} | {len(approved)} | {max(map(at_risk, approved)):.2%} | {until_then:,.0f} | {in_all:,.0f} |"
        documented(row)
