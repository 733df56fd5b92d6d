"""What the market did while the model held back, and so what its own holds avoided."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from gxrisk.history.amounts import EXACT
from gxrisk.history.rows import Decision
from gxrisk.vaults.report.curve import FRACTION, ZERO
from gxrisk.vaults.report.records import Recorded


@dataclass(frozen=True, slots=True)
class Watched:
    """The model's own holds on one asset; on no named one where `asset` is None, and then nothing is known.

    A hold names no side: the sum of `falls` is what buying at each hold would have lost, the sum of `rises` what
    selling would have, both as fractions of the price at the hold; `net` is rises less falls. `known` holds have marks
    to judge them by; only these are in the sums, and without any the sums are None.
    """

    asset: str | None
    holds: int
    known: int
    rises: Decimal | None
    falls: Decimal | None
    net: Decimal | None


def watched(decisions: Sequence[Decision], recorded: Recorded, until_ns: int) -> list[Watched]:
    """The agent's own holds by asset, each judged until the agent's next answer on it or the span's end."""
    ends: dict[str, int] = {}
    moves: dict[str | None, list[Decimal | None]] = defaultdict(list)
    for decision in reversed(decisions):
        if decision.origin != "agent":
            continue
        if decision.is_hold:
            moves[decision.asset].append(_move(decision, recorded, ends, until_ns))
        if decision.asset is not None:
            ends[decision.asset] = decision.time_ns
    found = [_summed(asset, of_asset) for asset, of_asset in moves.items()]
    return sorted(found, key=lambda one: (one.asset is None, one.asset))


def _move(hold: Decision, recorded: Recorded, ends: dict[str, int], until_ns: int) -> Decimal | None:
    """The price's move from the last mark before the hold to the last one of its time; None where one is missing."""
    mark = recorded.decided_at.get(hold.sequence)
    if hold.asset is None or mark is None:
        return None
    later = recorded.marks[hold.asset].within(hold.time_ns, ends.get(hold.asset, until_ns))
    return EXACT.divide(later[-1] - mark, mark).quantize(FRACTION, context=EXACT) if later else None


def _summed(asset: str | None, moves: Sequence[Decimal | None]) -> Watched:
    known = [move for move in moves if move is not None]
    if not known:
        return Watched(asset, len(moves), 0, None, None, None)
    rises, falls = (sum((max(move * sign, ZERO) for move in known), ZERO) for sign in (1, -1))
    return Watched(asset, len(moves), len(known), rises, falls, rises - falls)
