"""What a model hears of its orders in a replay, what it may not ask for, and several models that agree."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import Limits
from gxrisk.agent import Action, Close, Ensemble, Hold, ModelError, Momentum, Open, View
from gxrisk.cli import app
from gxrisk.feeds import CandleSeries, reconstruct
from gxrisk.replay import ReplayResult, ReplaySettings, VaultPlan, replay
from typer.testing import CliRunner

PLAN = VaultPlan("wide", Limits.for_tier("high_octane"))
WARM = 20
STEADY = [(100, 101, 99, 100)] * 60


class Greedy:
    """Wants a hundred, then what the gate says is possible; or a hundred for ever."""

    def __init__(self, learns: bool, ask_again: bool) -> None:
        self.learns, self.ask_again = learns, ask_again
        self.views: list[View] = []

    def decide(self, view: View) -> Action:
        if view.atr is None:
            return Hold(1.0, "waits")
        self.views.append(view)
        refused = view.verdict is not None and view.verdict.outcome == "rejected"
        if view.portfolio.positions or (view.verdict is not None and view.verdict.outcome == "approved"):
            return Hold(1.0, "has enough")
        quantity = view.verdict.quantity_max if self.learns and refused and view.verdict else 100
        return Open("buy", quantity, 0.9, "up", stop_loss=98, ask_again=self.ask_again)


def played(candles: CandleSeries, learns: bool, ask_again: bool) -> tuple[ReplayResult, Greedy, Greedy]:
    """The result, and the model behind the gate and the one without."""
    models: list[Greedy] = []

    def make() -> Greedy:
        models.append(Greedy(learns, ask_again))
        return models[-1]

    result = replay([candles], make, [PLAN], ReplaySettings(Decimal(1000)))
    return result, models[0], models[1]


def test_a_refused_model_is_asked_again_at_once_and_sees_what_would_have_passed(
    series: Callable[..., CandleSeries],
) -> None:
    result, gated, alone = played(series(STEADY[:WARM]), learns=True, ask_again=True)
    first, second, later = gated.views[:3]
    assert first.verdict is None
    assert second.at == first.at
    refusal, approval = second.verdict, later.verdict
    assert refusal is not None
    assert approval is not None
    assert {one.rule for one in refusal.violations} >= {"position_size"}
    assert refusal.order.quantity == 100
    assert 0 < refusal.quantity_max < 100
    assert (approval.outcome, approval.order.quantity, approval.quantity_max) == (
        "approved",
        *[refusal.quantity_max] * 2,
    )
    assert later.at > first.at
    vault = result.vaults[0]
    assert (vault.proposals, vault.rejected, vault.approved, vault.fills) == (2, 1, 1, 1)
    assert all(view.verdict is None for view in alone.views)


@pytest.mark.parametrize(("ask_again", "each"), [(True, 3), (False, 1)])
def test_three_proposals_a_question_at_the_most(
    series: Callable[..., CandleSeries], ask_again: bool, each: int
) -> None:
    result, gated, _ = played(series(STEADY[:WARM]), learns=False, ask_again=ask_again)
    times = [view.at for view in gated.views]
    assert [times.count(at) for at in dict.fromkeys(times)] == [each] * len(set(times))
    assert result.vaults[0].rejected == result.vaults[0].proposals == len(times) > 3


@pytest.mark.parametrize(("name", "said"), [("price", "a limit price"), ("take_profit", "a take-profit")])
def test_what_a_replay_cannot_do_is_refused(series: Callable[..., CandleSeries], name: str, said: str) -> None:
    class Asks:
        def decide(self, view: View) -> Action:
            return Open("buy", 1, 0.9, "up", stop_loss=98, **{name: 103})  # type: ignore[arg-type]

    with pytest.raises(ModelError, match=rf"{said} \(103\), a replay has market orders .* BTC, 2020-03-12 00:01 UTC"):
        replay([series(STEADY[:WARM])], Asks, [PLAN], ReplaySettings(Decimal(1000)))


def test_consensus_is_required_from_the_fifth_loss_until_something_wins(series: Callable[..., CandleSeries]) -> None:
    """Flat prices lose the costs of each trade; the breaker ends after half an hour, the requirement with a winner."""
    seen: list[list[tuple[bool, str]]] = []

    class Busy:
        def __init__(self) -> None:
            self.seen: list[tuple[bool, str]] = []
            seen.append(self.seen)

        def decide(self, view: View) -> Action:
            self.seen.append((view.portfolio.consensus_required, view.portfolio.state))
            if view.atr is None:
                return Hold(1.0, "waits")
            if view.portfolio.positions:
                return Close(0.9, "out")
            return Open("buy", 1, 0.9, "in", stop_loss=float(view.candles[-1].close) - 2)

    rising = [(100 + n, 101 + n, 99 + n, 101 + n) for n in range(20)]
    result = replay([series([*STEADY, *rising])], Busy, [PLAN], ReplaySettings(Decimal(1000)))
    assert [trip.breaker for trip in result.vaults[0].trips] == ["consecutive_losses"]
    told = list(dict.fromkeys(seen[0]))
    assert told == [(False, "active"), (True, "halted"), (True, "active")]
    assert seen[0][-1] == (False, "active")
    assert {one for one, _ in seen[1]} == {False}


def test_an_ensemble_of_like_minds_is_the_one_mind() -> None:
    """In `replay`: members are asked in threads, in the replay's own loop, and the fills are those of one member."""
    plans = [VaultPlan("growth", Limits.for_tier("growth"))]
    settings = ReplaySettings(bar_ms=900_000)
    alone = replay([reconstruct()], Momentum, plans, settings)
    agreed = replay(
        [reconstruct()], lambda: Ensemble({"one": Momentum(), "two": Momentum()}, timeout_s=60), plans, settings
    )
    assert (agreed.vaults, agreed.ungated) == (alone.vaults, alone.ungated)
    assert alone.vaults[0].fills > 0


MODULE = """
from gxrisk.agent import ConsensusAfterLosses, Ensemble, Momentum

def make():
    ensemble = Ensemble({"fast": Momentum(8), "slow": Momentum(32)}, timeout_s=60)
    return ConsensusAfterLosses(ensemble, lead="fast")

def agreed():
    return make().ensemble
"""


@pytest.mark.parametrize("name", ["agreed", "make"])
def test_an_ensemble_in_the_command(
    series: Callable[..., CandleSeries],
    write: Callable[..., Path],
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "minds.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    prices = [100 + (n % 40) + n / 20 for n in range(200)]
    rows = [f"{1_583_971_200_000 + n * 60_000},{p:.2f},{p + 1:.2f},{p - 1:.2f},{p:.2f},1" for n, p in enumerate(prices)]
    out = tmp_path / "out.json"
    arguments = ["replay", "--data", str(write(*rows)), "--model", f"minds:{name}", "--json", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    told = json.loads(out.read_text())
    assert told["ungated"]["fills"] > 0
    assert all(vault["fills"] > 0 for vault in told["vaults"])
