"""Models of the cases: one that is sure and wrong, and one that believes a spread between two prices of the same thing."""

from decimal import Decimal

from gxrisk.agent import Action, Close, Ensemble, Hold, Momentum, Open, View
from gxrisk.agent.ensemble_after_losses import ConsensusAfterLosses


class Overconfident:
    """Fades momentum with confidence 1, all of the equity and a wide stop: in a market that trends it is wrong."""

    def __init__(self) -> None:
        self._momentum = Momentum()

    def decide(self, view: View) -> Action:
        """The momentum's answer turned round, and every size blown up."""
        action = self._momentum.decide(view)
        if isinstance(action, Close):
            return Close(1.0, "certain that it is over")
        if not isinstance(action, Open) or view.atr is None:
            return action
        side, sign = ("sell", 1) if action.side == "buy" else ("buy", -1)
        price = view.candles[-1].close
        stop_loss = float(price) + sign * 3.5 * view.atr
        whole = view.portfolio.equity / price
        return Open(side, whole, 1.0, "certain that it turns now", stop_loss=stop_loss, resize=True)


def overconfident() -> ConsensusAfterLosses:
    """It leads; after a losing streak, two momentum models have a say."""
    members = {"overconfident": Overconfident(), "fast": Momentum(8), "slow": Momentum(64)}
    return ConsensusAfterLosses(Ensemble(members), lead="overconfident")
