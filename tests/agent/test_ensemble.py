"""Ensembles: who counts, and what is taken of those that agree."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from gxrisk import Gate, Limits, ManualClock, Order
from gxrisk.agent import Action, Close, Hold, Open, View
from gxrisk.agent.ensemble import Ensemble
from gxrisk.agent.ensemble_members import Vote
from hypothesis import given
from hypothesis import strategies as st

from .members import BUY, CLOSE, FLAT, HOLD, LONG, SELL, SHORT, Raises, Says, SaysLater, asked, opening

SHARES = [
    # members that buy, of, agreement, whether that is enough
    (7, 10, Decimal("0.7"), True),
    (7, 10, 0.7, True),
    (6, 10, 0.7, False),
    (2, 3, 0.7, False),
    (3, 4, 0.7, True),
    (2, 3, Fraction(2, 3), True),
    (2, 3, Decimal("0.6666666666666666666666666667"), False),
    (2, 3, Decimal("0.6666666666666666666666666666"), True),
    (70, 100, 0.7, True),
    (69, 100, 0.7, False),
    (1, 1, 1, True),
    (9, 10, 1, False),
]


@pytest.mark.parametrize(("count", "of", "agreement", "is_enough"), SHARES)
@pytest.mark.parametrize("against", [HOLD, SELL, CLOSE, None], ids=["hold", "sell", "close", "failed"])
def test_the_share_of_all_members_is_compared_exactly(
    count: int, of: int, agreement: Any, is_enough: bool, against: Any
) -> None:
    action = asked([Says(BUY)] * count + [Says(against)] * (of - count), agreement=agreement)
    assert isinstance(action, Open) == is_enough


@given(votes=st.lists(st.sampled_from([BUY, SELL, HOLD, CLOSE, None]), min_size=1, max_size=30), data=st.data())
def test_consensus_is_a_count_and_knows_no_order(votes: list[Any], data: st.DataObject) -> None:
    ensemble = Ensemble({"any": Says(HOLD)})

    def consensus(answers: list[Any]) -> Action:
        return ensemble.consensus(FLAT, [Vote(str(number), one, "broke") for number, one in enumerate(answers)])

    action = consensus(votes)
    buys, sells = votes.count(BUY), votes.count(SELL)
    expected = "buy" if 10 * buys >= 7 * len(votes) else "sell" if 10 * sells >= 7 * len(votes) else None
    assert (action.side if isinstance(action, Open) else None) == expected
    again = consensus(data.draw(st.permutations(votes)))
    assert (type(again), again.confidence) == (type(action), action.confidence)


@pytest.mark.parametrize(
    ("question", "votes", "expected"),
    [
        # in a position, to close and to open the other side are one: to leave
        (LONG, [CLOSE, CLOSE, SELL, HOLD], Close),
        (SHORT, [CLOSE, CLOSE, BUY, HOLD], Close),
        (LONG, [SELL] * 4, Close),
        (LONG, [CLOSE, CLOSE, HOLD, HOLD], Hold),
        (LONG, [BUY] * 4, Open),
        (SHORT, [SELL] * 4, Open),
        (LONG, [CLOSE, CLOSE, BUY, BUY], Hold),
        # members that are broken do not hold up an exit, but nothing is opened without them
        (LONG, [CLOSE, None, None, None], Close),
        (LONG, [CLOSE, CLOSE, HOLD, None], Hold),
        (LONG, [BUY, BUY, None, None], Hold),
        (LONG, [None] * 4, Hold),
        (FLAT, [BUY, None, None, None], Hold),
        # flat, to close is to hold
        (FLAT, [CLOSE] * 4, Hold),
        (FLAT, [None] * 4, Hold),
    ],
)
def test_in_a_position_and_flat(question: View, votes: list[Any], expected: type) -> None:
    assert type(asked([Says(one) for one in votes], question)) is expected


def test_a_consensus_to_hold_is_as_sure_as_its_members_and_none_is_not_sure_at_all() -> None:
    calm = asked([Says(Hold(0.4, "calm")), SaysLater(Hold(0.9, "calm")), Says(CLOSE), Says(BUY)])
    assert calm.confidence == pytest.approx((0.4 + 0.9 + 0.6) / 3)
    torn = asked([Says(BUY), Says(SELL), SaysLater(HOLD), Raises(ValueError("no idea"))])
    assert torn == Hold(
        0.0,
        "no consensus (70 % needed): a buy 0.80 (up), b sell 0.80 (down), c hold 0.50 (calm), "
        "d failed (raised ValueError: no idea)",
    )


def test_of_those_that_agree_the_least_risk_is_taken() -> None:
    def opens(side: Any, **fields: Any) -> Open:
        return Open(side, **{"quantity": Decimal(2), "confidence": 0.9, "reasoning": "up", **fields})

    buys = [
        opens("buy", quantity=0.5, stop_loss=96.0, leverage=3, price=101, take_profit=Decimal(110), resize=True),
        opens("buy", quantity=Decimal("0.4"), stop_loss=Decimal("97.5"), leverage=2, take_profit=105, confidence=0.6),
        opens("buy", quantity=1, stop_loss=None, leverage=Decimal("2.5"), price=100.5, resize=True),
    ]
    action = asked([Says(one) for one in buys])
    assert isinstance(action, Open)
    assert (action.side, action.quantity, action.leverage) == ("buy", Decimal("0.4"), 2)
    assert (action.stop_loss, action.price, action.take_profit) == (Decimal("97.5"), 100.5, 105)
    assert (action.resize, action.ask_again) == (False, False)
    assert action.confidence == pytest.approx((0.9 + 0.6 + 0.9) / 3)

    sells = [
        opens("sell", stop_loss=104, price=99, take_profit=90, resize=True, ask_again=True),
        opens("sell", stop_loss=103.5, price=99.5, take_profit=95, resize=True, ask_again=True),
        opens("sell", resize=True, ask_again=True),
    ]
    action = asked([Says(one) for one in sells])
    assert isinstance(action, Open)
    assert (action.stop_loss, action.price, action.take_profit) == (103.5, 99.5, 95)
    assert (action.resize, action.ask_again, action.quantity) == (True, True, 2)
    bare = asked([Says(opens("sell"))])
    assert isinstance(bare, Open)
    assert (bare.stop_loss, bare.price, bare.take_profit) == (None, None, None)


@given(
    st.lists(
        st.tuples(st.floats(1e-6, 1e6), st.floats(0, 1), st.floats(50, 99), st.floats(1, 10)), min_size=1, max_size=8
    )
)
def test_what_is_opened_risks_no_more_than_any_of_those_that_agree(wishes: list[tuple[float, ...]]) -> None:
    opens = [
        Open("buy", quantity, confidence, "up", stop_loss=stop, leverage=leverage)
        for quantity, confidence, stop, leverage in wishes
    ]
    action = Ensemble({"any": Says(HOLD)}).consensus(FLAT, [Vote(str(n), one) for n, one in enumerate(opens)])
    assert isinstance(action, Open)
    assert all(action.quantity <= one.quantity and action.leverage <= one.leverage for one in opens)
    assert all((100 - action.stop_loss) * action.quantity <= (100 - one.stop_loss) * one.quantity for one in opens)
    assert min(one.confidence for one in opens) <= action.confidence * (1 + 1e-12)
    assert action.confidence <= 1


@pytest.mark.parametrize("count", [1, 3, 40, 500])
def test_what_many_say_at_length_fits_into_a_record(count: int) -> None:
    gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock(0))
    wordy = [Vote(str(number), Hold(0.5, "\ud800 words" * 900)) for number in range(count)]
    ensemble = Ensemble({"any": Says(HOLD)})
    action = ensemble.consensus(FLAT, wordy)
    gate.hold(action.confidence, action.reasoning)
    long_winded = [Vote(str(number), opening(reasoning="\udfff up " * 900)) for number in range(count)]
    action = ensemble.consensus(FLAT, long_winded)
    assert isinstance(action, Open)
    Order("BTC", action.side, action.quantity, confidence=action.confidence, reasoning=action.reasoning)


@pytest.mark.parametrize(
    ("members", "how", "said"),
    [
        ({}, {}, "at least one"),
        ({"a": Says(BUY)}, {"agreement": 0.5}, "0.5 was given"),
        ({"a": Says(BUY)}, {"agreement": 1.01}, "1.01 was given"),
        ({"a": Says(BUY)}, {"agreement": float("nan")}, "nan was given"),
        ({"a": Says(BUY)}, {"agreement": 70}, "70 was given"),
        ({"a": Says(BUY)}, {"timeout_s": 0}, "timeout_s: 0 was given"),
        ({"a": Says(BUY)}, {"timeout_s": float("nan")}, "timeout_s: nan was given"),
    ],
)
def test_an_ensemble_that_cannot_be_is_refused(members: Any, how: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Ensemble(members, **how)
