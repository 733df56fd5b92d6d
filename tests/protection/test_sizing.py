"""Sizes: worked by hand, against the gate's own maximum, and what must hold of all of them."""

from decimal import Decimal as D
from fractions import Fraction
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from gxrisk import Gate, Limits
from gxrisk.feeds import read_candles
from gxrisk.protection import PositionSizer, Size, estimate_edge
from hypothesis import given
from hypothesis import strategies as st

from .accounts import BOUNDED, decimals, held, idea, vault

# Growth, 10,000 of equity, a mark of 100: the gate passes 25. Kelly here is 0.25 x 0.9 x edge / volatility^2.
CASES = [
    ("a quarter of Kelly", {}, 0.002, 0.05, "18", "kelly"),
    ("twice the edge, twice the size", {"fraction_max": 1}, 0.0024, 0.05, "21.6", "kelly"),
    ("no buffer", {"buffer": 0}, 0.002, 0.05, "20", "kelly"),
    ("half of Kelly", {"kelly_share": "0.4"}, 0.001, 0.05, "14.4", "kelly"),
    ("the hard cap", {"fraction_max": "0.1"}, 0.002, 0.05, "10", "fraction"),
    ("the volatility cap", {"volatility_max": "0.01"}, 0.1, 0.1, "10", "volatility"),
    ("the stop's cap", {"fraction_max": 10, "risk_max": "0.001"}, 0.1, 0.05, "5", "risk"),
    ("the gate's maximum", {"fraction_max": 10, "volatility_max": 1, "risk_max": "0.05"}, 0.1, 0.05, "25", "gate"),
    ("no volatility at all", {"fraction_max": "0.2"}, 0.002, 0.0, "20", "fraction"),
    ("hardly any volatility", {"fraction_max": "0.2"}, 0.002, 5e-324, "20", "fraction"),
    ("no edge known", {}, None, 0.05, "0", "floor"),
    ("no edge known, with a floor", {"floor": "0.01"}, None, 0.05, "1", "floor"),
]


@pytest.mark.parametrize(
    ("name", "settings", "edge", "volatility", "quantity", "cap"), CASES, ids=lambda x: str(x)[:30]
)
def test_worked_by_hand(
    name: str, settings: dict[str, object], edge: float | None, volatility: float, quantity: str, cap: str
) -> None:
    size = sized(marked(), edge, volatility, **settings)
    assert (size.quantity, size.cap) == (pytest.approx(D(quantity), abs=D("1e-6")), cap)
    assert size.fraction == pytest.approx(D(quantity) / 100, abs=D("1e-6"))


REFUSED = [
    ("edge", nan, 0.05),
    ("edge", inf, 0.05),
    ("edge", -inf, 0.05),
    ("edge", -0.01, 0.05),
    ("edge", 0.0, 0.05),
    ("edge", True, 0.05),
    ("volatility", 0.01, nan),
    ("volatility", 0.01, inf),
    ("volatility", 0.01, -0.1),
    ("volatility", 0.01, None),
]


@pytest.mark.parametrize(("word", "edge", "volatility"), REFUSED)
def test_what_is_no_number_gives_zero_and_says_so(word: str, edge: float, volatility: float | None) -> None:
    size = sized(marked(), edge, volatility, floor="0.05")
    assert (size.quantity, size.fraction, size.cap) == (0, 0, "input")
    assert word in size.reasons[0]


def test_a_vault_without_money_mark_or_stop_gets_nothing() -> None:
    sizer = PositionSizer()
    bare = Gate("bare", Limits.for_tier("growth"))
    assert sizer.size(idea(), bare, edge=1, volatility=0.1).reasons == ("BTC has no mark",)
    bare.mark("BTC", 100, atr=1)
    assert sizer.size(idea(), bare, edge=1, volatility=0.1).reasons == ("equity is 0: there is nothing to size",)
    no_stop = sizer.size(idea(stop_loss=None), marked(), edge=1, volatility=0.1)
    assert (no_stop.quantity, no_stop.cap) == (0, "gate")
    gate = marked()
    gate.kill("enough")
    assert sizer.size(idea(), gate, edge=1, volatility=0.1).cap == "gate"
    assert "scale" in sizer.size(idea(), marked(), edge=1, volatility=0.1, scale=2).reasons[0]
    assert "lot step" in sizer.size(idea(), marked(), edge=1, volatility=0.1, lot_step=0).reasons[0]


@pytest.mark.parametrize(("side", "limit", "quantity"), [("buy", 99, "10"), ("sell", 101, "9.900990099")])
def test_notional_is_at_the_higher_of_limit_and_mark(side: str, limit: int, quantity: str) -> None:
    """As the gate has it: a tenth of 10,000 buys 10 at a mark of 100, whatever lower price was asked for."""
    sizer = PositionSizer(fraction_max="0.1")
    assert sizer.size(idea(side, price=limit), marked(), edge=1, volatility=0.05).quantity == D(quantity)


def test_an_exit_keeps_its_quantity() -> None:
    gate = vault(10, [held("BTC", 5, 100, 90)])  # equity below zero
    leaving = idea("sell", 5, reduce_only=True, stop_loss=None)
    size = PositionSizer().size(leaving, gate, edge=nan, volatility=None)
    assert (size.quantity, size.cap, size.reasons) == (5, None, ("an exit is not sized",))


def test_a_model_that_is_only_sure_gets_what_an_unsure_one_gets() -> None:
    """Confidence is no edge."""
    sizes = [
        PositionSizer(floor="0.01").size(idea(confidence=sure), marked(), edge=None, volatility=0.05).quantity
        for sure in ("0.3", "0.6", "1")
    ]
    assert sizes == [1, 1, 1]


WRONG = [
    ("kelly_share", "1.1", "0 to 1"),
    ("buffer", -0.1, "0 to 1"),
    ("fraction_max", nan, "0 to 1000"),
    ("volatility_max", 2, "0 to 1"),
    ("volatility_floor", 0, "0.000001 to 1"),
    ("risk_max", "0.050000001", "0 to 0.05"),
    ("floor", True, "0 to 0.05"),
]


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
def test_settings_say_what_was_given_and_what_is_allowed(name: str, value: object, allowed: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: {value} was given, {allowed} is allowed$"):
        PositionSizer(**{name: value})  # type: ignore[arg-type]


def marked() -> Gate:
    """10,000 in growth, BTC at 100."""
    gate = vault(10_000)
    gate.mark("BTC", 100, atr=1)
    return gate


def sized(gate: Gate, edge: float | None, volatility: float | None, **settings: object) -> Size:
    return PositionSizer(**settings).size(idea(), gate, edge=edge, volatility=volatility)  # type: ignore[arg-type]


edges = st.floats(1e-9, 1e6) | st.sampled_from([5e-324, 1e308])
deviations = st.floats(0, 10) | st.sampled_from([0.0, 5e-324, 1e-9, 1e308])


@st.composite
def sizers(draw: st.DrawFn) -> PositionSizer:
    return PositionSizer(
        kelly_share=draw(decimals("0", "1", 2)),
        buffer=draw(decimals("0", "1", 2)),
        fraction_max=draw(decimals("0", "3", 2)),
        volatility_max=draw(decimals("0.001", "1", 3)),
        risk_max=draw(decimals("0", "0.05", 3)),
        floor=draw(decimals("0", "0.05", 3)),
    )


@st.composite
def gates(draw: st.DrawFn) -> Gate:
    """Vaults of any tier, with something held, a risk scale and sometimes a lot step."""
    tier = draw(st.sampled_from(["capital_guard", "growth", "high_octane"]))
    gate = vault(draw(decimals("0.01", "1000000", 2)), limits=Limits.for_tier(tier))
    gate.mark("BTC", draw(decimals("97", "103", 3)), atr=1)
    gate.set_risk_scale(draw(decimals("0.1", "1", 2)))
    if draw(st.booleans()):
        gate.apply_fill("elsewhere", "1", draw(decimals("0.01", "50", 2)), 100, asset="BTC", side="buy")
        gate.resume()
    return gate


proposals = st.builds(
    idea,
    st.sampled_from(["buy", "sell"]),
    decimals("0.000000001", "100000", 9),
    price=st.none() | decimals("99", "101", 2),
    leverage=st.sampled_from(["1", "3"]),
)


@BOUNDED
@given(sizers(), gates(), proposals, st.none() | edges, deviations, decimals("0", "1", 2))
def test_no_size_is_negative_or_above_any_cap(
    sizer: PositionSizer, gate: Gate, proposal: object, edge: float | None, deviation: float, scale: D
) -> None:
    """Recomputed in fractions of whole numbers; the gate, asked for the same order, approves every size above zero."""
    agent = gate.agent()
    size = sizer.size(proposal, agent, edge=edge, volatility=deviation, scale=scale)  # type: ignore[arg-type]
    most, snapshot = gate.max_quantity(proposal), gate.snapshot()  # type: ignore[arg-type]
    assert 0 <= size.quantity <= min(most, proposal.quantity)  # type: ignore[attr-defined]
    price = max(proposal.price or D(0), snapshot.marks["BTC"])  # type: ignore[attr-defined]
    worth, equity = Fraction(size.quantity) * Fraction(price), max(Fraction(0), Fraction(snapshot.equity))
    assert worth <= Fraction(sizer.fraction_max) * equity
    assert worth * Fraction(max(deviation, 0.001)) <= Fraction(sizer.volatility_max) * equity
    entry = proposal.price or snapshot.marks["BTC"]  # type: ignore[attr-defined]
    risked = Fraction(size.quantity) * abs(Fraction(entry) - Fraction(proposal.stop_loss))  # type: ignore[attr-defined]
    assert risked <= Fraction(sizer.risk_max) * Fraction(scale) * equity
    if edge is None:
        assert worth <= Fraction(sizer.floor) * equity
    else:
        full = Fraction(edge) / Fraction(max(deviation, 0.001)) ** 2 * (1 + Fraction(1, 10**12)) + Fraction(1, 10**9)
        assert worth <= Fraction(sizer.kelly_share) * (1 - Fraction(sizer.buffer)) * full * equity
    if size.quantity:
        assert gate.validate_order(proposal.replace(quantity=size.quantity))  # type: ignore[attr-defined]


@BOUNDED
@given(sizers(), gates(), proposals, edges, st.lists(deviations, min_size=2, max_size=6))
def test_more_volatility_is_never_a_larger_size(
    sizer: PositionSizer, gate: Gate, proposal: object, edge: float, several: list[float]
) -> None:
    for known in (edge, None):
        sizes = [
            sizer.size(proposal, gate, edge=known, volatility=one).quantity  # type: ignore[arg-type]
            for one in sorted(several)
        ]
        assert sizes == sorted(sizes, reverse=True)


@BOUNDED
@given(sizers(), gates(), proposals, st.lists(edges | st.floats(-10, 0), min_size=2, max_size=6), deviations)
def test_more_edge_is_never_a_smaller_size(
    sizer: PositionSizer, gate: Gate, proposal: object, several: list[float], deviation: float
) -> None:
    sizes = [
        sizer.size(proposal, gate, edge=one, volatility=deviation).quantity  # type: ignore[arg-type]
        for one in sorted(several)
    ]
    assert sizes == sorted(sizes)


@BOUNDED
@given(sizers(), gates(), proposals, edges, deviations, decimals("0.01", "7", 2))
def test_sizes_lie_on_the_lot_step(
    sizer: PositionSizer, gate: Gate, proposal: object, edge: float, deviation: float, step: D
) -> None:
    gate.set_lot_steps({"BTC": step})
    size = sizer.size(proposal, gate, edge=edge, volatility=deviation, lot_step=step)  # type: ignore[arg-type]
    assert Fraction(size.quantity) % Fraction(step) == 0
    assert size.quantity <= gate.max_quantity(proposal)  # type: ignore[arg-type]


def test_edges_of_recorded_returns_agree_with_numpy_and_shrink(data_dir: Path) -> None:
    """Daily returns of BTC stand in for trades; the shrunk mean has the sample's sign and a smaller size."""
    candles = read_candles(data_dir / "btcusdt-1d-2017-08-18_2022-07-11-binance.csv.gz").candles[:400]
    closes = np.array([float(one.close) for one in candles])
    returns = np.diff(closes) / closes[:-1]
    edge = estimate_edge(returns.tolist(), prior_trades=100)
    assert edge is not None
    assert edge.sample_mean == pytest.approx(returns.mean())
    assert edge.deviation == pytest.approx(returns.std(ddof=1))
    # the posterior of a normal mean with known variance: precisions add, and the prior's mean is zero
    precision, prior = returns.size / edge.deviation**2, 100 / edge.deviation**2
    assert edge.mean == pytest.approx(returns.mean() * precision / (precision + prior))
    assert estimate_edge(returns[:19].tolist()) is None
    with pytest.raises(ValueError, match=r"^returns\[1\]: nan was given"):
        estimate_edge([0.1, nan])


def test_shrinking_keeps_lucky_records_from_betting_too_much() -> None:
    """Of models without any edge, the plain sample mean would bet on half; shrinking cuts what they bet by as much."""
    generator = np.random.default_rng(11)  # seed 11
    plain, shrunk = [], []
    for _ in range(300):
        edge = estimate_edge(generator.normal(0, 0.02, 40).tolist())
        assert edge is not None
        plain.append(max(0.0, edge.sample_mean) / edge.deviation**2)
        shrunk.append(max(0.0, edge.mean) / edge.deviation**2)
    assert np.mean(shrunk) == pytest.approx(np.mean(plain) * 40 / 70)
    assert np.mean(plain) > 2  # more than twice equity for nothing
