"""What each scenario must bring about, with the model that buys whatever passes."""

from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from gxrisk.drills import SCENARIOS
from gxrisk.drills.invariants import checks
from gxrisk.drills.ledger import openings
from gxrisk.drills.losses import losses
from gxrisk.drills.seen import Ran

from .conftest import MOMENTUM, Runs


def trips(ran: Ran) -> list[str]:
    """The breakers that tripped, in their order."""
    return [one["breaker"] for one in ran.events if one["kind"] == "trip"]


def of_kind(ran: Ran, kind: str, **fields: Any) -> list[dict[str, Any]]:
    """The records of a kind with these fields."""
    return [one for one in ran.events if one["kind"] == kind and fields.items() <= one.items()]


def holds(ran: Ran) -> Counter[str]:
    """The reasons of the model's holds."""
    return Counter(one["reasoning"] for one in of_kind(ran, "hold"))


@pytest.mark.parametrize("model", [MOMENTUM, None], ids=["momentum", "stubborn"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_everything_holds_in_every_scenario(ran: Runs, scenario: str, model: str | None) -> None:
    done = ran(scenario, model) if model else ran(scenario)
    assert [one for one in checks(done) if not one.held] == []
    assert len(openings(done.events, {})) >= 2, "a drill in which nothing is opened shows nothing"
    assert len(done.fills) >= 2


def test_a_day_as_in_1987_trips_the_breakers_of_loss(ran: Runs) -> None:
    done = ran("black-monday")
    assert "daily_loss" in trips(done)
    prices = [one.prices["BTC"] for one in done.minutes]
    open_ = next(one.prices["BTC"] for one in done.minutes if one.at_ms == _begins_ms(done) - 60_000)
    assert float(prices[-1] / open_) == pytest.approx(1738.74 / 2246.74, abs=0.002)
    (beyond,) = losses(done).beyond
    assert beyond.limit == "max_daily_loss"
    assert float(beyond.move) == pytest.approx(2046 / 2246.74 - 1, abs=0.001), "it is passed in the gap"
    assert beyond.crossed == done.scenario.begins


def test_a_day_as_in_1987_trips_drawdown_and_price_move_where_they_are_tighter(ran: Runs) -> None:
    done = ran("black-monday", max_drawdown="0.05", price_move_max="0.08")
    assert {"drawdown", "price_move", "daily_loss"} <= set(trips(done))
    assert "drawdown" in [one.code for one in done.notices]


def test_a_flash_crash_is_over_within_36_minutes_and_trips_price_move_where_that_is_tighter(ran: Runs) -> None:
    done = ran("flash-crash", price_move_max="0.04")
    trip = of_kind(done, "trip", breaker="price_move")[0]
    begins = done.scenario.begins
    assert 9 * 60 <= (_time(trip) - begins).total_seconds() <= 15 * 60
    assert done.scenario.minutes == 36
    prices = [float(one.prices["BTC"]) for one in done.minutes]
    assert min(prices) < 0.945 * prices[0] < 0.99 * prices[0] < prices[-1] * 1.01


def test_a_slow_bleed_trips_the_daily_loss_of_two_days_and_never_price_move(ran: Runs) -> None:
    done = ran("slow-bleed")
    days = {_time(one).day for one in of_kind(done, "trip", breaker="daily_loss")}
    assert days == {5, 6}
    assert "price_move" not in trips(done)
    assert losses(done).drawdown > losses(done).day_fraction


def test_an_outage_trips_oracle_failure_while_it_lasts_and_stops_fill_in_the_dark(ran: Runs) -> None:
    done = ran("feed-outage")
    (trip,) = of_kind(done, "trip", breaker="oracle_failure")
    assert 11 <= (_time(trip) - done.scenario.begins).total_seconds() / 60 <= 12
    dark = range(_begins_ms(done) + 10 * 60_000, _begins_ms(done) + 45 * 60_000)
    stops = [one for one in done.fills if one.leg == "stop_loss" and int(one.at.timestamp() * 1000) in dark]
    assert stops
    assert not [
        one for one in of_kind(done, "market") if int(_time(one).timestamp() * 1000) in dark[1:] and one["marks"]
    ]
    assert [one.code for one in done.notices].count("feed_silent") == 1


def test_a_corrupted_feed_trips_price_move_and_falsely_drawdown(ran: Runs) -> None:
    done = ran("corrupted-feed")
    assert {"price_move", "drawdown"} <= set(trips(done))
    assert losses(done).is_within


def test_data_quality_suspends_a_corrupted_feed_and_nothing_opens_any_more(ran: Runs) -> None:
    done = ran("corrupted-feed", data_quality=True)
    (told,) = [one for one in done.notices if one.code == "feed_suspended"]
    assert [
        one for one in openings(done.events, {}) if _time({"time": one.time}) > datetime.fromisoformat(told.at)
    ] == []
    assert "feed_suspended" not in [one.code for one in ran("corrupted-feed").notices]


def test_a_panicking_model_is_a_hold_on_record_at_every_bar(ran: Runs) -> None:
    reasons = holds(ran("model-panics"))
    assert reasons["the strategy raised RuntimeError: the model panicked"] >= 90


def test_a_looping_model_loses_in_a_row_and_is_paused(ran: Runs) -> None:
    done = ran("model-loops")
    assert trips(done).count("consecutive_losses") >= 2


def test_a_frozen_model_is_waited_for_once(ran: Runs) -> None:
    reasons = holds(ran("model-freezes"))
    assert reasons["the strategy gave no answer within 0.2 s"] == 1
    assert sum(count for reason, count in reasons.items() if "still busy" in reason) >= 90


def test_an_overconfident_model_gets_what_the_limits_allow(ran: Runs) -> None:
    done = ran("model-overconfident", MOMENTUM)
    orders = [one for one in of_kind(done, "decision", outcome="rejected") if one["order"]["reasoning"] == "certain"]
    assert {"position_size", "concentration"} <= {rule["rule"] for one in orders for rule in one["violations"]}
    used = [one.used["max_concentration"] for one in openings(done.events, {})]
    assert 0.5 < max(used) <= 0.6


def test_a_rejecting_venue_trips_execution_failure(ran: Runs) -> None:
    done = ran("venue-rejects")
    assert len(of_kind(done, "failed")) >= 3
    assert "execution_failure" in trips(done)


def test_a_hanging_venue_is_assumed_to_have_done_nothing(ran: Runs) -> None:
    done = ran("venue-hangs")
    hung = range(_begins_ms(done) + 5 * 60_000, _begins_ms(done) + 100 * 60_000)

    def during(kind: str) -> list[dict[str, Any]]:
        return [one for one in of_kind(done, kind) if int(_time(one).timestamp() * 1000) in hung]

    assert during("redeemed"), "an order was sent into the silence"
    last = during("redeemed")[-1]["sequence"]
    assert [one for one in during("fill") if one["sequence"] > last] == []
    assert [one for one in during("cancelled") if one["sequence"] > last] == [], "nor that it failed"
    settled = [
        one for one in done.events if one["kind"] in ("fill", "cancelled", "accepted") and one["sequence"] > last
    ]
    assert settled, "afterwards the venue is asked what became of it"


def test_a_fill_after_a_confirmed_cancel_is_booked_and_no_mismatch(ran: Runs) -> None:
    done = ran("venue-fills-late")
    cancelled = {one["order_id"]: one["sequence"] for one in of_kind(done, "cancelled")}
    late = [one for one in of_kind(done, "fill") if one["sequence"] > cancelled.get(one["order_id"], one["sequence"])]
    assert late
    assert all(one["approved"] for one in late)
    assert "fill_mismatch" not in trips(done)


def test_a_fill_that_is_told_twice_counts_once(ran: Runs) -> None:
    done = ran("venue-repeats-fills")
    ids = [one["fill_id"] for one in of_kind(done, "fill")]
    assert len(ids) == len(set(ids)) == len(done.fills)
    assert done.told > len(done.fills)
    assert "fill_mismatch" not in trips(done)


def test_an_order_that_fills_twice_is_a_mismatch_and_the_position_is_the_venues(ran: Runs) -> None:
    done = ran("venue-fills-twice")
    (trip,) = of_kind(done, "trip", breaker="fill_mismatch")
    ids = Counter(one.order_id for one in done.fills if one.leg == "order")
    assert max(ids.values()) == 2
    after = [one for one in openings(done.events, {}) if one.sequence > trip["sequence"]]
    assert after == []


def _begins_ms(ran: Ran) -> int:
    return int(ran.scenario.begins.timestamp()) * 1000


def _time(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["time"])
