"""A model that is sure of itself and wrong, and the ensemble that has a say after its losses."""

from decimal import ROUND_DOWN, Decimal

from gxrisk.agent import Action, Close, Ensemble, Hold, Momentum, Open, View
from gxrisk.agent.ensemble_after_losses import ConsensusAfterLosses


class Overconfident:
    """Momentum turned round, always sure: it bets all of the equity against each move and waits for it to turn."""

    def __init__(self) -> None:
        self._momentum = Momentum()

    def decide(self, view: View) -> Action:
        """The opposite of what momentum says, with confidence 1."""
        action = self._momentum.decide(view)
        if view.portfolio.quantity(view.asset):
            has_turned = isinstance(action, Hold)
            return Close(1.0, "it turned, as I said") if has_turned else Hold(1.0, "it must turn")
        if not isinstance(action, Open) or view.atr is None:
            return action
        close = view.candles[-1].close
        whole = (view.portfolio.equity / close).quantize(Decimal("1e-9"), rounding=ROUND_DOWN)
        distance = view.atr
        if action.side == "buy":
            return Open("sell", whole, 1.0, "it must turn", stop_loss=float(close) + distance, resize=True)
        return Open("buy", whole, 1.0, "it must turn", stop_loss=float(close) - distance, resize=True)


def make() -> ConsensusAfterLosses:
    """It leads alone; after a losing streak two momentum models have a say."""
    members = {"overconfident": Overconfident(), "fast": Momentum(8), "slow": Momentum(64)}
    return ConsensusAfterLosses(Ensemble(members), lead="overconfident")


class Arbitrage:
    """Holds a small position, and where the last close is far from the mean of 16 bars, bets on its way back.

    Two prices of the same thing, one of them cheap: with a phantom print it is an arbitrage that is not there.
    """

    def decide(self, view: View) -> Action:
        """By the distance from the mean."""
        closes = view.closes(16)
        if len(closes) < 16 or view.atr is None:
            return Hold(1.0, "fewer than 16 bars")
        last, away = closes[-1], closes[-1] / (sum(closes) / len(closes)) - 1
        if away < -0.1:
            stop_loss = last - 2 * view.atr
            return Open(
                "buy", _units(view, "0.2"), 1.0, f"{-away:.0%} under its mean", stop_loss=stop_loss, resize=True
            )
        if not view.portfolio.quantity(view.asset):
            return Open("buy", _units(view, "0.05"), 0.6, "a small position", stop_loss=last - 3.5 * view.atr)
        return Hold(0.6, f"{away:+.1%} from its mean")


def _units(view: View, fraction: str) -> Decimal:
    """So much of equity at the last close."""
    wanted = view.portfolio.equity * Decimal(fraction) / view.candles[-1].close
    return wanted.quantize(Decimal("1e-9"), rounding=ROUND_DOWN)
