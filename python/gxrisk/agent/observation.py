"""What a learner sees: a view as bounded numbers, from completed bars and the portfolio alone."""

from itertools import pairwise
from math import log, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from gxrisk.agent.strategy import View

LOOKBACK: Final = 16
BOUND: Final = 10.0
STATES: Final = ("active", "reduce_only", "halted")
FEATURES: Final = (
    "return_1", "return_4", "return_16", "momentum", "range_place", "atr", "position", "stop_distance", *STATES,
)  # fmt: skip


def observation(view: View) -> npt.NDArray[np.float32]:
    """The `FEATURES` of a view in their order: float32 of shape (11,), each finite and within -`BOUND` to `BOUND`.

    - `return_n`: log return of n bars, in average true ranges times the root of n
    - `momentum`: the move of 16 bars in deviations of a random walk (Moskowitz, Ooi and Pedersen, 2012)
    - `range_place`: the close in the range of 16 bars, -1 at its low, 1 at its high
    - `atr`: average true range in percent of the close
    - `position`: signed value of the position by equity; `stop_distance`: from close to its stop in average true ranges
    - the trading state, one of three is 1

    What is not known yet (too few bars, no range, no equity) is 0. Nothing later than `view.at` is in it.

    >>> from datetime import datetime, UTC
    >>> from decimal import Decimal
    >>> from gxrisk.agent.strategy import Portfolio
    >>> from gxrisk.feeds.candles import Candle
    >>> bars = tuple(Candle("BTC", n, 1, *[Decimal(100 + n)] * 4, 0.0) for n in range(17))
    >>> portfolio = Portfolio(Decimal(1160), {"BTC": Decimal(-5)}, {"BTC": Decimal(119)})
    >>> seen = observation(View("BTC", datetime(2020, 3, 12, tzinfo=UTC), bars, 1.5, portfolio))
    >>> {name: round(float(value), 2) for name, value in zip(FEATURES[:8], seen)}  # doctest: +NORMALIZE_WHITESPACE
    {'return_1': 0.67, 'return_4': 1.36, 'return_16': 2.87, 'momentum': 4.0, 'range_place': 1.0, 'atr': 1.29,
     'position': -0.5, 'stop_distance': 2.0}
    """
    closes = view.closes(LOOKBACK + 1)
    close = closes[-1] if closes else 0.0
    atr = view.atr or 0.0
    quantity = float(view.portfolio.quantity(view.asset))
    equity = float(view.portfolio.equity)
    stop = view.portfolio.stop_losses.get(view.asset)
    values = (
        *(_move(closes, bars, atr) for bars in (1, 4, LOOKBACK)),
        _momentum(closes),
        _place(view),
        _by(100 * atr, close),
        _by(quantity * close, equity) if equity > 0 else 0.0,
        _by(abs(close - float(stop)), atr) if stop is not None and quantity else 0.0,
        *(float(view.portfolio.state == state) for state in STATES),
    )
    return np.clip(np.nan_to_num(np.array(values, dtype=np.float64)), -BOUND, BOUND).astype(np.float32)


def _move(closes: list[float], bars: int, atr: float) -> float:
    if len(closes) <= bars:
        return 0.0
    return _by(log(closes[-1] / closes[-1 - bars]) * closes[-1], atr * sqrt(bars))


def _momentum(closes: list[float]) -> float:
    returns = [log(after / before) for before, after in pairwise(closes)]
    return _by(sum(returns), sqrt(sum(one * one for one in returns)))


def _place(view: View) -> float:
    bars = view.candles[-LOOKBACK:]
    if not bars:
        return 0.0
    low, high = float(min(bar.low for bar in bars)), float(max(bar.high for bar in bars))
    return 2 * _by(float(bars[-1].close) - low, high - low) - 1 if high > low else 0.0


def _by(value: float, unit: float) -> float:
    return value / unit if unit else 0.0
