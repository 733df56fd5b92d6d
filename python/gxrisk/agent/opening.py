"""The size and the stop of an opening, from a fraction of equity and the asset's range."""

from decimal import ROUND_DOWN, Decimal
from typing import Final, Literal, NamedTuple

from gxrisk.agent.strategy import View

_UNIT: Final = Decimal("1e-9")  # the smallest quantity and price of an order


class Opening(NamedTuple):
    """A quantity in base units, and the price of its stop-loss."""

    quantity: Decimal
    stop_loss: float


def opening(view: View, side: Literal["buy", "sell"], fraction: Decimal, stop_atr: float) -> Opening | None:
    """`fraction` of equity at the last close, unlevered, its stop `stop_atr` average true ranges from there.

    None where there is no room for a position with a stop: no equity, no range, or a stop at zero or below.

    >>> from datetime import UTC, datetime
    >>> from gxrisk.agent.strategy import Portfolio
    >>> from gxrisk.feeds import Candle
    >>> bar = Candle("BTC", 0, 1, *[Decimal(100)] * 4, 1.0)
    >>> view = View("BTC", datetime(2020, 3, 12, tzinfo=UTC), (bar,), 1.5, Portfolio(Decimal(1000)))
    >>> opening(view, "buy", Decimal("0.1"), 2.0)
    Opening(quantity=Decimal('1.000000000'), stop_loss=97.0)
    >>> opening(view, "sell", Decimal("0.1"), 2.0).stop_loss, opening(view, "buy", Decimal("0.1"), 90.0)
    (103.0, None)
    """
    close = view.candles[-1].close
    quantity = (view.portfolio.equity * fraction / close).quantize(_UNIT, rounding=ROUND_DOWN)
    distance = stop_atr * (view.atr or 0.0)
    stop_loss = float(close) + (distance if side == "sell" else -distance)
    # Written so that a NaN fails it.
    if not (quantity > 0 and distance > 0 and stop_loss >= _UNIT):
        return None
    return Opening(quantity, stop_loss)
