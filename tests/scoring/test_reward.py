"""The reward by its properties: signs, order, monotone, bounded, and the right incentives in expectation."""

from math import inf, isfinite, nan

import pytest
from gxrisk.agent import ModelError
from gxrisk.agent.reward import OUTCOME_MAX, Reward, in_risks
from hypothesis import assume, given
from hypothesis import strategies as st

REWARD = Reward()
rewards = st.builds(Reward, st.floats(1e-9, 0.5), st.floats(0, 1))
outcomes = st.floats(allow_nan=False)
inside = st.floats(1e-6, OUTCOME_MAX)
confidences = st.floats(0, 1)
unsure = st.floats(0, 0.5)
sure = st.floats(0.5, 1, exclude_min=True)
chances = st.integers(0, 1_000).map(lambda thousandths: thousandths / 1_000)

# outcome in units of risk, confidence, a trade's reward, a hold's: by hand from the formula, both weights a half
TABLE = [
    (1, 0.5, 1.0, -0.5),
    (1, 1, 1.125, -1.0),
    (1, 0, 0.625, -0.5),
    (-1, 0.5, -1.0, 0.5),
    (-1, 1, -1.375, 0.0),
    (-1, 0, -0.875, 0.5),
    (2, 0.75, 2.1875, -1.5),
    (-2, 0.75, -2.3125, 0.5),
    (0, 0.9, 0.0, 0.0),
    (inf, 1, 11.25, -10.0),
    (-inf, 1, -13.75, 0.0),
]


@pytest.mark.parametrize(("outcome", "confidence", "traded", "held"), TABLE)
def test_by_hand(outcome: float, confidence: float, traded: float, held: float) -> None:
    assert REWARD.trade(outcome, confidence) == pytest.approx(traded, abs=1e-12)
    assert REWARD.hold(outcome, confidence) == pytest.approx(held, abs=1e-12)


@given(rewards, inside, unsure)
def test_a_loss_avoided_when_unsure_pays(reward: Reward, size: float, confidence: float) -> None:
    assert reward.hold(-size, confidence) == pytest.approx(reward.abstention * size)
    assert reward.hold(-size, confidence) > 0


@given(rewards, inside, confidences)
def test_a_gain_missed_costs_and_more_for_the_sure(reward: Reward, size: float, confidence: float) -> None:
    assert reward.hold(size, confidence) < 0
    assert reward.hold(size, 1) <= reward.hold(size, confidence) <= reward.hold(size, 0)
    assert reward.hold(size, 1) < reward.hold(size, 0.5)


@given(rewards, inside, confidences, confidences)
def test_a_good_trade_beats_a_hold_and_a_hold_beats_a_bad_trade(
    reward: Reward, size: float, traded: float, held: float
) -> None:
    assert reward.trade(size, traded) > 0 > reward.hold(size, held)
    assert reward.trade(-size, traded) < 0 <= reward.hold(-size, held)


@given(rewards, outcomes, confidences, outcomes, confidences)
def test_nothing_is_worse_than_an_overconfident_loss_of_that_size(
    reward: Reward, outcome: float, confidence: float, other: float, stated: float
) -> None:
    """Over everything of no larger size, trades and holds alike, whatever the weights."""
    assume(abs(other) <= abs(outcome))
    worst = reward.trade(-abs(outcome), 1)
    assert worst <= reward.trade(other, stated) + 1e-12
    assert worst <= reward.hold(other, stated) + 1e-12


def test_the_default_makes_an_overconfident_loss_worse_than_any_hold() -> None:
    assert REWARD.trade(-1, 1) < REWARD.hold(1, 1) < REWARD.hold(1, 0) < 0


@given(rewards, outcomes, outcomes, confidences)
def test_monotone_in_the_outcome(reward: Reward, one: float, other: float, confidence: float) -> None:
    low, high = sorted((one, other))
    assert reward.trade(low, confidence) <= reward.trade(high, confidence) + 1e-12
    assert reward.hold(low, confidence) >= reward.hold(high, confidence) - 1e-12


@given(rewards, outcomes, confidences, confidences)
def test_monotone_in_the_confidence(reward: Reward, outcome: float, one: float, other: float) -> None:
    """Surer winners earn more, surer losers lose more; a hold is never worth more for having been surer."""
    low, high = sorted((one, other))
    if outcome > 0:
        assert reward.trade(outcome, low) <= reward.trade(outcome, high) + 1e-12
    else:
        assert reward.trade(outcome, low) >= reward.trade(outcome, high) - 1e-12
    assert reward.hold(outcome, low) >= reward.hold(outcome, high) - 1e-12


@given(rewards, outcomes, confidences)
def test_bounded_and_finite(reward: Reward, outcome: float, confidence: float) -> None:
    for one in (reward.trade(outcome, confidence), reward.hold(outcome, confidence)):
        assert isfinite(one)
        assert abs(one) <= reward.bound + 1e-12
    assert reward.trade(-inf, 1) == pytest.approx(-reward.bound)


def expected(act: object, size: float, chance: float, confidence: float) -> float:
    assert callable(act)
    return float(chance * act(size, confidence) + (1 - chance) * act(-size, confidence))


@given(rewards, inside, chances, confidences)
def test_a_trade_is_worth_most_with_the_confidence_that_is_true(
    reward: Reward, size: float, chance: float, confidence: float
) -> None:
    honest = expected(reward.trade, size, chance, chance)
    assert honest >= expected(reward.trade, size, chance, confidence) - 1e-9


@given(rewards, inside, chances)
def test_an_honest_model_should_trade_where_it_wins_more_often_than_it_loses(
    reward: Reward, size: float, chance: float
) -> None:
    """Chow's rule: trade beyond a coin's chance, hold below it, and nothing is worth more than 0 at it."""
    trade, hold = expected(reward.trade, size, chance, chance), expected(reward.hold, size, chance, chance)
    if chance > 0.5:
        assert trade > 0 > hold
    elif chance < 0.5:
        assert trade < 0 < hold
    else:
        assert trade == pytest.approx(0, abs=1e-9)
        assert hold == pytest.approx(0, abs=1e-9)


@given(rewards, inside, confidences)
def test_no_pay_for_holding_noise(reward: Reward, size: float, confidence: float) -> None:
    """Proposing what a coin says and holding it earns nothing, whatever confidence is told."""
    assert expected(reward.hold, size, 0.5, confidence) <= 1e-9


@given(rewards, inside, chances, confidences)
def test_who_knows_what_loses_earns_more_on_the_other_side(
    reward: Reward, size: float, chance: float, confidence: float
) -> None:
    assume(chance < 0.5)
    assert expected(reward.trade, size, 1 - chance, 1 - chance) > expected(reward.hold, size, chance, confidence)


def test_what_is_no_number_is_refused() -> None:
    for act in (REWARD.trade, REWARD.hold):
        with pytest.raises(ModelError, match="outcome: NaN"):
            act(nan, 0.5)
        for confidence in (nan, inf, -0.1, 1.1):
            with pytest.raises(ModelError, match=r"confidence: .* 0 to 1 is allowed"):
                act(1, confidence)
    for weight in (0, 0.51, nan, -1):
        with pytest.raises(ModelError, match="abstention"):
            Reward(abstention=weight)
    for weight in (-0.1, 1.1, nan):
        with pytest.raises(ModelError, match="calibration"):
            Reward(calibration=weight)


@given(st.floats(1e-3, 1e9), st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1e6) | st.none())
def test_a_stop_that_is_hit_costs_one_unit_of_risk(
    amount: float, quantity: float, entry: float, stop: float | None
) -> None:
    distance = entry if stop is None else abs(entry - stop)
    assume(quantity * distance > 1e-9)
    assert in_risks(-quantity * distance, quantity, entry, stop) == pytest.approx(-1)
    assert in_risks(amount, quantity, entry, stop) > 0
