"""What a decision was worth: an outcome for a trade, its mirror for a hold, and a price on wrong confidence."""

from dataclasses import dataclass
from math import isfinite
from typing import Final

from gxrisk.agent.strategy import ModelError

OUTCOME_MAX: Final = 10.0
COIN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Reward:
    """Pays for trades by what they made, and for holds by what they avoided when the model was unsure.

    x is the outcome in units of what was risked (cut to -10 to 10), c the confidence (0 to 1), y = 1 if x > 0, else 0:

    - `trade` = x + calibration |x| (1/4 - (c - y)^2): the outcome, and what the confidence gained on a coin's
    - `hold` = -abstention (x + |x| k), k = max(0, 2c - 1): the mirror of what the trade would have made, less a charge
      for having been surer than a coin and done nothing: an unsure model is paid in full for a loss that it avoided, a
      sure one not at all, and a sure one pays twice for a gain that it missed

    Rewards are in units of what was risked (R: quantity x distance from entry to stop-loss), their absolute value is at
    most `bound`. For |x| that says nothing of y, and P(y = 1) = p:

    - a trade is worth most in expectation when c = p, since the Brier score is strictly proper
    - at c = p a trade is worth more than nothing where p > 1/2 and a hold where p < 1/2, Chow's rule for when to reject
    - a model that is no better than a coin gains nothing by holding, whatever it says, and one that knows which trades
      lose earns more by taking the other side than by holding them

    Defaults: `abstention` 0.5 (half the pay for doing nothing; with more, a missed gain could be worse than an
    overconfident loss), `calibration` 0.5. Raises `ModelError` unless 0 < abstention <= 0.5 and 0 <= calibration <= 1;
    outcomes that are NaN and confidences outside 0 to 1 are refused too.

    Sources: Chow, On Optimum Recognition Error and Reject Tradeoff, IEEE Transactions on Information Theory, 1970;
    El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, JMLR, 2010; Brier, Verification of
    Forecasts Expressed in Terms of Probability, 1950; Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction,
    and Estimation, JASA, 2007.

    >>> reward = Reward()
    >>> reward.trade(1, 0.9), reward.trade(-1, 0.9), reward.trade(-1, 0.6)
    (1.12, -1.28, -1.055)
    >>> reward.hold(-1, 0.2), reward.hold(-1, 0.75), reward.hold(1, 0.2), reward.hold(1, 1)
    (0.5, 0.25, -0.5, -1.0)
    """

    abstention: float = 0.5
    calibration: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.abstention <= 0.5:
            raise ModelError(f"abstention: {self.abstention} was given, more than 0 and at most 0.5 is allowed")
        if not 0 <= self.calibration <= 1:
            raise ModelError(f"calibration: {self.calibration} was given, 0 to 1 is allowed")

    @property
    def bound(self) -> float:
        """No reward's absolute value is larger: the loss of a trade that could not lose."""
        return OUTCOME_MAX * (1 + 0.75 * self.calibration)

    def trade(self, outcome: float, confidence: float) -> float:
        """What a trade was worth that made `outcome` times what it risked, opened with `confidence`."""
        made, stated = _outcome(outcome), _confidence(confidence)
        gained = COIN**2 - (stated - (made > 0)) ** 2
        return made + self.calibration * abs(made) * gained

    def hold(self, outcome: float, confidence: float) -> float:
        """What a hold was worth in place of a trade that would have made `outcome`; `confidence` was in the trade."""
        forgone, stated = _outcome(outcome), _confidence(confidence)
        surer = max(0.0, 2 * stated - 1)
        return 0.0 - self.abstention * (forgone + abs(forgone) * surer)


def in_risks(amount: float, quantity: float, entry: float, stop_loss: float | None) -> float:
    """An amount of money in units of what was risked (R): quantity x distance from entry to stop-loss.

    Without a stop-loss the whole value was at risk. Nothing at risk gives 0 for nothing made, else an infinity.

    >>> in_risks(30, quantity=2, entry=100, stop_loss=95), in_risks(30, 2, 100, None), in_risks(-1, 2, 100, 100)
    (3.0, 0.15, -inf)
    """
    risked = quantity * (entry if stop_loss is None else abs(entry - stop_loss))
    if risked:
        return amount / risked
    return float("inf") * amount if amount else 0.0


def _outcome(outcome: float) -> float:
    if outcome != outcome:
        raise ModelError("outcome: NaN was given, a number is allowed")
    return max(-OUTCOME_MAX, min(OUTCOME_MAX, float(outcome)))


def _confidence(confidence: float) -> float:
    if not isfinite(confidence) or not 0 <= confidence <= 1:
        raise ModelError(f"confidence: {confidence} was given, 0 to 1 is allowed")
    return float(confidence)
