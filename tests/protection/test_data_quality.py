"""Data quality: each fault at its border, properties, and what it says of recorded markets, crashes and bad prints."""

import json
import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from math import exp, inf, log, nan
from pathlib import Path

import numpy as np
import pytest
from gxrisk.feeds import Candle, Moment, Trade
from gxrisk.protection import DataQuality, DataQualityError, Print, Quality, QualitySettings
from gxrisk.protection.data_quality_feed import SOURCES_MAX, FeedQuality
from gxrisk.protection.data_quality_jumps import RETURNS_MIN, SCALE_MIN, Jumps
from gxrisk.protection.data_quality_words import Suspension
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from tests.protection.watched import DATA_SETS, recorded, watch

MINUTE_MS = 60_000
DOCS = Path(__file__).parents[2] / "docs" / "monitoring.md"


def sound(minutes: int = 40) -> list[Print]:
    """Minutes of a market that moves a little."""
    return [Print(n * MINUTE_MS, 100.0 + n % 3 / 10) for n in range(minutes)]


def fed(prints: Iterable[Print], settings: QualitySettings | None = None) -> tuple[FeedQuality, Quality]:
    """A feed that told `prints`, and its quality after the last."""
    feed = FeedQuality("BTC", settings)
    quality = feed.look(0)
    for one in prints:
        quality = feed.take(one)
    return feed, quality


def kinds(quality: Quality) -> dict[str, int]:
    """How many faults of each kind count now."""
    return {one.kind: one.count for one in quality.faults}


NEXT = 40 * MINUTE_MS
FAULTS: list[tuple[str, list[Print], dict[str, int], float]] = [
    # what                     what follows forty sound minutes                      faults              score
    ("nothing", [Print(NEXT, 100.0)], {}, 1.0),
    ("bid above ask", [Print(NEXT, 100.0, bid=100.1, ask=100.0)], {"crossed": 1}, 0.75),
    ("bid at ask", [Print(NEXT, 100.0, bid=100.0, ask=100.0)], {}, 1.0),
    ("high under low", [Print(NEXT, 100.0, open=100.0, high=99.0, low=101.0)], {"crossed": 1}, 0.75),
    ("open outside", [Print(NEXT, 100.0, open=98.9, high=101.0, low=99.0)], {"crossed": 1}, 0.75),
    ("open at the low", [Print(NEXT, 100.0, open=99.0, high=101.0, low=99.0)], {}, 1.0),
    ("close outside", [Print(NEXT, 101.1, open=100.0, high=101.0, low=99.0)], {"crossed": 1}, 0.75),
    ("price nan", [Print(NEXT, nan)], {"crossed": 1}, 0.75),
    ("price zero", [Print(NEXT, 0.0)], {"crossed": 1}, 0.75),
    ("price infinite", [Print(NEXT, inf)], {"crossed": 1}, 0.75),
    ("twice the same", [sound()[-1]], {"duplicated": 1}, 0.98),
    ("same time, another price", [replace(sound()[-1], price=100.2)], {}, 1.0),
    ("one ms back", [Print(NEXT - MINUTE_MS - 1, 100.0)], {"out_of_order": 1}, 0.95),
    ("five minutes later", [Print(NEXT + 4 * MINUTE_MS, 100.0)], {}, 1.0),
    ("a ms more", [Print(NEXT + 4 * MINUTE_MS + 1, 100.0)], {"gap": 1}, 0.95),
    ("a move in question", [Print(NEXT, 90.0)], {"unconfirmed": 1}, 0.8),
    ("one print confirms", [Print(NEXT, 90.0), Print(NEXT + 1, 90.1)], {"unconfirmed": 1}, 0.8),
    ("two prints confirm", [Print(NEXT, 90.0), Print(NEXT + 1, 90.1), Print(NEXT + 2, 89.0)], {}, 1.0),
    ("it came back", [Print(NEXT, 90.0), Print(NEXT + 1, 100.0)], {"outlier": 1}, 1 - log(100.1 / 90) ** 2),
    ("too small to ask", [Print(NEXT, 100.0 * exp(-0.049))], {}, 1.0),
    ("a wick", [Print(NEXT, 100.0, open=100.0, high=100.0, low=60.0)], {"outlier": 1}, 1 - log(0.6) ** 2),
]


@pytest.mark.parametrize(("what", "then", "faults", "score"), FAULTS, ids=[row[0] for row in FAULTS])
def test_each_fault_at_its_border(what: str, then: list[Print], faults: dict[str, int], score: float) -> None:
    prints = sound()
    if what == "it came back":
        prints[-1] = replace(prints[-1], price=100.1)
    _, quality = fed([*prints, *then])
    assert kinds(quality) == faults
    assert quality.score == pytest.approx(score, abs=1e-12)
    assert quality.is_usable == ("crossed" not in faults)
    assert not quality.is_suspended


@pytest.mark.parametrize(("marks", "usable"), [(True, [True] * 6), (False, [False, True, False, False, True, True])])
def test_what_is_in_question_is_held_back_on_request(marks: bool, usable: list[bool]) -> None:
    feed, _ = fed(sound(), QualitySettings(marks_unconfirmed=marks))
    told = [60.0, 100.0, 90.0, 90.1, 89.0, 89.1]  # a bad print, and a crash that two prints confirm
    assert [feed.take(Print(NEXT + n * MINUTE_MS, price)).is_usable for n, price in enumerate(told)] == usable


@pytest.mark.parametrize(("later_ms", "is_stale"), [(2 * MINUTE_MS, False), (2 * MINUTE_MS + 1, True)])
def test_silence_counts_while_it_lasts(later_ms: int, is_stale: bool) -> None:
    prints = sound()
    feed, _ = fed(prints)
    quality = feed.look(prints[-1].at_ms + later_ms)
    assert (kinds(quality), quality.is_suspended) == ({"stale": 1} if is_stale else {}, False)
    assert feed.take(Print(prints[-1].at_ms + later_ms, 100.1)).score == 1.0


@pytest.mark.parametrize(("hour_ms", "is_frozen"), [(59 * MINUTE_MS, False), (60 * MINUTE_MS, True)])
def test_an_hour_without_any_change_is_frozen(hour_ms: int, is_frozen: bool) -> None:
    still = [Print(n * MINUTE_MS, 100.0, bid=99.9, ask=100.1) for n in range(hour_ms // MINUTE_MS + 1)]
    _, quality = fed(still)
    assert (("frozen" in kinds(quality)), quality.is_suspended) == (is_frozen, is_frozen)
    moving = [*still[:-1], replace(still[-1], ask=100.2)]
    assert "frozen" not in kinds(fed(moving)[1])


def test_a_few_prints_in_an_hour_are_a_quiet_market() -> None:
    _, quality = fed([Print(n * 10 * MINUTE_MS, 100.0) for n in range(9)], QualitySettings(gap_intervals=20))
    assert kinds(quality) == {}


def test_suspension_is_below_the_line_and_not_at_it() -> None:
    crossed = [Print(NEXT + n, 100.0, bid=101.0, ask=100.0) for n in range(3)]
    feed, quality = fed([*sound(), *crossed[:2]])
    assert (quality.score, quality.is_suspended) == (0.5, False)
    quality = feed.take(crossed[2])
    assert (quality.score, quality.is_suspended, quality.level) == (0.25, True, "critical")


def test_what_is_old_does_not_count() -> None:
    feed, quality = fed([*sound(), Print(NEXT, 100.0, bid=101.0, ask=100.0)])
    for n in range(1, 61):
        assert quality.score == 0.75
        quality = feed.take(Print(NEXT + n * MINUTE_MS, 100.0 + n % 2 / 10))
    assert quality.score == 1.0


def test_a_fault_can_only_take_what_its_kind_may() -> None:
    feed, quality = fed(sound())
    for n in range(50):
        quality = feed.take(Print(n, 100.0))
    assert (kinds(quality), quality.is_suspended) == ({"out_of_order": 50}, False)
    assert quality.score == pytest.approx(0.8)


# Other sources


def test_another_source_confirms_at_once() -> None:
    quality = DataQuality()
    for one in sound():
        quality.take("BTC", one)
    quality.hear("BTC", "elsewhere", NEXT - 1, 89.5)
    assert quality.take("BTC", Print(NEXT, 90.0)).score == 1.0


def test_one_of_several_sources_is_enough_to_confirm() -> None:
    feed, _ = fed(sound())
    feed.hear("one", NEXT, 90.5)
    feed.hear("other", NEXT, 89.5)
    feed.hear("slow", NEXT, 100.0)
    assert kinds(feed.take(Print(NEXT, 90.0))) == {}


def test_what_other_sources_deny_is_never_confirmed_and_suspends() -> None:
    quality = DataQuality()
    for one in sound():
        quality.take("BTC", one)
    scores = []
    for n in range(5):
        quality.hear("BTC", "elsewhere", NEXT + n * MINUTE_MS, 100.0)
        now = quality.take("BTC", Print(NEXT + n * MINUTE_MS, 90.0))
        scores.append(now.score)
    assert scores == pytest.approx([0.7, 0.6, 0.5, 0.4, 0.3])
    assert kinds(now) == {"disagreement": 5, "unconfirmed": 1}
    assert [change.kind for change in quality.changes()] == ["suspended"]


@pytest.mark.parametrize(("other", "agrees"), [(exp(0.0199), True), (exp(0.0201), False), (exp(-0.0201), False)])
def test_disagreement_at_its_border(other: float, agrees: bool) -> None:
    feed, _ = fed([replace(one, price=100.0) for one in sound()[:9]])
    feed.hear("one", 9 * MINUTE_MS, 100.0 * other)
    assert kinds(feed.take(Print(9 * MINUTE_MS, 100.0))) == ({} if agrees else {"disagreement": 1})


def test_a_source_that_fell_silent_says_nothing() -> None:
    feed, _ = fed(sound())
    feed.hear("one", NEXT - 2 * MINUTE_MS - 1, 50.0)
    assert kinds(feed.take(Print(NEXT, 100.0))) == {}
    feed.hear("one", NEXT + MINUTE_MS, 100.0)
    feed.hear("one", NEXT, 50.0)  # older than what it said
    assert kinds(feed.take(Print(NEXT + MINUTE_MS, 100.1))) == {}


def test_sources_are_few_and_tell_prices() -> None:
    feed = FeedQuality("BTC")
    for number in range(SOURCES_MAX):
        feed.hear(f"source-{number}", 0, 100.0)
    feed.hear("source-0", 1, 101.0)
    with pytest.raises(DataQualityError, match="at most 16"):
        feed.hear("another", 0, 100.0)
    with pytest.raises(DataQualityError, match="above 0"):
        feed.hear("source-0", 2, nan)


# Suspension and review


def phantom(quality: DataQuality, at_ms: int = NEXT) -> None:
    """A print of a hundredth of the price, gone with the next."""
    for one in (*sound(at_ms // MINUTE_MS), Print(at_ms, 1.0), Print(at_ms + 1, 100.0)):
        quality.take("BTC", one)


def test_only_a_named_person_with_a_reason_lets_a_feed_return() -> None:
    quality = DataQuality()
    phantom(quality)
    for n in range(200):
        now = quality.take("BTC", Print(NEXT + (n + 1) * MINUTE_MS, 100.0 + n % 2))
    assert (now.is_suspended, now.is_usable, now.score) == (True, False, 1.0)
    for by, reason in (("", "looked"), ("ann", " ")):
        with pytest.raises(DataQualityError, match="both are needed"):
            quality.review("BTC", by, reason)
    quality.review("BTC", "ann", "the venue confirmed a bad print")
    assert dict(quality.suspended) == {}
    suspended, returned = quality.changes()
    assert (suspended.kind, returned.kind, returned.at_ms) == ("suspended", "returned", NEXT + 200 * MINUTE_MS)
    assert returned.text == "BTC is back, reviewed by ann: the venue confirmed a bad print"
    assert quality.changes() == ()
    with pytest.raises(DataQualityError, match="not suspended"):
        quality.review("BTC", "ann", "again")
    assert quality.take("BTC", Print(NEXT + 300 * MINUTE_MS, 55.0)).is_usable  # taken as it comes


def test_a_review_forgives_what_was() -> None:
    quality = DataQuality()
    phantom(quality)
    quality.review("BTC", "ann", "looked")
    now = quality.take("BTC", Print(NEXT + MINUTE_MS, 100.0))
    assert (now.score, now.is_suspended) == (1.0, False)


def test_a_feed_that_is_still_wrong_is_suspended_again() -> None:
    quality = DataQuality()
    still = [Print(n * MINUTE_MS, 100.0) for n in range(200)]
    suspended_at = []
    for n, one in enumerate(still):
        if quality.take("BTC", one).is_suspended:
            suspended_at.append(n)
            quality.review("BTC", "ann", "it only stands still")
    assert suspended_at == [60, 121, 182]


def test_a_suspension_survives_a_restart_and_one_asset_is_not_another() -> None:
    quality = DataQuality()
    phantom(quality)
    quality.take("ETH", Print(0, 10.0))
    kept = quality.to_json()
    again = DataQuality()
    again.restore(kept)
    assert dict(again.suspended) == dict(quality.suspended)
    assert again.to_json() == kept
    assert not again.take("BTC", Print(NEXT, 100.0)).is_usable
    assert again.take("ETH", Print(NEXT, 10.0)).is_usable
    assert again.changes() == ()  # it was told before the restart
    assert json.loads(quality.to_json(["ETH"]))["suspended"] == {}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2, "suspended": {}}', '{"version": 1, "suspended": [1]}']
)
def test_a_note_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DataQualityError, match="holds no suspensions"):
        DataQuality().restore(text)


def test_a_moment_loses_what_may_not_be_marked() -> None:
    def bar(asset: str, minute: int, price: str, low: str | None = None) -> Candle:
        one = Decimal(price)
        return Candle(asset, minute * MINUTE_MS, MINUTE_MS, one, one, Decimal(low or price), one, 1.0)

    quality = DataQuality()
    for minute in range(40):
        moment = Moment(minute * MINUTE_MS, closed=(bar("BTC", minute, f"10{minute % 3}"), bar("ETH", minute, "10")))
        assert quality.judged(moment) is moment
    impossible = Moment(0, closed=(bar("BTC", 40, "100", low="101"), bar("ETH", 40, "10.1")))
    assert [one.asset for one in quality.judged(impossible).closed] == ["ETH"]
    for minute, price in ((41, "1"), (42, "100")):
        told = Moment(0, closed=(bar("BTC", minute, price),), opened=(bar("BTC", minute + 1, price),))
        left = quality.judged(told)
    assert "BTC" in quality.suspended
    assert (left.closed, left.opened) == (told.closed, ())  # the sound price after the phantom is the last one
    told = Moment(0, closed=(bar("BTC", 43, "101"),), opened=(bar("BTC", 44, "101"),))
    assert quality.judged(told) == Moment(0)
    trade = Trade("BTC", 43 * MINUTE_MS, Decimal(100), Decimal(1))
    other = replace(trade, asset="ETH", price=Decimal(10))
    assert quality.judged(Moment(0, trades=(trade, other))).trades == (other,)


# Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval_s": 0},
        {"z_max": nan},
        {"move_min": inf},
        {"window": 1.5},
        {"window": True},
        {"returns": 29},
        {"confirmations": 0},
        {"suspend_below": 1.1},
        {"disagreement_max": "2 %"},
        {"marks_unconfirmed": 0},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DataQualityError, match=f"{next(iter(wrong))}: .* was given"):
        QualitySettings(**wrong)  # type: ignore[arg-type]


def test_before_the_first_print_nothing_is_known() -> None:
    quality = FeedQuality("BTC").look(5)
    assert (quality.score, quality.level, quality.is_usable) == (None, None, False)


# Properties and references

STEPS = st.lists(
    st.tuples(
        st.integers(-2 * MINUTE_MS, 10 * MINUTE_MS),
        st.sampled_from([1.0, 1.0, 1.0, 1.001, 0.999, 0.94, 1.07, 0.5, 2.0, 0.01, 100.0, -1.0, nan]),
        st.booleans(),
    ),
    max_size=120,
)


def walked(steps: list[tuple[int, float, bool]], factor: float = 1.0) -> list[Print]:
    """A feed of sound minutes and then anything."""
    prints = [replace(one, price=one.price * factor) for one in sound()]
    at_ms = NEXT
    for elapsed_ms, times, is_crossed in steps:
        at_ms = max(0, at_ms + elapsed_ms)
        price = 128.0 * factor * times
        prints.append(Print(at_ms, price, bid=price * 2 if is_crossed else None, ask=price))
    return prints


@given(STEPS)
def test_whatever_comes_the_score_is_one_and_suspension_waits_for_review(steps: list[tuple[int, float, bool]]) -> None:
    feed = FeedQuality("BTC")
    was_suspended, latest = False, None
    for one in walked(steps):
        quality = feed.take(one)
        assert quality.score is not None
        assert 0 <= quality.score <= 1
        assert quality.is_suspended or not was_suspended
        assert quality.is_suspended or quality.score >= 0.5
        assert quality.is_usable <= (one.impossible is None and not was_suspended)
        if latest is None or one.at_ms >= latest:
            assert quality.is_usable == (one.impossible is None and not was_suspended)
        if one.impossible is None:
            latest = one.at_ms if latest is None else max(latest, one.at_ms)
        was_suspended = quality.is_suspended


@given(STEPS, st.integers(0, 160))
def test_what_follows_changes_nothing_before(steps: list[tuple[int, float, bool]], cut: int) -> None:
    prints = walked(steps)
    whole, part = FeedQuality("BTC"), FeedQuality("BTC")
    said = [repr(whole.take(one)) for one in prints]
    assert [repr(part.take(one)) for one in prints[:cut]] == said[:cut]


LATE = st.lists(
    st.tuples(st.integers(0, 39), st.integers(1, 90 * MINUTE_MS), st.sampled_from([1.0, 1.04, 0.96, 1.06, 0.5, 2.0])),
    max_size=30,
)


@given(LATE)
def test_what_comes_late_or_twice_moves_nothing_and_is_marked_only_near_the_level(
    late: list[tuple[int, int, float]],
) -> None:
    """A sound feed goes on as if nothing had come between; what lies off its level reaches no gate."""
    alone, beset = FeedQuality("BTC"), FeedQuality("BTC")
    for n, one in enumerate(sound()):
        expected, found = alone.take(one), beset.take(one)
        assert found.is_usable == expected.is_usable
        assert not found.is_suspended
        assert set(kinds(found)) <= {"out_of_order", "duplicated"}
        for at, back_ms, times in late:
            if at == n:
                told = Print(one.at_ms - back_ms, one.price * times)
                assert beset.take(told).is_usable == (abs(log(told.price / one.price)) < 0.05)
                assert beset.take(one).is_usable
    after = Print(NEXT, 100.05)
    assert alone.take(after).is_usable == beset.take(after).is_usable
    pickled = [pickle.dumps((feed._jumps, feed._last, feed._still)) for feed in (alone, beset)]
    assert pickled[0] == pickled[1]


@pytest.mark.parametrize(
    ("told", "usable"),
    [
        (Print(NEXT - 2 * MINUTE_MS, 100.0 * exp(0.0499)), True),
        (Print(NEXT - 2 * MINUTE_MS, 100.0 * exp(0.0501)), False),
        (Print(NEXT - 2 * MINUTE_MS, 1.0), False),
        (Print(NEXT - 2 * MINUTE_MS, 100.0, open=100.0, high=100.0, low=50.0), False),
        (Print(NEXT - 2 * MINUTE_MS, 100.0, open=100.0, high=101.0, low=99.0), True),
    ],
    ids=["near", "far", "phantom", "a wick", "a bar"],
)
def test_a_late_print_is_judged_at_its_border(told: Print, usable: bool) -> None:
    feed, _ = fed([*sound()[:-1], Print(NEXT - MINUTE_MS, 100.0)])
    quality = feed.take(told)
    assert (kinds(quality), quality.is_usable) == ({"out_of_order": 1}, usable)
    assert ("nothing confirms its price" in quality.reason) != usable
    assert feed.take(Print(NEXT, 100.1)).is_usable


def test_a_suspension_s_note_has_its_bound() -> None:
    """With as many assets as a server's feed may tell of, whatever they are called, and whatever is wrong."""
    quality = DataQuality()
    for number in range(250):
        asset = f"{number:03}" + '"' * 61
        quality._feed(asset).suspension = Suspension(1_800_000_000_000, "score 0.000: " + "x" * 500)
    kept = quality.to_json()
    assert len(kept.encode()) <= 65_536
    again = DataQuality()
    again.restore(kept)
    assert again.suspended.keys() == quality.suspended.keys()


@given(STEPS)
def test_the_unit_of_the_price_does_not_matter(steps: list[tuple[int, float, bool]]) -> None:
    one, other = fed(walked(steps))[1], fed(walked(steps, 2.0**-20))[1]
    assert (kinds(one), one.is_suspended) == (kinds(other), other.is_suspended)
    assert one.score == pytest.approx(other.score)


@pytest.mark.parametrize("seed", [20171222])
def test_memory_is_bounded(seed: int) -> None:
    random = np.random.default_rng(seed)

    def size_after(count: int) -> int:
        steps = [(int(random.integers(-9, 99)), float(random.choice([1, 1.01, 0.5, nan])), False) for _ in range(count)]
        return len(pickle.dumps(fed(walked(steps))[0]))

    assert size_after(20_000) < 1.2 * size_after(2_000)


@given(st.lists(st.floats(-0.05, 0.05), min_size=RETURNS_MIN, max_size=120), st.floats(-3, 3))
def test_the_robust_z_is_scipys(returns: list[float], move: float) -> None:
    jumps = Jumps(QualitySettings(z_max=1e12, move_min=1e12))  # nothing is in question
    price = 100.0
    jumps.take(0, price, ())
    taken = []
    for n, one in enumerate(returns):
        before, price = price, price * exp(one)
        jumps.take(n, price, ())
        taken.append(log(price / before))
    deviation = max(float(median_abs_deviation(taken, scale="normal")), SCALE_MIN)
    assert jumps.z(move) == pytest.approx(abs(move - np.median(taken)) / deviation, rel=1e-4)


# Recorded markets

UNTIL = "%m-%d %H:%M"


@pytest.mark.parametrize("name", DATA_SETS)
def test_recorded_markets_are_as_the_documentation_says(name: str) -> None:
    outcome = watch(recorded(name))
    assert outcome.row(name) in DOCS.read_text(encoding="utf-8").splitlines()
    if not name.startswith("btcusd-1m-2013"):
        assert outcome.suspended_ms == []  # the crashes of 2017, 2020 and 2021 among them
        assert outcome.last >= 0.95  # and none is held against a feed for ever


def test_the_phantom_prints_of_2013_are_suspended() -> None:
    suspended = {
        datetime.fromtimestamp(at_ms / 1000, UTC).strftime(UNTIL)
        for at_ms in watch(recorded("btcusd-1m-2013-04-08_2013-04-15-bitfinex")).suspended_ms
    }
    # -90 %, -90 %, -99 % and -80 % for one print each: the bar after it ends
    assert {"04-10 17:38", "04-11 12:38", "04-11 18:15", "04-14 02:46"} <= suspended


CRASHES = [
    ("btcusdt-5m-2020-03-01_2020-03-13-binance", "2020-03-12T10:00", "2020-03-12T21:05"),
    ("ethusdt-5m-2021-05-10_2021-05-26-binance", "2021-05-19T12:00", "2021-05-19T15:00"),
    ("btcusdt-5m-2021-05-10_2021-05-26-binance", "2021-05-19T12:00", "2021-05-19T15:00"),
    ("btcusd-1m-2017-12-18_2017-12-26-bitfinex", "2017-12-22T12:00", "2017-12-22T16:00"),
    ("xrpusd-1m-2017-12-18_2017-12-26-bitfinex", "2017-12-22T07:00", "2017-12-22T09:00"),
]


@pytest.mark.parametrize(("name", "since", "until"), CRASHES, ids=[row[0] for row in CRASHES])
def test_through_a_crash_every_price_can_be_used_and_no_question_stays_open(name: str, since: str, until: str) -> None:
    series = recorded(name)
    feed = FeedQuality(series.asset, QualitySettings(interval_s=series.interval_ms / 1000))
    first, last = (datetime.fromisoformat(f"{one}:00+00:00").timestamp() * 1000 for one in (since, until))
    in_question = 0
    for candle in series.candles:
        quality = feed.take(Print.of(candle))
        if first <= candle.end_ms <= last:
            assert quality.is_usable
            in_question = in_question + 1 if "unconfirmed" in kinds(quality) else 0
            assert in_question <= 3


TAMPERED: list[tuple[str, Callable[[float, int], float]]] = [
    ("one print at a tenth", lambda price, n: price / 10 if n == 0 else price),
    ("another market's price", lambda price, n: price * 0.93 if n < 30 else price),
    ("stuck at the last price", lambda price, n: 15_000.0),
    ("a drift of a tenth of a percent a minute", lambda price, n: price * (1 + n / 1000)),
]


@pytest.mark.parametrize(("what", "tampered"), TAMPERED, ids=[row[0] for row in TAMPERED])
def test_a_feed_that_was_tampered_with_is_suspended(what: str, tampered: Callable[[float, int], float]) -> None:
    """December 2017 as it was, seen by another source, and the same with a fault from the 2,000th minute on."""
    quality = DataQuality()
    for number, candle in enumerate(recorded("btcusd-1m-2017-12-18_2017-12-26-bitfinex").candles[:2200], start=-2000):
        true = float(candle.close)
        quality.hear("BTC", "elsewhere", candle.end_ms, true)
        now = quality.take("BTC", Print(candle.end_ms, true if number < 0 else tampered(true, number)))
        assert number >= 0 or now.score == 1.0
    assert now.is_suspended
