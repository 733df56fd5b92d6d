"""A record that goes on from its note is the record that never stopped."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from gxrisk import Gate, ManualClock, VaultError
from gxrisk.vaults.evidence import DAY_MS, HOUR_MS, PaperRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from .paper import GROWTH, SETTINGS, START_MS, VERSION

D = Decimal


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(low), D(high), places=places, allow_nan=False, allow_infinity=False)


# Every step goes on in time; some silences are gaps, and twelve hours at once bring the window to its end.
waits = st.sampled_from([0, 1, 60_000, 300_000, 300_001, HOUR_MS, HOUR_MS, 12 * HOUR_MS])
steps = st.tuples(
    waits,
    st.one_of(
        st.tuples(st.just("sample"), decimals("1", "20000", 9), decimals("0", "1", 3), decimals("0", "50000", 3)),
        st.tuples(
            st.just("fill"), st.sampled_from(["buy", "sell"]), decimals("0.001", "3", 3), decimals("90", "110", 2)
        ),
        st.tuples(st.just("mark"), decimals("90", "110", 2)),
        st.tuples(st.just("deposit"), decimals("0.000000001", "5000", 9)),
        st.tuples(st.just("funding"), decimals("-3000", "3000", 2)),
        st.tuples(st.just("settings"), st.sampled_from([60, 900])),
        st.tuples(st.just("explain")),
    ),
    st.sampled_from(["", "", "copy", "keep", "crash"]),
)


class Life:
    """A gate's random life, its record kept by the rules."""

    def __init__(self) -> None:
        self.clock = ManualClock(START_MS * 1_000_000)
        self.gate = Gate("restarts", GROWTH, clock=self.clock)
        self.gate.deposit(10_000)
        self.gate.mark("BTC", 100, atr=1)
        self.now_ms, self.fills = START_MS, 0

    def carry_out(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("sample", equity, drawdown, gross):
                figures = {"equity": equity, "drawdown": drawdown, "gross_exposure": gross}
                told = {name: str(one) for name, one in figures.items()}
                self.gate.note("equity", json.dumps({"at_ms": self.now_ms} | told))
            case ("fill", side, quantity, price):
                self.fills += 1
                self.gate.apply_fill("elsewhere", self.fills, quantity, price, "0.01", asset="BTC", side=side)
            case ("mark", price):
                self.gate.mark("BTC", price, at=self.now_ms * 1_000_000)
                self.gate.hold(1, "so that the mark is written")
            case ("deposit", amount):
                self.gate.deposit(amount)
            case ("funding", amount):
                self.gate.funding("BTC", amount)
            case ("settings", bar_s):
                settings_ = type(SETTINGS)("growth", VERSION, bar_s=bar_s)
                self.gate.note("vault", settings_.to_json())


def explain_first(record: PaperRecord) -> None:
    """The oldest gap that nobody explained, where there is one."""
    for gap in record.time.gaps:
        if gap.reason is None:
            record.explain(gap.from_ms, "a property")
            return


@settings(deadline=None, database=None, print_blob=True, max_examples=150)
@given(st.lists(steps, max_size=60))
def test_going_on_from_the_note_gives_what_folding_everything_gives(history: list[tuple[int, Any, str]]) -> None:
    """One record folds everything once; another is written and read again wherever `copy` or `keep` stands."""
    life = Life()
    whole, parts = (PaperRecord.resume(life.gate, SETTINGS) for _ in range(2))
    for wait_ms, step, then in history:
        life.now_ms += wait_ms
        life.clock.set(life.now_ms * 1_000_000)
        assert whole.saw(life.now_ms) == parts.saw(life.now_ms)
        life.carry_out(step)
        for record in (whole, parts):
            record.catch_up(life.gate)
            if step == ("explain",):
                explain_first(record)
        if then == "copy":
            parts = PaperRecord.from_json(parts.to_json())
        elif then:
            parts.keep(life.gate)
            parts = PaperRecord.resume(life.gate, parts.settings)
            whole.catch_up(life.gate)
    parts.catch_up(life.gate)
    assert parts.to_json() == whole.to_json()
    assert (parts.performance(), parts.lifetime()) == (whole.performance(), whole.lifetime())


@settings(deadline=None, database=None, print_blob=True, max_examples=150)
@given(st.lists(steps, max_size=60))
def test_a_crash_loses_no_evidence_and_hides_no_gap(history: list[tuple[int, Any, str]]) -> None:
    """After a crash the record knows of every gap that was there, and all else as if nothing had happened."""
    life = Life()
    steady = PaperRecord.resume(life.gate, SETTINGS)
    crashed = PaperRecord.resume(life.gate, SETTINGS)
    crashed.keep(life.gate)
    for wait_ms, step, then in history:
        life.now_ms += wait_ms
        life.clock.set(life.now_ms * 1_000_000)
        steady.saw(life.now_ms)
        if crashed.saw(life.now_ms) is not None:
            crashed.keep(life.gate)
        life.carry_out(step)
        steady.catch_up(life.gate)
        crashed.catch_up(life.gate)
        if then == "keep":
            crashed.keep(life.gate)
        elif then == "crash":
            crashed = PaperRecord.resume(life.gate, crashed.settings)
    steady.catch_up(life.gate)
    crashed.catch_up(life.gate)
    kept, expected = (json.loads(one.to_json()) for one in (crashed, steady))
    assert {**kept, "time": None} == {**expected, "time": None}
    first_ms = crashed.time.first_ms
    for gap in steady.time.gaps:
        is_known = any(one.from_ms <= gap.from_ms and gap.until_ms <= one.until_ms for one in crashed.time.gaps)
        # A crash before the first note that knows of the feed: the days begin after it.
        assert is_known or first_ms is None or gap.until_ms <= first_ms, gap
    assert crashed.time.served_ms(life.now_ms) <= steady.time.served_ms(life.now_ms)


def test_thirty_busy_days_fit_into_a_note() -> None:
    """Hourly samples with eighteen digits, a round trip of eighteen digits every quarter of an hour, a gap each day."""
    life = Life()
    record = PaperRecord.resume(life.gate, SETTINGS)
    digits = "1234567.123456789123456789"
    for quarter in range(30 * 96):
        at_ms = START_MS + quarter * HOUR_MS // 4
        for minute in range(0, 15, 5):
            if not (quarter % 96 == 50 and minute):
                record.saw(at_ms + minute * 60_000)
        life.now_ms = at_ms
        for asset in (f"ASSET-{quarter % 16}", "BTC"):
            life.fills += 1
            life.gate.apply_fill("elsewhere", life.fills, "1.234567891", "7654.987654321", "0.123456789", asset=asset,
                                 side="buy" if quarter % 3 else "sell")  # fmt: skip
        if quarter % 4 == 0:
            life.carry_out(("sample", f"{quarter}{digits}", "0.123456789", f"{quarter % 7}{digits}"))
    record.catch_up(life.gate)
    for gap in record.time.gaps:
        record.explain(gap.from_ms, "x" * 250)
    assert len(record.time.gaps) == 30
    assert len(record.window()) == 168
    lifetime = record.lifetime()
    assert lifetime is not None
    assert lifetime.until_ms - lifetime.from_ms > 29 * DAY_MS
    assert len(record.to_json()) < 60_000
    record.keep(life.gate)
    again = PaperRecord.resume(life.gate, SETTINGS)
    assert (again.to_json(), again.sequence) == (
        record.to_json().replace(f'"sequence":{record.sequence}', f'"sequence":{again.sequence}'),
        record.sequence + 1,
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"settings": {}}', "no JSON"])
def test_a_damaged_note_is_refused(text: str) -> None:
    with pytest.raises(VaultError):
        PaperRecord.from_json(text)


def test_a_journal_without_a_note_proves_no_days() -> None:
    """Marks alone, ten days apart, are no sign that somebody watched in between."""
    life = Life()
    life.carry_out(("mark", D(100)))
    life.now_ms += 10 * DAY_MS
    life.clock.set(life.now_ms * 1_000_000)
    life.carry_out(("mark", D(100)))
    record = PaperRecord.resume(life.gate, SETTINGS)
    assert record.time.served_ms(life.now_ms) == 0
    record.saw(life.now_ms + 60_000)
    assert record.time.since_ms() == life.now_ms + 60_000
