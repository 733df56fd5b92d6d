"""A trade that is still open, valued step by step."""

from dataclasses import dataclass
from decimal import Decimal

from gxrisk.agent.reward import Reward


@dataclass(slots=True)
class Stake:
    """What a trade made so far and the most that it risked, in money; the confidence of its newest opening.

    Each step is worth by how much it changed the reward of the trade so far, so that from flat to flat the steps add up
    to the reward of the whole, whatever way the price took.

    >>> stake, reward = Stake(), Reward()
    >>> stake.open(Decimal(100), 0.9)
    >>> steps = [stake.step(Decimal(change), reward) for change in (50, -80, 130)]
    >>> [round(step, 4) for step in steps], round(sum(steps), 4), reward.trade(1, 0.9)
    ([0.56, -0.944, 1.504], 1.12, 1.12)
    """

    risked: Decimal = Decimal(0)
    made: Decimal = Decimal(0)
    confidence: float = 0.0
    worth: float = 0.0

    def open(self, risked: Decimal, confidence: float) -> None:
        """The trade begins, or is added to."""
        self.risked = max(self.risked, risked)
        self.confidence = confidence

    def step(self, change: Decimal, reward: Reward) -> float:
        """What a step was worth that changed the equity by `change`; 0 while nothing is risked."""
        self.made += change
        if not self.risked:
            return 0.0
        before, self.worth = self.worth, reward.trade(float(self.made / self.risked), self.confidence)
        return self.worth - before
