"""The models that are run with and without guards: alone, and with two more that have a say after a losing streak."""

from inspect import isawaitable

from gxrisk.agent import Action, Ensemble, Momentum, Strategy, View
from gxrisk.agent.ensemble_after_losses import ConsensusAfterLosses

from tests.cases.models import Overconfident


class InLoop:
    """Asks a model in the event loop and not in a thread: these are quick, and never hang."""

    def __init__(self, model: Strategy) -> None:
        self._model = model

    async def decide(self, view: View) -> Action:
        """The model's own answer."""
        found = self._model.decide(view)
        return await found if isawaitable(found) else found


def _agreed(lead: Strategy) -> Strategy:
    members = {"lead": InLoop(lead), "fast": InLoop(Momentum(8)), "slow": InLoop(Momentum(64))}
    return InLoop(ConsensusAfterLosses(Ensemble(members, timeout_s=30), lead="lead"))


def momentum() -> Strategy:
    """Follows moves."""
    return InLoop(Momentum())


def overconfident() -> Strategy:
    """Bets against moves, all of equity at a time and always sure."""
    return InLoop(Overconfident())


def momentum_agreed() -> Strategy:
    """Momentum, with consensus after losses."""
    return _agreed(Momentum())


def overconfident_agreed() -> Strategy:
    """The overconfident one, with consensus after losses."""
    return _agreed(Overconfident())
