"""A decision log: what a model asked for and held, what became of it, and the prices to judge it by."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gxrisk.agent.policy import Wish
from gxrisk.history.rows import Decision, Trade
from gxrisk.vaults.report.records import Recorded


@dataclass(frozen=True, slots=True)
class Log:
    """Decisions in order, the trades that were finished (None where nobody told), marks, and the end of it all.

    A hold that a policy made in place of an opening is that opening, held: it has its asset, side, quantity and stop.
    """

    name: str
    decisions: tuple[Decision, ...]
    trades: tuple[Trade, ...] | None
    recorded: Recorded
    until_ns: int

    @classmethod
    def of(
        cls, name: str, decisions: Iterable[Decision], trades: Iterable[Trade] | None, recorded: Recorded, until_ns: int
    ) -> "Log":
        """A log of what was read; each policy's hold is read, and is given the newest mark before it."""
        read = tuple(_as_opening(decision) for decision in decisions)
        for decision in read:
            if decision.asset is not None and recorded.decided_at.get(decision.sequence) is None:
                marks = recorded.marks[decision.asset].within(-1, decision.time_ns)
                recorded.decided_at[decision.sequence] = marks[-1] if marks else None
        return cls(name, read, None if trades is None else tuple(trades), recorded, until_ns)


def _as_opening(decision: Decision) -> Decision:
    if not decision.is_hold or (wish := Wish.told(decision.reasoning, decision.confidence)) is None:
        return decision
    return replace(
        decision,
        asset=wish.asset,
        side=wish.side,
        quantity=wish.quantity,
        price=wish.price,
        leverage=wish.leverage,
        stop_loss=wish.stop_loss,
    )
