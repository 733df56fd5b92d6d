"""The worst model that a gate can meet and still call a model."""

from decimal import Decimal

from gxrisk.agent.opening import opening
from gxrisk.agent.strategy import Action, Hold, Open, View


class Stubborn:
    """Buys the most that passes at every bar, with a wide stop, and never closes: what it loses, the limits allow.

    A drill with it asks of the limits alone, whatever the operator's own model would have done.

    >>> from datetime import UTC, datetime
    >>> from gxrisk.agent.strategy import Portfolio
    >>> from gxrisk.feeds.candles import Candle
    >>> bar = Candle("BTC", 0, 60_000, *[Decimal(100)] * 4, 0.0)
    >>> view = View("BTC", datetime(2020, 3, 12, tzinfo=UTC), (bar,), 1.5, Portfolio(Decimal(1000)))
    >>> Stubborn().decide(view).quantity
    Decimal('1000.000000000')
    """

    def __init__(self, stop_atr: float = 3.0) -> None:
        self.stop_atr = stop_atr

    def decide(self, view: View) -> Action:
        """Buy."""
        found = opening(view, "buy", Decimal(100), self.stop_atr)
        if found is None:
            return Hold(1.0, "there is nothing to buy with, or no stop to set")
        return Open("buy", found.quantity, 1.0, "it can only rise", stop_loss=found.stop_loss, resize=True)
