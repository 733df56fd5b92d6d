"""The track record: the journal's round trips with their confidence, and going on from a note is folding everything."""

import json
from decimal import Decimal
from typing import Any

import pytest
from gxrisk import Gate, ManualClock, VaultError, order
from gxrisk.vaults.round_trips import round_trips
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.track_record import REVIEW, SCORES, TRADES_MAX, TrackRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from .paper import GROWTH, SETTINGS, START_MS, VERSION

D = Decimal


class Life:
    """A gate where things happen, ten minutes apart."""

    def __init__(self) -> None:
        self.clock = ManualClock(START_MS * 1_000_000)
        self.gate = Gate("ann", GROWTH, clock=self.clock)
        self.gate.note("vault", SETTINGS.to_json())
        self.gate.deposit(10_000)
        self.fills = 0

    def fill(self, side: str, quantity: object, price: object, confidence: float | None = None) -> None:
        """Of an order with that confidence, or of one that nobody approved."""
        self.clock.advance(600)
        self.gate.resume()
        self.gate.mark("BTC", 100, atr=1)
        self.fills += 1
        order_id = "elsewhere"
        if confidence is not None:
            stop = 98 if side == "buy" else 102
            wish = order("BTC", side, quantity, confidence=confidence, reasoning="x", stop_loss=stop)  # type: ignore[arg-type]
            order_id = self.gate.authorize(wish).order_id or "elsewhere"
        self.gate.apply_fill(order_id, self.fills, quantity, price, "0.01", asset="BTC", side=side)  # type: ignore[arg-type]

    def carry_out(self, step: tuple[Any, ...]) -> None:
        """One random step."""
        match step:
            case ("fill", *terms):
                self.fill(*terms)
            case ("deposit", amount):
                self.gate.deposit(amount)
            case ("funding", amount):
                self.gate.funding("BTC", amount)
            case ("review",):
                self.gate.note(REVIEW, json.dumps({"by": "ann", "reason": "x"}))
            case ("score", score):
                TrackRecord().score(self.gate, "BTC", score)
            case ("version", number):
                version = type(VERSION)(VERSION.name, str(number), VERSION.content_hash)
                self.gate.note("vault", VaultSettings("growth", version).to_json())


steps = st.one_of(
    st.tuples(
        st.just("fill"),
        st.sampled_from(["buy", "sell"]),
        st.sampled_from([D(1), D(2)]),
        st.sampled_from([D(95), D(100), D(104)]),
        st.sampled_from([None, 0.5, 0.9]),
    ),
    st.tuples(st.just("deposit"), st.sampled_from([D(1), D(5000)])),
    st.tuples(st.just("funding"), st.sampled_from([D(-3), D(2)])),
    st.just(("review",)),
    st.tuples(st.just("score"), st.sampled_from([0.4, 1.0])),
    st.tuples(st.just("version"), st.sampled_from([1, 2])),
)


@settings(deadline=None, database=None, print_blob=True, max_examples=100)
@given(st.lists(st.tuples(steps, st.booleans()), max_size=60))
def test_going_on_from_a_note_gives_what_folding_everything_gives(history: list[tuple[Any, bool]]) -> None:
    life, parts, heard = Life(), TrackRecord(), []
    for step, is_kept in history:
        life.carry_out(step)
        if is_kept:
            heard += parts.catch_up(life.gate)
            parts = TrackRecord.of_dict(json.loads(json.dumps(parts.to_dict())))
    heard += parts.catch_up(life.gate)
    whole = TrackRecord()
    assert list(whole.catch_up(life.gate)) == heard
    assert whole.to_dict() == parts.to_dict()
    assert whole.record == parts.record
    assert whole.catch_up(life.gate) == ()


def test_returns_durations_and_confidences_are_those_of_the_round_trips() -> None:
    life = Life()
    for confidence, close in ((0.9, 103), (0.6, 99), (None, 101)):
        life.fill("buy", 2, 100, confidence)
        life.fill("sell", 2, close)
    record = TrackRecord()
    record.catch_up(life.gate)
    trips = list(round_trips(life.gate.events()))
    assert record.record.returns == tuple(float(one.profit / one.entry_value) for one in trips)
    assert record.record.duration_s == 600
    health = record.record.health
    assert health is not None
    assert health.vitals.confidence == pytest.approx(0.75), "the third was nobody's"
    assert health.vitals.win_rate == pytest.approx(2 / 3)
    assert health.vitals.drawdown == pytest.approx(0.04 / 10_000), "of what was paid in"


@pytest.mark.parametrize("by", [("review",), ("version", 2)])
def test_a_review_or_another_version_begins_anew_and_what_was_held_counts_for_neither(by: tuple[Any, ...]) -> None:
    life = Life()
    life.fill("buy", 2, 100, 0.9)
    life.fill("sell", 2, 90)
    life.fill("buy", 1, 100, 0.9)
    life.carry_out(by)
    life.fill("sell", 1, 90)
    record = TrackRecord()
    record.catch_up(life.gate)
    assert record.record.returns == ()
    life.fill("buy", 1, 100, 0.9)
    life.fill("sell", 1, 104)
    record.catch_up(life.gate)
    assert record.record.returns == (0.0398,)


def test_what_is_kept_is_bounded_and_fits_a_note() -> None:
    life = Life()
    for number in range(2 * TRADES_MAX + 20):
        life.fill("buy" if number % 2 else "sell", "0.123456789", "100.123456789", 0.9)
        if number % 2:
            order_ = order("BTC", "buy", "0.01", confidence="0.7", reasoning="never filled", stop_loss=98)
            decision = life.gate.authorize(order_)
            if decision:
                life.gate.redeem(decision.approval)  # type: ignore[arg-type]
                life.gate.order_cancelled(str(decision.order_id))
    record = TrackRecord()
    record.catch_up(life.gate)
    assert len(record.record.returns) == TRADES_MAX
    kept = json.dumps(record.to_dict())
    assert len(kept) < 30_000
    assert len(json.loads(kept)["openings"]) <= 130


@pytest.mark.parametrize(
    "damage", [{"balance": "x"}, {"trades": 3}, {"health": "{}"}, {"held": [{}]}, {"sequence": None}]
)
def test_a_damaged_note_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(VaultError, match="damaged"):
        TrackRecord.of_dict(TrackRecord().to_dict() | damage)


def test_a_trade_has_the_feed_s_score_of_when_it_was_opened() -> None:
    life, record = Life(), TrackRecord()
    for score in (0.4, 0.8, None):
        record.catch_up(life.gate)
        if score is not None:
            record.score(life.gate, "BTC", score)
        life.fill("buy", D(1), D(100), 0.9)
        record.catch_up(life.gate)
        record.score(life.gate, "BTC", 0.8)
        life.fill("sell", D(1), D(101))
    record.catch_up(life.gate)
    health = record.record.health
    assert health is not None
    assert health.vitals.data_quality == pytest.approx((0.4 + 0.8 + 0.8) / 3)
    notes = [each["text"] for each in life.gate.events() if each["kind"] == "note" and each["topic"] == SCORES]
    assert notes == ['{"BTC": 0.4}', '{"BTC": 0.8}'], "a score that has not changed is no news"


def test_without_any_score_the_data_is_unknown() -> None:
    life, record = Life(), TrackRecord()
    life.fill("buy", D(1), D(100), 0.9)
    life.fill("sell", D(1), D(101))
    record.catch_up(life.gate)
    health = record.record.health
    assert health is not None
    assert health.vitals.data_quality is None
