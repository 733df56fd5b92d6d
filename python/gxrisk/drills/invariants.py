"""What must hold in every scenario, worked out from outside: from the journal's records and from the venue."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk._native import Limits
from gxrisk.drills.ledger import Worst, openings
from gxrisk.drills.seen import Ran

TOLERANCE: Final = Decimal("1e-9")  # what rounding against the trader may leave
_STRICT: Final = ("max_daily_loss", "max_drawdown")  # at the limit nothing opens any more
_SHOWN_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Check:
    """Whether an invariant held, and what was seen."""

    name: str
    held: bool
    seen: str


def checks(ran: Ran) -> tuple[Check, ...]:
    """Every invariant, in the order in which a reader should look at them.

    - `restricted`: no opening was approved while a breaker or control restricted the vault
    - `limits`: no limit was exceeded at an approval, all working orders filled on the side that hurts
    - `fills`: each execution at the venue is booked once, with its quantity, price and fee, and nothing else is
    - `account`: balance, positions and open orders of gate and venue are the same at the end
    - `exits`: at no minute would an exit have been refused, and the owner was out at the end
    - `journal`: every hash, signature and decision of the journal verifies
    - `running`: the vault was not taken out
    """
    opened = openings(ran.events, ran.plan.groups)
    return (
        _restricted(opened),
        _limits(opened, ran.plan.limits),
        _fills(ran),
        _check("account", ran.differences, "gate and venue agree"),
        _check(
            "exits", [*dict.fromkeys(ran.blocked), *(f"still held: {one}" for one in ran.left)], "no exit was refused"
        ),
        _check("journal", [ran.journal] if ran.journal else [], f"{len(ran.events):,} records verify"),
        _check("running", [ran.failure] if ran.failure else [], "the vault ran to the end"),
    )


def _restricted(opened: list[Worst]) -> Check:
    found = [f"record {one.sequence} while {', '.join(one.restricted_by)}" for one in opened if one.restricted_by]
    return _check("restricted", found, f"{len(opened):,} openings, all while active")


def _limits(opened: list[Worst], limits: Limits) -> Check:
    found = []
    for one in opened:
        for name, used in one.used.items():
            limit = Decimal(getattr(limits, name))
            is_broken = used >= limit if name in _STRICT else used > limit + TOLERANCE
            if is_broken and not (name == "max_drawdown" and limits.drawdown_base == "peak"):
                found.append(f"record {one.sequence}: {name} {used:.4f} of {limit}")
    most = max((one.used["max_leverage"] for one in opened), default=Decimal(0))
    return _check(
        "limits", found, f"worst exposure at an approval {most:.0%} of equity" if opened else "nothing opened"
    )


def _fills(ran: Ran) -> Check:
    booked = [one for one in ran.events if one["kind"] == "fill"]
    ours = Counter(
        (one["fill_id"], one["asset"], one["side"], one["quantity"], one["price"], one["fee"]) for one in booked
    )
    theirs = Counter((one.fill_id, one.asset, one.side, one.quantity, one.price, one.fee) for one in ran.fills)
    found = [f"not booked: {one[0]}" for one in theirs - ours]
    found += [f"booked, but not at the venue or more than once: {one[0]}" for one in ours - theirs]
    return _check("fills", found, f"{len(booked):,} of {len(ran.fills):,} executions, each once")


def _check(name: str, found: Sequence[str], fine: str) -> Check:
    if not found:
        return Check(name, True, fine)
    more = f"; and {len(found) - _SHOWN_MAX} more" if len(found) > _SHOWN_MAX else ""
    return Check(name, False, "; ".join(found[:_SHOWN_MAX]) + more)
