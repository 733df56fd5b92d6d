"""Times at and past their edges; and the clock of a gate, which never goes back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from gxrisk import Gate, Limits, ManualClock, VaultError

from .arguments import START, refusal, vault

SECOND = 10**9
NOON_NS = 1_584_014_400 * SECOND
MALFORMED: dict[str, Any] = {
    "naive": datetime(2020, 3, 12, 12),
    "year 9999": datetime(9999, 12, 31, tzinfo=UTC),
    "year 1": datetime(1, 1, 1, tzinfo=UTC),
    "before 1678": datetime(1677, 1, 1, tzinfo=UTC),
    "after 2262": datetime(2262, 4, 12, tzinfo=UTC),
    "date": date(2020, 3, 12),
    "float": 1.5,
    "nan": float("nan"),
    "bool": True,
    "2**63": 2**63,
    "-2**63 - 1": -(2**63) - 1,
    "10**5000": 10**5000,
    "list": [1],
    "bytes": b"2020-03-12T12:00:00Z",
    "timedelta": timedelta(1),
    **{
        text or "empty": text
        for text in (
            "", "noon", "2020-03-12", "12:00:00Z", "2020-03-12T12:00:00", "2020-03-12T12:00Z", "2020-13-12T12:00:00Z",
            "2020-02-30T12:00:00Z", "2020-03-12T24:00:00Z", "2020-03-12T12:60:00Z", "2020-03-12T12:00:60Z",
            "2020-03-12T12:00:00.1234567890Z", "2020-03-12T12:00:00.Z", "2020-03-12T12:00:00+1:00",
            "2020-03-12T12:00:00 Z", "9999-01-01T00:00:00Z", "1677-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
            "1584014400", "\u0662020-03-12T12:00:00Z",
            "2020-03-12T12:00:00+24:00", "\ud800",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("label", MALFORMED)
def test_what_is_no_instant_is_refused(label: str) -> None:
    value = MALFORMED[label]
    gate, clock = vault(), ManualClock(START)
    before = gate.snapshot()
    for act, field in (
        (lambda: gate.mark("BTC", 100, at=value), "at"),
        (lambda: ManualClock(value), "start"),
        (lambda: clock.set(value), "time"),
    ):
        assert "must be" in (message := refusal(act, f"{field} is")) or "time zone" in message
    assert gate.snapshot() == before
    assert clock.now_ns == NOON_NS


def test_a_1_mb_text_is_not_thrown_back() -> None:
    assert len(refusal(lambda: ManualClock("2" * 1_000_000), "start")) < 400


@pytest.mark.parametrize(
    ("value", "nanos"),
    [
        ("2020-03-12T12:00:00Z", NOON_NS),
        ("2020-03-12t12:00:00z", NOON_NS),
        ("2020-03-12 12:00:00Z", NOON_NS),
        ("2020-03-12T13:30:00+01:30", NOON_NS),
        ("2020-03-12T11:00:00-01:00", NOON_NS),
        ("2020-03-12T12:00:00.000000001Z", NOON_NS + 1),
        ("2020-03-12T12:00:00.5Z", NOON_NS + SECOND // 2),
        (datetime(2020, 3, 12, 12, tzinfo=UTC), NOON_NS),
        (datetime(2020, 3, 12, 12, 0, 0, 1, tzinfo=UTC), NOON_NS + 1000),
        (datetime(2020, 3, 12, 17, 45, tzinfo=timezone(timedelta(hours=5, minutes=45))), NOON_NS),
        (NOON_NS, NOON_NS),
        (0, 0),
        (-1, -1),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_an_instant_is_exact(value: Any, nanos: int) -> None:
    clock = ManualClock(value)
    assert clock.now_ns == nanos
    assert clock.now() == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanos // 1000)
    clock.set(value)
    assert clock.now_ns == nanos


def test_a_mark_may_be_5_s_ahead_and_not_a_nanosecond_more() -> None:
    gate = vault()
    assert gate.mark("BTC", 101, at=NOON_NS + 5 * SECOND) is True
    before = gate.snapshot()
    with pytest.raises(VaultError, match="5 s ahead"):
        gate.mark("BTC", 102, at=NOON_NS + 5 * SECOND + 1)
    with pytest.raises(VaultError, match="5 s ahead"):
        gate.mark("ETH", 102, at=2**63 - 1)
    assert gate.snapshot() == before


def test_an_older_mark_is_ignored_and_an_equal_one_replaces() -> None:
    gate = vault()
    assert gate.mark("BTC", 90, at=NOON_NS - 1) is False
    assert gate.snapshot().ignored_marks == 1
    assert gate.mark("BTC", 101, at=NOON_NS) is True
    assert gate.snapshot().marks["BTC"] == 101
    assert gate.mark("ETH", 5, at=-(2**63)) is True


def test_the_gate_never_goes_back_and_its_day_never_returns() -> None:
    clock = ManualClock("2020-03-12T23:59:59Z")
    gate = Gate("v", Limits.for_tier("growth"), clock=clock)
    gate.deposit(10_000)
    clock.advance(2)
    assert gate.snapshot().time_ns == clock.now_ns
    latest = clock.now_ns
    for back in ("2020-03-12T23:00:00Z", 0, -(2**63)):
        clock.set(back)
        assert gate.snapshot().time_ns == latest
    assert [event["date"] for event in gate.events() if event["kind"] == "day"] == ["2020-03-13"]


@pytest.mark.parametrize("far", [2**63 - 1, -(2**63), 0])
def test_the_ends_of_time_break_nothing(far: int) -> None:
    clock = ManualClock(START)
    gate = Gate("v", Limits.for_tier("growth"), clock=clock)
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    clock.set(far)
    assert gate.snapshot().equity == 10_000
    clock.advance(10**10)
    clock.advance("-0.000000001")
    assert gate.state in ("active", "reduce_only", "halted")
    assert Gate("w", Limits.for_tier("growth"), clock=ManualClock(far)).snapshot().equity == 0


@pytest.mark.parametrize("seconds", [-9_300_000_000, -(10**10), "-9223372036.854775809"])
def test_the_clock_never_goes_forward_when_it_is_moved_back(seconds: Any) -> None:
    clock = ManualClock(0)
    clock.advance(seconds)
    assert clock.now_ns <= 0


@pytest.mark.parametrize("seconds", [9_300_000_000, 10**10])
def test_the_clock_stops_at_the_end_of_time(seconds: int) -> None:
    clock = ManualClock(0)
    clock.advance(seconds)
    assert clock.now_ns == 2**63 - 1
