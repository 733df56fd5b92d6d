"""A model of your own: buy a new high of the last twenty bars, leave at a new low of the last ten.

gxrisk replay --data btcusd-1m.csv --tier growth --bar-minutes 15 --model examples.custom_model:Breakout
"""

from decimal import ROUND_DOWN, Decimal

from gxrisk.agent import Action, Close, Hold, Open, View

ENTRY_BARS = 20
EXIT_BARS = 10


class Breakout:
    """Richard Donchian's channel, long only: a tenth of equity, stop-loss two average true ranges below the close."""

    def decide(self, view: View) -> Action:
        """Answer for one asset, knowing its completed bars and the portfolio."""
        *before, last = view.closes(ENTRY_BARS + 1)
        if len(before) < ENTRY_BARS or view.atr is None:
            return Hold(1.0, f"fewer than {ENTRY_BARS + 1} bars")
        if view.portfolio.quantity(view.asset):
            if last < min(before[-EXIT_BARS:]):
                return Close(0.8, f"a new low of {EXIT_BARS} bars")
            return Hold(0.6, "inside the channel, in position")
        if last <= max(before):
            return Hold(0.6, "inside the channel")
        quantity = (view.portfolio.equity / 10 / view.candles[-1].close).quantize(Decimal("1e-6"), ROUND_DOWN)
        if not quantity:
            return Hold(0.6, "a new high, but too dear for a tenth of equity")
        return Open("buy", quantity, 0.7, f"a new high of {ENTRY_BARS} bars", stop_loss=last - 2 * view.atr)
