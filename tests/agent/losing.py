"""A strategy that loses on purpose, among others that can be told to agree: for the test of consensus after losses."""

from decimal import Decimal

from gxrisk.agent import Action, Close, Hold, Open, View
from gxrisk.agent.ensemble import Ensemble
from gxrisk.agent.ensemble_after_losses import ConsensusAfterLosses


class Churn:
    """Buys when flat and closes a bar later: on a market that stands still, spread and fees lose each time."""

    def decide(self, view: View) -> Action:
        """By what is held."""
        if view.atr is None:
            return Hold(1.0, "no range yet")
        if view.portfolio.quantity(view.asset):
            return Close(0.9, "churn")
        return Open("buy", Decimal(10), 0.9, "churn", stop_loss=float(view.candles[-1].close) - 2 * view.atr)


class Rising(Churn):
    """The same, where the close is above the open by more than a few per cent."""

    def decide(self, view: View) -> Action:
        """By the last bar."""
        last = view.candles[-1]
        return super().decide(view) if last.close > last.open * Decimal("1.02") else Hold(0.8, "nothing rises")


def make() -> ConsensusAfterLosses:
    """One that churns leads; two of three want to see a rise."""
    return ConsensusAfterLosses(Ensemble({"churn": Churn(), "rise": Rising(), "rise too": Rising()}), lead="churn")
