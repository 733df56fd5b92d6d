"""The replay itself: no look-ahead, the same fills with and without a gate, stops, halts, outages, determinism."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from gxrisk import TIERS, Limits
from gxrisk.agent import Action, Close, Hold, ModelError, Momentum, Open, View
from gxrisk.feeds import Candle, CandleSeries, WilderAtr, read_candles, reconstruct, timeline
from gxrisk.replay import (
    BreakerTrip,
    Costs,
    ReplayError,
    ReplayResult,
    ReplaySettings,
    VaultPlan,
    VaultResult,
    replay,
)
from gxrisk.replay.desk import Question, moment
from gxrisk.replay.gated import GatedDesk

MINUTE_MS = 60_000
QUARTER_HOUR_MS = 900_000
FREE = Costs(Decimal(0), Decimal(0))
PLANS = [VaultPlan(tier, Limits.for_tier(tier)) for tier in TIERS]
WIDE = VaultPlan("wide", Limits.for_tier("high_octane"))


class Script:
    """Answers by the number of the question; notes every view."""

    def __init__(self, answers: dict[int, Action]) -> None:
        self.answers = answers
        self.views: list[View] = []

    def decide(self, view: View) -> Action:
        self.views.append(view)
        return self.answers.get(len(self.views) - 1, Hold(1.0, "waits"))


class Watched(Momentum):
    """Momentum that notes what it was asked and what it answered."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[tuple[datetime, str, Action]] = []

    def decide(self, view: View) -> Action:
        action = super().decide(view)
        self.notes.append((view.at, view.asset, action))
        return action


def watched(series: list[CandleSeries], settings: ReplaySettings) -> tuple[ReplayResult, list[Watched]]:
    models: list[Watched] = []

    def make() -> Watched:
        models.append(Watched())
        return models[-1]

    return replay(series, make, PLANS, settings), models


def scripted(
    series: CandleSeries, answers: dict[int, Action], plan: VaultPlan = WIDE, costs: Costs = FREE
) -> tuple[VaultResult, VaultResult, Script]:
    """Replay a script; the vault, the ungated account and the ungated model."""
    models: list[Script] = []

    def make() -> Script:
        models.append(Script(answers))
        return models[-1]

    result = replay([series], make, [plan], ReplaySettings(Decimal(1000), costs))
    return result.vaults[0], result.ungated, models[-1]


def buy(quantity: float | str = 1, stop: float | None = None, **more: object) -> Open:
    return Open("buy", Decimal(str(quantity)), 0.9, "up", stop_loss=stop, **more)  # type: ignore[arg-type]


def test_truncating_the_future_changes_no_decision() -> None:
    whole = reconstruct()
    settings = ReplaySettings(bar_ms=QUARTER_HOUR_MS)
    _, models = watched([whole], settings)
    for count in (200, 700, 1500, 2000):
        cut = replace(whole, candles=whole.candles[:count])
        end = datetime.fromtimestamp(cut.candles[-1].end_ms / 1000, UTC)
        _, cut_models = watched([cut], settings)
        for model, cut_model in zip(models, cut_models, strict=True):
            assert cut_model.notes == [note for note in model.notes if note[0] <= end]


def test_changing_the_future_changes_no_decision_before_it() -> None:
    whole = reconstruct()
    settings = ReplaySettings(bar_ms=QUARTER_HOUR_MS)
    _, models = watched([whole], settings)
    for count in (655, 1500):
        tail = tuple(
            replace(bar, open=bar.open * 3, high=bar.high * 3, low=bar.low * 3, close=bar.close * 3)
            for bar in whole.candles[count:]
        )
        end = datetime.fromtimestamp(whole.candles[count - 1].end_ms / 1000, UTC)
        _, other_models = watched([replace(whole, candles=whole.candles[:count] + tail)], settings)
        for model, other in zip(models, other_models, strict=True):
            known = [note for note in model.notes if note[0] <= end]
            assert known == [note for note in other.notes if note[0] <= end]


def test_a_view_ends_with_the_bar_just_completed(series: Callable[..., CandleSeries]) -> None:
    _, _, model = scripted(series([100, 101, None, 103]), {})
    assert [len(view.candles) for view in model.views] == [1, 2, 3]
    for view in model.views:
        assert view.at.timestamp() * 1000 == view.candles[-1].end_ms
        assert view.atr is None
        assert view.portfolio.state == "active"


def test_an_order_fills_at_the_open_of_the_next_bar(series: Callable[..., CandleSeries]) -> None:
    candles = series([(100, 100, 100, 100), (104, 110, 103, 108), (108, 108, 108, 108)])
    costs = Costs(Decimal(50), Decimal(10))
    _, alone, model = scripted(candles, {0: buy(), 1: Close(0.9, "enough")}, costs=costs)
    assert model.views[1].portfolio.positions == {"BTC": 1}
    bought, sold = Decimal("104.52"), Decimal("107.46")
    fees = (bought + sold) / 1000
    assert alone.fees == fees
    assert alone.equity == 1000 + sold - bought - fees
    assert (alone.fills, alone.round_trips, alone.winners) == (2, 1, 1)


def test_an_order_in_the_last_bar_never_fills(series: Callable[..., CandleSeries]) -> None:
    _, alone, _ = scripted(series([100, 101]), {1: buy()})
    assert (alone.approved, alone.fills, alone.cancelled) == (1, 0, 1)


# (what, the bar after the entry at 100, exit price) for a long with its stop at 95 and a short with it at 105
STOPS = [
    ("long, not reached", "buy", 95, (100, 101, 95.01, 99), None),
    ("long, reached", "buy", 95, (100, 101, 95, 99), 95),
    ("long, passed", "buy", 95, (100, 101, 80, 99), 95),
    ("long, gapped past", "buy", 95, (90, 99, 85, 99), 90),
    ("short, not reached", "sell", 105, (100, 104.99, 99, 100), None),
    ("short, reached", "sell", 105, (100, 105, 99, 100), 105),
    ("short, gapped past", "sell", 105, (110, 115, 99, 100), 110),
]


@pytest.mark.parametrize(("side", "stop", "bar", "price"), [row[1:] for row in STOPS], ids=[row[0] for row in STOPS])
def test_a_stop_executes_at_its_price_or_the_worse_open(
    series: Callable[..., CandleSeries], side: str, stop: int, bar: tuple[float, ...], price: float | None
) -> None:
    candles = series([100, 100, bar, bar])
    order = Open(side, 1, 0.9, "try", stop_loss=stop)  # type: ignore[arg-type]
    _, alone, _ = scripted(candles, {0: order})
    if price is None:
        assert alone.stops == 0
    else:
        assert (alone.stops, alone.round_trips) == (1, 1)
        profit = Decimal(str(price)) - 100
        assert alone.equity == 1000 + (profit if side == "buy" else -profit)


def test_a_stop_guards_the_bar_of_the_entry_too(series: Callable[..., CandleSeries]) -> None:
    _, alone, _ = scripted(series([100, (100, 101, 90, 100), 100]), {0: buy(stop=95)})
    assert alone.stops == 1
    assert alone.equity == 995


def test_the_newest_stop_covers_the_whole_position(series: Callable[..., CandleSeries]) -> None:
    candles = series([100, 100, 100, (100, 100, 96, 100), (100, 100, 90, 100)])
    _, alone, _ = scripted(candles, {0: buy(stop=97), 1: buy(stop=92)})
    assert alone.stops == 1
    assert alone.equity == 1000 - 16


def warm(count: int = 20) -> list[tuple[int, int, int, int]]:
    """Bars of two points each, so that the average true range is 2."""
    return [(100, 101, 99, 100)] * count


def test_a_stop_is_an_exit_of_protection_even_in_a_halt(series: Callable[..., CandleSeries]) -> None:
    """An 11 % rise halts the vault; the agent can do nothing, the stop still works."""
    rows = [*warm(), (100, 100, 100, 100), (100, 111, 100, 111), (111, 111, 110, 111), (111, 111, 90, 95), 95]
    answers: dict[int, Action] = {19: buy(2, stop=93), 21: Close(0.9, "out"), 22: Close(0.9, "out")}
    vault, alone, _ = scripted(series(rows), answers)
    assert [trip.breaker for trip in vault.trips][:1] == ["price_move"]
    assert vault.rejections["trading_state"] >= 1
    assert (vault.stops, vault.fills, vault.round_trips) == (1, 2, 1)
    assert vault.equity == 1000 + 2 * (93 - 100)
    assert alone.stops == 0
    assert alone.equity == 1000 + 2 * (111 - 100)


def test_the_drawdown_breaker_stops_new_orders_and_keeps_the_position(series: Callable[..., CandleSeries]) -> None:
    rows = [*warm(), 100, *range(99, 40, -1)]
    answers: dict[int, Action] = {19: buy(5, stop=91), **{n: buy(1, stop=30) for n in range(40, 60)}}
    vault, alone, _ = scripted(
        series(rows),
        answers,
        VaultPlan("tight", Limits.for_tier("high_octane").replace(max_drawdown="0.02", max_daily_loss="0.9")),
    )
    drawdown = next(trip for trip in vault.trips if trip.breaker == "drawdown")
    assert drawdown.ended is None
    assert vault.fills == 2
    assert vault.rejections["trading_state"] == 20
    assert alone.fills > vault.fills


def test_a_breaker_that_cancels_all_stops_an_order_that_waits_for_its_fill(
    series: Callable[..., CandleSeries],
) -> None:
    """BTC falls and trips the drawdown breaker while an order in ETH waits for ETH's next candle."""

    class Two:
        def decide(self, view: View) -> Action:
            if view.asset == "BTC" and len(view.candles) == 20:
                return buy(4, stop=91)
            return buy(1, stop=97) if view.asset == "ETH" and len(view.candles) == 23 else Hold(1.0, "waits")

    btc = series([*warm(), 100, 100, 100, 94, 94, 94], asset="BTC")
    eth = series([*warm(), 100, 100, 100, None, None, 100], asset="ETH")
    limits = Limits.for_tier("high_octane").replace(max_drawdown="0.02", mark_age_s_max=600)
    result = replay([btc, eth], Two, [VaultPlan("tight", limits)], ReplaySettings(Decimal(1000), FREE))
    vault = result.vaults[0]
    assert [trip.breaker for trip in vault.trips] == ["drawdown"]
    assert (vault.approved, vault.fills, vault.cancelled) == (2, 1, 1)
    assert (result.ungated.approved, result.ungated.fills) == (2, 2)


def test_only_a_wish_is_made_smaller(series: Callable[..., CandleSeries]) -> None:
    rows = [*warm(), 100, 100, 100]
    strict, _, _ = scripted(series(rows), {19: buy(9, stop=97)})
    assert (strict.proposals, strict.approved, strict.rejected, strict.resized) == (1, 0, 1, 0)
    assert strict.rejections == {"position_size": 1} or "position_size" in strict.rejections
    eased, alone, model = scripted(series(rows), {19: buy(9, stop=97, resize=True)})
    assert (eased.proposals, eased.approved, eased.rejected, eased.resized) == (1, 1, 1, 1)
    assert (alone.approved, alone.resized) == (1, 0)
    assert model.views[-1].portfolio.positions == {"BTC": 9}


def test_low_confidence_is_held_by_the_gate_alone(series: Callable[..., CandleSeries]) -> None:
    answers: dict[int, Action] = {19: Open("buy", 1, 0.29, "perhaps", stop_loss=97)}
    vault, alone, _ = scripted(series([*warm(), 100, 100]), answers)
    assert (vault.held, vault.approved, vault.rejected) == (1, 0, 0)
    assert (alone.held, alone.fills) == (0, 1)


def test_an_account_without_equity_is_over(series: Callable[..., CandleSeries]) -> None:
    answers: dict[int, Action] = {0: buy(20), 3: buy(1)}
    _, alone, model = scripted(series([100, 100, 40, 100, 100]), answers)
    assert alone.liquidated is not None
    assert alone.equity == 0
    assert alone.max_drawdown == 1
    assert len(model.views) == 2


def test_the_gated_account_agrees_with_a_plain_one_while_nothing_is_refused() -> None:
    loose = Limits.for_tier("high_octane")
    result = replay([reconstruct()], Momentum, [VaultPlan("loose", loose)], ReplaySettings(bar_ms=QUARTER_HOUR_MS))
    vault = result.vaults[0]
    if vault.rejected == vault.held == vault.cancelled == 0:
        assert vault.equity == result.ungated.equity
        assert (vault.fills, vault.fees) == (result.ungated.fills, result.ungated.fees)
        assert result.saved(vault) == 0


def test_every_vault_has_the_same_model_code_and_its_own_object() -> None:
    _, models = watched([reconstruct()], ReplaySettings(bar_ms=QUARTER_HOUR_MS))
    assert len(models) == len(PLANS) + 1
    assert len({id(model) for model in models}) == len(models)
    assert [[note[:2] for note in model.notes] for model in models] == [[n[:2] for n in models[0].notes]] * len(models)


def test_two_replays_are_equal_byte_for_byte() -> None:
    def run() -> str:
        return json.dumps(replay([reconstruct()], Momentum, PLANS, ReplaySettings(bar_ms=QUARTER_HOUR_MS)).to_dict())

    assert run() == run()


def test_counts_add_up() -> None:
    result = replay([reconstruct(seed=3)], Momentum, PLANS, ReplaySettings(bar_ms=QUARTER_HOUR_MS))
    for vault in (*result.vaults, result.ungated):
        assert vault.fills == vault.approved - vault.cancelled + vault.stops
        assert vault.proposals + vault.resized <= vault.approved + vault.rejected + vault.held
        assert vault.earned == vault.equity - vault.deposit


class LongOnly:
    """Holds a tenth of equity long, with a far stop."""

    def decide(self, view: View) -> Action:
        price = view.candles[-1].close
        if view.portfolio.quantity(view.asset) or view.atr is None:
            return Hold(1.0, "in it already")
        quantity = (view.portfolio.equity / 10 / price).quantize(Decimal("1e-6"), ROUND_DOWN)
        return Open("buy", quantity, 0.9, "for the test", stop_loss=float(price) - 2.9 * view.atr)


def part(series: CandleSeries, start: str, end: str) -> CandleSeries:
    """The candles that lie within two ISO times."""
    start_ms, end_ms = (int(datetime.fromisoformat(time).timestamp()) * 1000 for time in (start, end))
    return replace(series, candles=tuple(c for c in series.candles if start_ms <= c.start_ms and c.end_ms <= end_ms))


def test_the_real_outage_of_june_2019_trips_oracle_failure(data_dir: Path) -> None:
    """No candle from 08:45 to 11:54 on 2019-06-26, in any asset; afterwards they come one by one."""
    series = [
        part(
            read_candles(data_dir / f"{asset}usd-1m-2019-06-22_2019-07-01-bitfinex.csv.gz"),
            "2019-06-25T12:00:00+00:00",
            "2019-06-26T18:00:00+00:00",
        )
        for asset in ("btc", "eth")
    ]
    result = replay(series, LongOnly, PLANS, ReplaySettings(bar_ms=3_600_000))
    for vault in result.vaults:
        assert vault.fills >= 2
        (trip,) = (
            trip
            for trip in vault.trips
            if trip.breaker == "oracle_failure" and trip.since <= datetime(2019, 6, 26, 10, tzinfo=UTC) < ended(trip)
        )
        assert datetime(2019, 6, 26, 8, 46, tzinfo=UTC) < trip.since <= datetime(2019, 6, 26, 8, 48, tzinfo=UTC)
        assert ended(trip) >= datetime(2019, 6, 26, 11, 55, tzinfo=UTC)
        assert "s old, more than 60 s" in trip.cause


def ended(trip: BreakerTrip) -> datetime:
    return trip.ended or datetime.max.replace(tzinfo=UTC)


def test_no_exposure_no_oracle_failure(series: Callable[..., CandleSeries]) -> None:
    vault, _, _ = scripted(series([100, *[None] * 30, 100]), {})
    assert vault.trips == ()


def test_an_outage_is_noticed_while_it_lasts(series: Callable[..., CandleSeries]) -> None:
    rows = [*warm(), 100, *[None] * 30, 100, 100]
    vault, _, _ = scripted(series(rows), {19: buy(1, stop=97)})
    (trip,) = vault.trips
    minute = (trip.since - datetime(2020, 3, 12, tzinfo=UTC)).total_seconds() / 60
    assert trip.breaker == "oracle_failure"
    assert 22 < minute <= 23
    assert trip.ended == datetime(2020, 3, 12, 0, 52, tzinfo=UTC)


@pytest.mark.parametrize(("interval_s", "fits"), [(60, True), (61, False), (300, False), (3600, False)])
def test_coarse_candles_need_an_explicit_age(series: Callable[..., CandleSeries], interval_s: int, fits: bool) -> None:
    coarse = series([100, 100, 100], interval_ms=interval_s * 1000)
    if not fits:
        with pytest.raises(ReplayError, match=f"--mark-age-s-max {interval_s}"):
            scripted(coarse, {})
    longer = VaultPlan("longer", Limits.for_tier("growth").replace(mark_age_s_max=interval_s))
    vault, _, _ = scripted(coarse, {0: buy(1)}, longer)
    assert "oracle_failure" not in [trip.breaker for trip in vault.trips]


def test_several_assets_fall_in_one_group(series: Callable[..., CandleSeries]) -> None:
    both = [series(warm(30), asset="BTC"), series(warm(30), asset="ETH")]
    result = replay(both, LongOnly, PLANS)
    assert result.assets == ("BTC", "ETH")
    assert result.correlated
    assert result.candles == 60
    assert result.ungated.fills == 2


def test_a_price_of_memecoins_works(series: Callable[..., CandleSeries]) -> None:
    rows = [("0.00000004", "0.000000042", "0.000000038", "0.00000004")] * 30
    answers: dict[int, Action] = {19: Open("buy", 1e9, 0.9, "up", stop_loss=3.3e-8)}
    vault, alone, _ = scripted(series(rows), answers)
    assert alone.fills == 1
    assert vault.fills == 1


def test_what_cannot_be_replayed_is_refused(series: Callable[..., CandleSeries]) -> None:
    one = series([100])
    with pytest.raises(ReplayError, match="no candles"):
        replay([], Momentum, PLANS)
    with pytest.raises(ReplayError, match="two series are of BTC"):
        replay([one, one], Momentum, PLANS)
    for deposit in ("0", "-1", "nan", "inf"):
        with pytest.raises(ReplayError, match="deposit"):
            ReplaySettings(Decimal(deposit))


# (what the model does, part of the message)
MODEL_FAULTS = [
    (None, "answered NoneType"),
    ("hold", "answered str"),
    (Hold(float("nan"), "x"), "malformed"),
    (Hold(0.5, ""), "malformed"),
    (Open("buy", float("nan"), 0.9, "x"), "malformed"),
    (Open("buy", 0, 0.9, "x"), "malformed"),
    (Open("up", 1, 0.9, "x"), "malformed"),  # type: ignore[arg-type]
    (Open("buy", 1, 1.5, "x"), "malformed"),
    (Open("buy", 1, 0.9, "x", stop_loss=-1), "malformed"),
]


@pytest.mark.parametrize(("answer", "part"), MODEL_FAULTS)
def test_a_model_that_answers_nonsense_is_named(series: Callable[..., CandleSeries], answer: Action, part: str) -> None:
    with pytest.raises(ModelError, match=part) as caught:
        scripted(series([100, 100]), {0: answer})
    assert "BTC, 2020-03-12 00:01 UTC" in str(caught.value)


def test_a_model_that_raises_is_named(series: Callable[..., CandleSeries]) -> None:
    class Broken:
        def decide(self, view: View) -> Action:
            raise ZeroDivisionError("by zero")

    with pytest.raises(ModelError, match="raised ZeroDivisionError: by zero"):
        replay([series([100, 100])], Broken, PLANS)


def test_a_model_cannot_change_what_others_see(series: Callable[..., CandleSeries]) -> None:
    _, _, model = scripted(series([100, 100]), {})
    view = model.views[0]
    assert isinstance(view.candles, tuple)
    with pytest.raises(AttributeError):
        view.candles[0].close = Decimal(1)  # type: ignore[misc]
    assert isinstance(view.candles[0], Candle)


def test_the_trips_are_those_of_the_gate_s_own_record() -> None:
    """Every trip and end in the gate's events, none besides."""
    instants = list(timeline([reconstruct()]))
    start_ms = instants[0].at_ms
    desk = GatedDesk(WIDE, LongOnly(), FREE, Decimal(1000), start_ms, {})
    atr = WilderAtr()
    for before, instant in pairwise(instants):
        for at_ms in range(before.at_ms + MINUTE_MS, instant.at_ms + 1, MINUTE_MS):
            desk.advance(at_ms)
        for bar in instant.closed:
            desk.close_bar(bar, atr.update(float(bar.high), float(bar.low), float(bar.close)))
            desk.decide(Question(bar.asset, moment(bar.end_ms), (bar,), atr.value))
        for bar in instant.opened:
            desk.open_bar(bar)
    events = desk.gate.events()
    recorded = [(event["breaker"], event["time"]) for event in events if event["kind"] == "trip"]
    trips = desk.result().trips
    assert [(trip.breaker, trip.since.isoformat().replace("+00:00", "Z")) for trip in trips] == recorded
    assert recorded
