"""What graduates and what does not, one unit around every limit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from gxrisk import VaultError
from gxrisk.vaults.evidence import DAY_MS, HOUR_MS, PaperRecord
from gxrisk.vaults.gaps import GAPS_MAX, FeedTime, Gap
from gxrisk.vaults.graduation import Graduation, judge
from gxrisk.vaults.settings import VaultSettings

from .paper import BAR_MS, GROWTH, SETTINGS, START_MS, VERSION, Paper

D = Decimal
WEEK_MS = 7 * DAY_MS


def judged(paper: Paper, now_ms: int | None = None) -> Graduation:
    return judge(paper.record, GROWTH, paper.now_ms if now_ms is None else now_ms)


def passed(graduation: Graduation) -> dict[str, bool]:
    return {one.name: one.passed for one in graduation.requirements}


def failing(graduation: Graduation) -> list[str]:
    return [one.name for one in graduation.requirements if not one.passed]


def test_a_week_that_graduates() -> None:
    paper = Paper()
    paper.week()
    found = judged(paper)
    assert list(passed(found)) == ["days", "profit", "drawdown", "round_trips"]
    assert found.has_graduated
    assert (found.progress, found.days_left) == (1.0, 0.0)
    assert [(one.required, one.observed) for one in found.requirements] == [
        ("7", "7"), ("> 0", "10"), ("< 0.15", "0"), ("10", "10"),
    ]  # fmt: skip


@pytest.mark.parametrize(("last_ms", "days"), [(WEEK_MS - 1, False), (WEEK_MS, True), (WEEK_MS + 1, True)])
def test_seven_days_to_the_millisecond(last_ms: int, days: bool) -> None:
    paper = Paper()
    paper.week(last_ms=last_ms)
    assert failing(judged(paper)) == ([] if days else ["days"])
    assert judged(paper).requirements[0].sentence.startswith("7.00 days" if days else "6.99 days")


@pytest.mark.parametrize(("profit", "wins"), [("-0.000000001", False), ("0", False), ("0.000000001", True)])
def test_a_profit_above_zero(profit: str, wins: bool) -> None:
    paper = Paper()
    paper.week(profit=profit)
    assert failing(judged(paper)) == ([] if wins else ["profit"])


@pytest.mark.parametrize(("drawdown", "holds"), [("0.149999999", True), ("0.15", False), ("0.150000001", False)])
@pytest.mark.parametrize("of", ["the gate's base", "the highest point"])
def test_a_drawdown_below_the_tiers(of: str, drawdown: str, holds: bool) -> None:
    paper = Paper()
    paper.run(START_MS)
    paper.sample(10_000)
    paper.run(START_MS + HOUR_MS)
    if of == "the gate's base":
        paper.sample(10_000, drawdown)
    else:
        paper.sample(10_000 * (1 - D(drawdown)))
    paper.week()
    assert failing(judged(paper)) == ([] if holds else ["drawdown"])


def test_a_tripped_drawdown_breaker_is_a_drawdown_however_short() -> None:
    paper = Paper()
    paper.run(START_MS)
    paper.sample(10_000)
    paper.gate.funding("BTC", -1500)
    paper.gate.funding("BTC", 1500)
    paper.week()
    assert "drawdown" in [one["breaker"] for one in paper.gate.events() if one["kind"] == "trip"]
    assert failing(judged(paper)) == ["drawdown"]


@pytest.mark.parametrize(("trips", "enough"), [(0, False), (9, False), (10, True), (11, True)])
def test_round_trips_enough(trips: int, enough: bool) -> None:
    paper = Paper()
    paper.see(START_MS)
    paper.sample(10_000)
    for _ in range(trips):
        paper.trip(1)
    paper.week(trips=0)
    assert failing(judged(paper)) == ([] if enough else ["round_trips"])


def test_without_a_single_round_trip_nobody_graduates() -> None:
    with pytest.raises(ValueError, match="nothing was shown"):
        judge(Paper().record, GROWTH, START_MS, round_trips_min=0)


@pytest.mark.parametrize("flow", [5_000, -5_000])
def test_money_paid_in_or_out_is_no_profit(flow: int) -> None:
    """Half way through an hour: equity moves by the flow, the strategy earns 0.000000001 or nothing."""
    for profit, failed in ((D("0.000000001"), []), (D(0), ["profit"])):
        paper = Paper()
        paper.run(START_MS)
        paper.sample(10_000)
        paper.run(START_MS + HOUR_MS // 2)
        if flow > 0:
            paper.gate.deposit(flow)
        paper.run(START_MS + HOUR_MS)
        paper.record.catch_up(paper.gate)
        if flow < 0:  # as the journal tells of a withdrawal
            event = {"sequence": paper.gate.sequence + 1, "kind": "withdrawal", "amount": D(-flow)}
            paper.record.fold(event | {"time_ns": (START_MS + HOUR_MS // 2) * 1_000_000})
        paper.sample(10_000 + flow + profit)
        equity = {"sequence": paper.record.sequence + 1, "kind": "note", "topic": "equity"}
        paper.record.fold(equity | {"text": paper.gate.notes["equity"]})
        performance = paper.record.performance()
        assert performance is not None
        assert (performance.profit, performance.curve.max_drawdown) == (profit, 0)
        assert performance.curve.total_return == (profit / (10_000 + D(flow) / 2)).quantize(D("1e-18"))
        assert (performance.profit > 0) is (not failed)


def test_the_last_seven_days_count() -> None:
    """An early loss is out of sight after seven days, and an early profit too."""
    for early, failed in ((-500, []), (500, ["profit"])):
        paper = Paper()
        paper.run(START_MS)
        paper.sample(10_000 - early)
        paper.run(START_MS + HOUR_MS)
        paper.sample(10_000)
        for hour in range(2, 171):
            paper.run(START_MS + hour * HOUR_MS)
            paper.sample(10_000 + hour * (1 if early < 0 else -1))
        for _ in range(10):
            paper.trip(1)
        paper.run(START_MS + 171 * HOUR_MS)
        paper.record.catch_up(paper.gate)
        assert failing(judged(paper)) == failed


# Moments in minutes after the start of a silence on the third day | whether it is a gap
SILENCES: list[tuple[int, bool]] = [(300_000, False), (300_001, True)]


@pytest.mark.parametrize(("silence_ms", "is_gap"), SILENCES)
def test_an_unexplained_gap_starts_the_days_anew(silence_ms: int, is_gap: bool) -> None:
    paper = Paper()
    paper.run(START_MS + 2 * DAY_MS)
    before = paper.now_ms
    paper.see(before + silence_ms)
    paper.run(START_MS + WEEK_MS)
    assert paper.record.time.gaps == ((Gap(before, before + silence_ms),) if is_gap else ())
    assert passed(judged(paper))["days"] is not is_gap
    if is_gap:
        paper.run(before + silence_ms + WEEK_MS - 1)
        assert not passed(judged(paper))["days"]
        paper.see(before + silence_ms + WEEK_MS)
        assert passed(judged(paper))["days"]


def test_an_explained_gap_does_not_count_but_does_not_start_anew() -> None:
    paper = Paper()
    paper.run(START_MS + DAY_MS)
    paper.see(START_MS + DAY_MS + HOUR_MS)
    paper.record.explain(START_MS + DAY_MS, "maintenance, announced")
    paper.run(START_MS + WEEK_MS + HOUR_MS - 1)
    assert judged(paper).served_ms == WEEK_MS - 1
    paper.see(START_MS + WEEK_MS + HOUR_MS)
    assert passed(judged(paper))["days"]
    paper.record.keep(paper.gate)
    kept = PaperRecord.from_json(paper.gate.notes["paper"])
    assert kept.time.gaps == (Gap(START_MS + DAY_MS, START_MS + DAY_MS + HOUR_MS, "maintenance, announced"),)


EXPLANATIONS: list[tuple[int, str, str]] = [
    (START_MS + 1, "known", "no gap"),
    (START_MS, "", "1 to 250 characters"),
    (START_MS, " \n", "1 to 250 characters"),
    (START_MS, "x" * 251, "1 to 250 characters"),
]


@pytest.mark.parametrize(("from_ms", "reason", "message"), EXPLANATIONS)
def test_explanations_that_are_refused(from_ms: int, reason: str, message: str) -> None:
    record = PaperRecord(SETTINGS)
    record.saw(START_MS)
    record.saw(START_MS + HOUR_MS)
    with pytest.raises(VaultError, match=message):
        record.explain(from_ms, reason)
    record.explain(START_MS, "known")
    with pytest.raises(VaultError, match="already"):
        record.explain(START_MS, "again")


def test_a_gap_that_is_under_way_counts() -> None:
    paper = Paper()
    paper.week()
    assert judged(paper, paper.now_ms + 300_000).has_graduated
    assert failing(judged(paper, paper.now_ms + 300_001)) == ["days"]


def test_forgotten_gaps_never_help() -> None:
    time = FeedTime(300_000)
    time.saw(0)
    for number in range(1, GAPS_MAX + 2):
        assert time.saw(number * HOUR_MS) is not None
    for gap in time.gaps:
        time.explain(gap.from_ms, "explained")
    assert len(time.gaps) == GAPS_MAX
    assert time.since_ms() == HOUR_MS  # the end of the gap that was forgotten


BAR_LENGTHS: list[tuple[int, int]] = [(60, 300_000), (150, 300_000), (151, 302_000), (900, 1_800_000)]


@pytest.mark.parametrize(("bar_s", "gap_ms_max"), BAR_LENGTHS)
def test_a_gap_is_at_least_two_bars(bar_s: int, gap_ms_max: int) -> None:
    assert PaperRecord(VaultSettings("growth", VERSION, bar_s=bar_s)).time.gap_ms_max == gap_ms_max


def late(paper: Paper) -> None:
    paper.run(START_MS + WEEK_MS + 65 * BAR_MS)
    paper.see(START_MS + WEEK_MS + 65 * BAR_MS + 1)


def silent(paper: Paper) -> None:
    paper.record = PaperRecord(SETTINGS)
    paper.now_ms = START_MS
    paper.run(START_MS + WEEK_MS)


@pytest.mark.parametrize("without", [late, silent])
def test_a_profit_that_is_not_known_is_none(without: Callable[[Paper], None]) -> None:
    paper = Paper()
    paper.week()
    without(paper)
    assert "profit" in failing(judged(paper))
    assert passed(judged(paper))["days"]


OTHERS: list[VaultSettings] = [
    VaultSettings("high_octane", VERSION),
    VaultSettings("growth", type(VERSION)(VERSION.name, "2", VERSION.content_hash)),
    VaultSettings("growth", type(VERSION)(VERSION.name, VERSION.version, "00" * 32)),
    VaultSettings("growth", VERSION, bar_s=900),
    VaultSettings("growth", VERSION, assets=("BTC",)),
]


@pytest.mark.parametrize("drawdown", ["0.14", "0.16"])
def test_new_limits_begin_anew(drawdown: str) -> None:
    """What was shown under other limits, tighter or looser, was not shown under these."""
    paper = Paper()
    paper.week()
    limits = GROWTH.replace(max_drawdown=drawdown)
    paper.gate.set_limits(limits)
    paper.record.catch_up(paper.gate)
    found = judge(paper.record, limits, paper.now_ms)
    assert failing(found) == ["days", "profit", "drawdown", "round_trips"]


@pytest.mark.parametrize("settings", OTHERS)
def test_another_strategy_tier_or_bar_begins_anew(settings: VaultSettings) -> None:
    paper = Paper()
    paper.week()
    paper.gate.note("vault", settings.to_json())
    paper.record.catch_up(paper.gate)
    assert failing(judged(paper)) == ["days", "profit", "drawdown", "round_trips"]
    assert (paper.record.settings, paper.record.started) == (settings, paper.gate.sequence)
    assert paper.record.time.since_ms() is None
    paper.see(paper.now_ms + BAR_MS)
    assert paper.record.time.since_ms() == paper.now_ms
