"""Strategies whose proposals are refused."""

from decimal import Decimal

from gxrisk.agent.strategy import Action, Hold, Open, View


class Greedy:
    """Wants ten times what there is, without a stop, and is unsure on every third bar."""

    def decide(self, view: View) -> Action:
        """Too much."""
        last = view.candles[-1]
        number = last.end_ms // (last.end_ms - last.start_ms)
        if number % 3 == 0:
            return Open("buy", Decimal("0.001"), 0.1, "not sure", stop_loss=float(last.close) * 0.99)
        if number % 3 == 1:
            return Hold(0.4, "waiting")
        quantity = round(view.portfolio.equity * 10 / last.close, 6)
        return Open("buy", quantity, 0.8, "all in")
