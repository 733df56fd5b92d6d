"""One model leads; after a losing streak the ensemble has to agree until something wins again."""

import asyncio
from dataclasses import replace
from typing import Final

from gxrisk.agent.ensemble import Ensemble
from gxrisk.agent.ensemble_members import Vote
from gxrisk.agent.strategy import REASONING_CHARS_MAX, Action, Close, Hold, View

LEAD_S: Final = 30.0  # what a vault gives its strategy for one question


class ConsensusAfterLosses:
    """Asks one member, `lead`, alone; while `view.portfolio.consensus_required`, asks the whole ensemble instead.

    Consensus is required from a trip of the breaker `consecutive_losses` until a round trip that was opened after it
    has won. Whoever makes the portfolio knows that from the journal, so nothing is kept here and a restart changes
    nothing. The lead may still close its position at any time: an exit needs no consensus and waits for no other
    member. Each member is asked once for a question, and nothing more while it still thinks about an earlier one: that
    of the lead is then a hold.

    Alone the lead has `timeout_s`. Raises `ValueError` where no member has the name `lead`.

    >>> from gxrisk.agent.momentum import Momentum
    >>> strategy = ConsensusAfterLosses(Ensemble({"fast": Momentum(8), "slow": Momentum(64)}), lead="fast")
    >>> strategy.lead.name
    'fast'
    """

    def __init__(self, ensemble: Ensemble, lead: str, *, timeout_s: float = LEAD_S) -> None:
        named = {member.name: member for member in ensemble.members}
        if lead not in named:
            raise ValueError(f"lead: {lead!r} was given, a member is allowed: {', '.join(named)}")
        self.ensemble = ensemble
        self.lead = named[lead]
        self.timeout_s = timeout_s

    async def decide(self, view: View) -> Action:
        """The lead's answer, or that of the ensemble where consensus is required."""
        if view.portfolio.consensus_required:
            return await self._agreed(view)
        vote = await self.lead.vote(view, self.timeout_s)
        if vote.action is None:
            return Hold(0.0, f"the strategy {vote.failure}".encode("utf-8", "replace").decode()[:REASONING_CHARS_MAX])
        return vote.action

    async def _agreed(self, view: View) -> Action:
        voting = [asyncio.ensure_future(one.vote(view, self.ensemble.timeout_s)) for one in self.ensemble.members]
        try:
            own = await voting[self.ensemble.members.index(self.lead)]
            if isinstance(own.action, Close) and view.portfolio.quantity(view.asset):
                return own.action
            votes: list[Vote] = await asyncio.gather(*voting)
        finally:
            for one in voting:
                one.cancel()
        action = self.ensemble.consensus(view, votes)
        return replace(action, reasoning=f"after a losing streak: {action.reasoning}"[:REASONING_CHARS_MAX])

    async def aclose(self) -> None:
        """Close the members."""
        await self.ensemble.aclose()
