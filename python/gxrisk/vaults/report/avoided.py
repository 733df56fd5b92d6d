"""What came of orders that did not pass: the losses that were avoided and the gains that were missed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk.history.rows import Decision
from gxrisk.vaults.report.records import Recorded

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Forgone:
    """One opening order that was held or rejected, and what it would have made until `judged_ns`.

    `outcome_amount` is quantity x move, above zero for a gain that was missed, below zero for a loss that was avoided,
    without fees; None where the journal has no mark to judge it by.
    """

    sequence: int
    at_ns: int
    outcome: str
    asset: str
    side: str
    quantity: Decimal
    mark: Decimal | None
    last_mark: Decimal | None
    judged_ns: int
    is_stopped: bool
    outcome_amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Avoided:
    """The sums for one outcome (`held`, `rejected`); `net` is avoided less missed."""

    outcome: str
    orders: int
    known: int
    avoided: Decimal
    missed: Decimal
    net: Decimal


def forgone(decisions: Sequence[Decision], recorded: Recorded, until_ns: int) -> list[Forgone]:
    """The agent's opening orders that did not pass, each judged until the next order in its asset or the span's end.

    An order would have been filled at the mark that it was decided with; it ends at the last recorded mark of its time,
    or at the first one beyond its stop-loss.
    """
    ends: dict[str, int] = {}
    done: list[Forgone] = []
    for decision in reversed(decisions):
        if decision.asset is None or decision.is_hold:
            continue  # whoever holds leaves what was opened open
        judged_ns = ends.get(decision.asset, until_ns)
        ends[decision.asset] = decision.time_ns
        if decision.outcome != "approved" and decision.origin == "agent" and not decision.reduce_only:
            done.append(_judged(decision, recorded, judged_ns))
    return done[::-1]


def sums(orders: Iterable[Forgone]) -> list[Avoided]:
    """The sums for what was held and for what was rejected."""
    found = list(orders)
    return [_summed(outcome, [one for one in found if one.outcome == outcome]) for outcome in ("held", "rejected")]


def _summed(outcome: str, orders: list[Forgone]) -> Avoided:
    amounts = [one.outcome_amount for one in orders if one.outcome_amount is not None]
    avoided = -sum((amount for amount in amounts if amount < 0), ZERO)
    missed = sum((amount for amount in amounts if amount > 0), ZERO)
    return Avoided(outcome, len(orders), len(amounts), avoided + ZERO, missed, avoided - missed)


def _judged(decision: Decision, recorded: Recorded, judged_ns: int) -> Forgone:
    asset, side, quantity = decision.asset or "", decision.side or "", decision.quantity or ZERO
    mark = recorded.decided_at.get(decision.sequence)
    later = recorded.marks[asset].within(decision.time_ns, judged_ns) if asset in recorded.marks else []
    last, is_stopped = None, False
    if mark is not None and later:
        stopped = [price for price in later if _is_beyond(price, side, decision.stop_loss)]
        last, is_stopped = (stopped[0], True) if stopped else (later[-1], False)
    amount = None
    if mark is not None and last is not None:
        amount = quantity * (last - mark if side == "buy" else mark - last)
    return Forgone(
        sequence=decision.sequence,
        at_ns=decision.time_ns,
        outcome=decision.outcome,
        asset=asset,
        side=side,
        quantity=quantity,
        mark=mark,
        last_mark=last,
        judged_ns=judged_ns,
        is_stopped=is_stopped,
        outcome_amount=amount,
    )


def _is_beyond(price: Decimal, side: str, stop: Decimal | None) -> bool:
    return stop is not None and (price <= stop if side == "buy" else price >= stop)
