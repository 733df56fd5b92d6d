"""Trips and what followed from them."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

from gxrisk.vaults import Notice
from gxrisk.vaults.report import Report, Span, report_from

from tests.vaults.fleets import events

from .desk import WEEK, Desk
from .weeks import WEEK as CRASH
from .weeks import Week


def _at(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%d %H:%M}"


def _told(report: Report) -> list[tuple[str, str]]:
    return [(_at(event.at_ns), event.kind) for event in report.events]


def test_the_crash_is_told_from_trip_to_reactivation(crash_week: Week) -> None:
    """Trip, cancels, the automatic pause, the notice to the owner, the reactivation with a new base, in this order."""
    report = report_from(crash_week.journal, Span.week(CRASH))
    records = events(crash_week.folder, "ann")
    trip = next(one for one in records if one["kind"] == "trip" and one["breaker"] == "drawdown")
    again = next(one for one in records if one["kind"] == "reactivated")
    first = next(one for one in report.episodes if one.breaker == "drawdown")
    assert (first.since_ns, first.ended_ns) == (trip["time_ns"], again["time_ns"])
    assert (first.limit, first.observed, first.state) == ("500", str(trip["observed"]), "reduce_only")
    assert first.duration_s == (again["time_ns"] - trip["time_ns"]) // 10**9
    told = [one for one in report.events if trip["sequence"] <= one.sequence <= again["sequence"]]
    of_pause = [one for one in told if "price_move" not in one.text and "volatility" not in one.kind + one.text]
    order = ["trip", "cancel", "auto_pause", "notice", "auto_pause", "reactivated"]
    assert [one.kind for one in of_pause if one.kind != "end"] == order
    assert "the vault is reduce_only" in of_pause[0].text
    assert "notified (critical, drawdown)" in of_pause[3].text
    assert str(again["new_base"]) in of_pause[5].text


def test_cancels_are_told(desk: Desk) -> None:
    """A drawdown asks for the end of what works, and the report names it."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.trade("buy", "0.2", 10_000, stop_loss=9_800)
    resting = desk.ask("buy", "0.01", price=9_990, stop_loss=9_800)
    assert resting.approval is not None
    desk.gate.redeem(resting.approval)
    desk.wait()
    desk.mark(9_500)
    desk.wait()
    desk.mark(1_000)
    desk.gate.kill("enough <b>now</b>")
    report = report_from(desk.journal)
    cancels = [event for event in report.events if event.kind == "cancel"]
    assert [resting.order_id in event.text for event in cancels] == [True, True]  # for the drawdown, and for the kill
    assert "drawdown" in {one.breaker for one in report.episodes}
    assert ("killed", "killed: enough <b>now</b>") in [(event.kind, event.text) for event in report.events]


def test_a_breaker_that_trips_again_is_one_trip(crash_week: Week) -> None:
    """The fall of XRP tripped 26 times within an hour; observed and cause are the worst of them."""
    report = report_from(crash_week.journal, Span.week(CRASH))
    worst = max((one for one in report.episodes if one.breaker == "price_move"), key=lambda one: one.trips)
    assert (worst.trips, _at(worst.since_ns), _at(worst.ended_ns or 0)) == (26, "22 07:17", "22 08:15")
    assert worst.observed == "0.311503471"
    assert "31.1503471 %" in worst.cause
    assert "14.6096335 %" in worst.first_cause
    assert [one.number for one in report.episodes] == list(range(1, len(report.episodes) + 1))


def test_a_trip_that_lasts_over_the_weekend_is_in_both_weeks(desk: Desk) -> None:
    """It lasts at the end of the first week, and has ended in the second, where it is not told as new."""
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.trade("buy", "0.2", 10_000, stop_loss=9_800)
    desk.wait(7 * 86_400 - 60)
    desk.gate.note("equity", "{}")
    assert [trip.breaker for trip in desk.gate.trips] == ["oracle_failure"]
    desk.wait(120)
    desk.mark(10_000)
    desk.gate.hold(1, "on")
    first, second = (report_from(desk.journal, Span.week(name)) for name in (WEEK, "2020-W12"))
    assert [one.ended_ns for one in first.episodes] == [None]
    assert [one.ended_ns is None for one in second.episodes] == [False]
    assert ("16 00:01", "end") in _told(second)
    assert "trip" not in [kind for _, kind in _told(second)]


def test_notes_of_others_under_known_topics_hurt_nothing(desk: Desk) -> None:
    """Whoever writes something else there finds no entry, or finds it as it is."""
    desk.gate.deposit(10_000)
    for topic in ("notices", "auto_pause", "reconciliation", "vault", "equity"):
        for text in ("", "[]", "nonsense", "[1", '"x"', '{"waiting": 3}', '{"waiting": [{}]}', '{"stage": ["x"]}'):
            desk.gate.note(topic, text)
    report = report_from(desk.journal)
    assert {event.kind for event in report.events} == {"deposit", "auto_pause", "reconciliation"}
    assert report.settings.tier is None


def test_a_notice_that_waits_is_told_once(desk: Desk) -> None:
    """However often the outbox is written down, and in the week that it was kept in."""
    desk.gate.deposit(10_000)
    waiting: list[Notice] = []
    for number, wait in enumerate((60, 60, 7 * 86_400, 60), 1):
        waiting.append(Notice("demo", number, "", "info", f"n{number}", "it waits"))
        for _ in range(2):
            desk.gate.note("notices", json.dumps({"last": number, "waiting": [asdict(one) for one in waiting]}))
        desk.wait(wait)
    desk.gate.hold(1, "on")
    for week, codes in ((WEEK, ["n1", "n2", "n3"]), ("2020-W12", ["n4"])):
        report = report_from(desk.journal, Span.week(week))
        told = [event.text for event in report.events if event.kind == "notice"]
        assert told == [f"notified (info, {code}): it waits" for code in codes]
