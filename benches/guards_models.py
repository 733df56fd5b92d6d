"""The models that are run with and without guards: each alone, and with two more that have a say after a losing streak."""

from decimal import ROUND_DOWN, Decimal
from math import erf, sqrt
from statistics import fmean, pstdev

from gxrisk.agent import Action, Close, Ensemble, Hold, Momentum, Open, Strategy, View
from gxrisk.agent.ensemble_after_losses import ConsensusAfterLosses

from tests.cases.models import Overconfident

BARS = 20
ENTRY_DEVIATIONS = 2.0
FRACTION = Decimal("0.25")
STOP_ATR = 2.0


class MeanReversion:
    """Bets on the way back from two deviations off the mean of 20 bars (Bollinger's bands), until it is there."""

    def decide(self, view: View) -> Action:
        """Open, close or hold."""
        closes = view.closes(BARS)
        deviation = pstdev(closes) if len(closes) == BARS else 0.0
        if not deviation or view.atr is None:
            return Hold(0.0, f"fewer than {BARS} bars, or they stand still")
        z = (closes[-1] - fmean(closes)) / deviation
        confidence, reasoning = erf(abs(z) / sqrt(2)), f"{z:+.2f} deviations from the mean of {BARS} bars"
        held = view.portfolio.quantity(view.asset)
        if held:
            is_back = held * Decimal(z) >= 0
            return Close(0.9, reasoning) if is_back else Hold(confidence, reasoning)
        if abs(z) < ENTRY_DEVIATIONS:
            return Hold(confidence, reasoning)
        close = view.candles[-1].close
        wanted = (view.portfolio.equity * FRACTION / close).quantize(Decimal("1e-9"), rounding=ROUND_DOWN)
        distance = STOP_ATR * view.atr
        stop_loss = float(close) + distance if z > 0 else float(close) - distance
        if wanted <= 0 or stop_loss <= 0:
            return Hold(confidence, f"no room for a position with a stop: {reasoning}")
        side = "sell" if z > 0 else "buy"
        return Open(side, wanted, confidence, reasoning, stop_loss=stop_loss, resize=True)


def _agreed(lead: Strategy) -> ConsensusAfterLosses:
    members = {"lead": lead, "fast": Momentum(8), "slow": Momentum(64)}
    return ConsensusAfterLosses(Ensemble(members, timeout_s=30), lead="lead")


def momentum() -> Strategy:
    """Follows moves."""
    return Momentum()


def mean_reversion() -> Strategy:
    """Bets against them, a quarter of equity at a time."""
    return MeanReversion()


def overconfident() -> Strategy:
    """Bets against them, all of equity at a time and always sure."""
    return Overconfident()


def momentum_agreed() -> Strategy:
    """Momentum, with consensus after losses."""
    return _agreed(Momentum())


def mean_reversion_agreed() -> Strategy:
    """Mean reversion, with consensus after losses."""
    return _agreed(MeanReversion())


def overconfident_agreed() -> Strategy:
    """The overconfident one, with consensus after losses."""
    return _agreed(Overconfident())
