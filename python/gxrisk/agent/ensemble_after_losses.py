"""One model leads; after a losing streak the ensemble has to agree until something wins again."""

from collections.abc import Awaitable
from dataclasses import replace

from gxrisk.agent.ensemble import Ensemble
from gxrisk.agent.strategy import REASONING_CHARS_MAX, Action, Close, View


class ConsensusAfterLosses:
    """Asks one member, `lead`, alone; while `view.portfolio.consensus_required`, asks the whole ensemble instead.

    Consensus is required from a trip of the breaker `consecutive_losses` until a round trip that was opened after it
    has won. Whoever makes the portfolio knows that from the journal, so nothing is kept here and a restart changes
    nothing. The lead may still close its position at any time: an exit needs no consensus.

    Raises `ValueError` where no member has the name `lead`.

    >>> from gxrisk.agent.momentum import Momentum
    >>> strategy = ConsensusAfterLosses(Ensemble({"fast": Momentum(8), "slow": Momentum(64)}), lead="fast")
    >>> strategy.lead.name
    'fast'
    """

    def __init__(self, ensemble: Ensemble, lead: str) -> None:
        named = {member.name: member for member in ensemble.members}
        if lead not in named:
            raise ValueError(f"lead: {lead!r} was given, a member is allowed: {', '.join(named)}")
        self.ensemble = ensemble
        self.lead = named[lead]

    def decide(self, view: View) -> Action | Awaitable[Action]:
        """The lead's answer, or that of the ensemble where consensus is required."""
        return self._agreed(view) if view.portfolio.consensus_required else self.lead.strategy.decide(view)

    async def _agreed(self, view: View) -> Action:
        votes = await self.ensemble.votes(view)
        action = self.ensemble.consensus(view, votes)
        own = next(vote.action for vote in votes if vote.member == self.lead.name)
        if isinstance(own, Close) and view.portfolio.quantity(view.asset):
            return own
        return replace(action, reasoning=f"after a losing streak: {action.reasoning}"[:REASONING_CHARS_MAX])

    async def aclose(self) -> None:
        """Close the members."""
        await self.ensemble.aclose()
