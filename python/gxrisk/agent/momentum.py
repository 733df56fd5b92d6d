"""One small momentum model."""

from decimal import Decimal
from itertools import pairwise
from math import erf, log, sqrt
from typing import Literal

from gxrisk.agent.opening import opening
from gxrisk.agent.strategy import Action, Close, Hold, Open, View


class Momentum:
    """Follows the move of the last `lookback` bars when it is unlikely to be chance.

    With r the log returns of those bars, z = sum(r) / sqrt(sum(r^2)): the whole move in standard deviations of a
    random walk without drift whose steps have the size seen. Confidence = erf(|z| / sqrt(2)), the chance that such a
    walk would have moved less; it is no probability of profit.

    - flat, confidence of at least `confidence_min`: open in the direction of z with `fraction` of equity, unlevered,
      stop-loss at `stop_atr` average true ranges from the close
    - in a position, z of the other sign: close it
    - else hold

    The numbers are round ones, chosen beforehand and not fitted to any data. Source of the idea: Moskowitz, Ooi and
    Pedersen, Time Series Momentum, Journal of Financial Economics, 2012.

    >>> from datetime import datetime, UTC
    >>> from gxrisk.agent.strategy import Portfolio
    >>> from gxrisk.feeds.candles import Candle
    >>> prices = [Decimal(100 + n) for n in range(17)]
    >>> bars = tuple(Candle("BTC", n, 1, price, price, price, price, 0.0) for n, price in enumerate(prices))
    >>> view = View("BTC", datetime(2020, 3, 12, tzinfo=UTC), bars, 1.5, Portfolio(Decimal(1160)))
    >>> action = Momentum().decide(view)
    >>> action.side, action.quantity, action.stop_loss, round(action.confidence, 4)
    ('buy', Decimal('2.500000000'), 113.0, 0.9999)
    """

    def __init__(
        self,
        lookback: int = 16,
        fraction: Decimal = Decimal("0.25"),
        stop_atr: float = 2.0,
        confidence_min: float = 0.5,
    ) -> None:
        self.lookback = lookback
        self.fraction = fraction
        self.stop_atr = stop_atr
        self.confidence_min = confidence_min

    def decide(self, view: View) -> Action:
        """Open, close or hold, from completed bars alone."""
        closes = view.closes(self.lookback + 1)
        if len(closes) <= self.lookback or view.atr is None:
            return Hold(0.0, f"fewer than {self.lookback + 1} bars")
        z = _score(closes)
        confidence = erf(abs(z) / sqrt(2))
        reasoning = f"{closes[-1] / closes[0] - 1:+.2%} in {self.lookback} bars, {z:+.2f} deviations of a random walk"
        quantity = view.portfolio.quantity(view.asset)
        if quantity:
            if quantity * Decimal(z) < 0:
                return Close(confidence, f"the move has turned: {reasoning}")
            return Hold(confidence, f"in position: {reasoning}")
        if confidence < self.confidence_min:
            return Hold(confidence, f"could be chance: {reasoning}")
        return self._opening(view, z, confidence, reasoning)

    def _opening(self, view: View, z: float, confidence: float, reasoning: str) -> Action:
        side: Literal["buy", "sell"] = "buy" if z > 0 else "sell"
        found = opening(view, side, self.fraction, self.stop_atr)
        if found is None:
            return Hold(confidence, f"no room for a position with a stop: {reasoning}")
        return Open(side, found.quantity, confidence, reasoning, stop_loss=found.stop_loss, resize=True)


def _score(closes: list[float]) -> float:
    """The whole move in standard deviations of a driftless random walk; 0 for prices that stood still."""
    returns = [log(after / before) for before, after in pairwise(closes)]
    deviation = sqrt(sum(one * one for one in returns))
    return sum(returns) / deviation if deviation else 0.0
