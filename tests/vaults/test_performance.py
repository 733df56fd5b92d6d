"""Statistics of returns and trades: by hand, and against empyrical."""

from __future__ import annotations

import math
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from gxrisk.vaults.performance import HOURS_A_YEAR, Curve, Sample, Trades, exposure
from hypothesis import given, settings
from hypothesis import strategies as st

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own imports' deprecations are not ours
    import empyrical

D = Decimal
YEAR = math.sqrt(24 * 365)

# returns | total return | largest drawdown | variance (n - 1)
CURVES: list[tuple[list[str], str, str, str | None]] = [
    ([], "0", "0", None),
    (["0.1"], "0.1", "0", None),
    (["0.1", "0.1"], "0.21", "0", "0"),
    (["0.1", "-0.1"], "-0.01", "0.1", "0.02"),
    (["-0.5", "1"], "0", "0.5", "1.125"),
    (["-0.1", "-0.1", "0.5"], "0.215", "0.19", "0.12"),
    (["0.2", "-0.1", "0.1", "-0.2"], "-0.0496", "0.208", "0.033333333333333333333333333333333333"),
    (["0.01", "-1", "0.5"], "-1", "1", "0.585033333333333333333333333333333333"),
]


@pytest.mark.parametrize(("returns", "total", "drawdown", "variance"), CURVES)
def test_curves(returns: list[str], total: str, drawdown: str, variance: str | None) -> None:
    curve = Curve.of(D(one) for one in returns)
    assert (curve.count, curve.total_return, curve.max_drawdown) == (len(returns), D(total), D(drawdown))
    if variance is None:
        assert (curve.variance, curve.volatility, curve.sharpe) == (None, None, None)
        return
    assert curve.variance is not None
    assert abs(curve.variance - D(variance)) <= D("1e-35")
    assert curve.volatility == pytest.approx(math.sqrt(D(variance)) * YEAR, rel=1e-15)
    if D(variance) == 0:
        assert curve.sharpe is None  # what does not vary has no Sharpe ratio
    else:
        mean = float(sum(map(D, returns))) / len(returns)
        assert curve.sharpe == pytest.approx(mean / math.sqrt(D(variance)) * YEAR, rel=1e-15)


def test_a_sharpe_ratio_by_hand() -> None:
    # mean 1 %, deviations of -1 %, 0 and 1 %: s = 1 %, so the ratio is 1 an hour.
    assert Curve.of([D("0"), D("0.01"), D("0.02")]).sharpe == pytest.approx(93.59487165438073, rel=1e-15)


# gain | capital | return
RETURNS = [
    ("10", "1000", "0.01"),
    ("-10", "1000", "-0.01"),
    ("0", "1000", "0"),
    ("1", "3", "0.333333333333333333"),
    ("0", "0", "0"),
    ("5", "0", "0"),
    ("-5", "0", "-1"),
    ("-5", "-1", "-1"),
]


@pytest.mark.parametrize(("gain", "capital", "returned"), RETURNS)
def test_the_return_of_a_period(gain: str, capital: str, returned: str) -> None:
    assert Sample(0, D(1), D(gain), D(capital), D(0), D(0)).returned == D(returned)


# profits | win rate | profit factor | average
TRADES: list[tuple[list[str], str | None, str | None, str | None]] = [
    ([], None, None, None),
    (["5"], "1", None, "5"),
    (["-5"], "0", "0", "-5"),
    (["0"], "0", None, "0"),
    (["30", "-10", "0", "-5"], "0.25", "2", "3.75"),
    (["0.000000001", "-0.000000002"], "0.5", "0.5", "-0.0000000005"),
]


@pytest.mark.parametrize(("profits", "win_rate", "factor", "average"), TRADES)
def test_trades(profits: list[str], win_rate: str | None, factor: str | None, average: str | None) -> None:
    trades = sum((Trades().after(D(profit)) for profit in profits), Trades())
    found = (trades.win_rate, trades.profit_factor, trades.average)
    assert found == tuple(None if one is None else D(one) for one in (win_rate, factor, average))


def test_exposure_is_an_average_of_fractions() -> None:
    def held(equity: int, gross: int) -> Sample:
        return Sample(0, D(equity), D(0), D(1), D(0), D(gross))

    assert exposure([]) is None
    assert exposure([held(0, 5)]) is None
    assert exposure([held(100, 0), held(100, 50), held(200, 500)]) == D(1)


hourly = st.lists(st.decimals(D("-0.2"), D("0.2"), places=9), min_size=2, max_size=200)


@settings(deadline=None, database=None, print_blob=True)
@given(hourly)
def test_the_statistics_are_those_of_empyrical(returns: list[Decimal]) -> None:
    """Same conventions on both sides: simple returns, risk-free rate 0, n - 1, 8,760 periods a year."""
    curve = Curve.of(returns)
    floats = np.array([float(one) for one in returns])
    assert float(curve.total_return) == pytest.approx(empyrical.cum_returns_final(floats), rel=1e-9, abs=1e-12)
    assert float(curve.max_drawdown) == pytest.approx(-empyrical.max_drawdown(floats), rel=1e-9, abs=1e-12)
    theirs: Any = empyrical.annual_volatility(floats, annualization=HOURS_A_YEAR)
    assert curve.volatility == pytest.approx(theirs, rel=1e-9, abs=1e-9)
    if curve.volatility and curve.volatility > 1e-6:
        theirs = empyrical.sharpe_ratio(floats, risk_free=0, annualization=HOURS_A_YEAR)
        assert curve.sharpe == pytest.approx(theirs, rel=1e-6, abs=1e-9)
    elif not curve.volatility:
        assert curve.sharpe is None
