"""All guards in their order before the gate: what is left of an order, and why."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from gxrisk._native import Gate, Limits, Order, Trip
from gxrisk.agent.strategy import Objection, View
from gxrisk.protection.bounds import plain
from gxrisk.protection.health import Health
from gxrisk.protection.risk import RiskLevel, worst
from gxrisk.snapshot import Snapshot
from gxrisk.venues.paper.exact import ZERO, down, exact, up

GATE: Final = "gate"
_REASON_CHARS_MAX: Final = 400
_log = logging.getLogger("gxrisk.protection")


@dataclass(frozen=True, slots=True)
class Record:
    """What a model's past trades say: `returns` (profit net of fees / entry value, the newest last), its health.

    `duration_s` is the median of how long they took, None before the first one. `predictions` are the model's last
    ones as signed confidence, above zero for a buy, the newest last, where a guard asks for them.
    """

    returns: tuple[float, ...] = ()
    duration_s: float | None = None
    health: Health | None = None
    predictions: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """What a guard is asked: the order as the guards before left it, and the vault at one instant."""

    order: Order
    view: View
    snapshot: Snapshot
    limits: Limits
    trips: tuple[Trip, ...]
    record: Record
    gate: Gate

    @property
    def entry(self) -> Decimal | None:
        """The limit price, else the mark."""
        return self.order.price if self.order.price is not None else self.snapshot.marks.get(self.order.asset)


@dataclass(frozen=True, slots=True)
class Finding:
    """A guard's answer: refuse, or at most so much, or a stop at least so near; `reason` has the figures.

    There is no field by which a guard could ask for more: an order can only become smaller, and its stop nearer. Where
    it refuses, `limit` and `observed` are what it compared, `quantity_max` is how much of the order it would pass, and
    `passes` says in words what it would; each None where it cannot tell.
    """

    reason: str
    level: RiskLevel | None = None
    refuses: bool = False
    quantity_max: Decimal | None = None
    stop_loss: Decimal | None = None
    limit: str | None = None
    observed: str | None = None
    passes: str | None = None


Guard = Callable[[Case], Finding]


@dataclass(frozen=True, slots=True)
class Reason:
    """What one guard said: `did` is `passed`, `changed`, `refused` or `failed` (it raised: refused, too).

    `limit`, `observed` and `passes` are as in `Finding`; of a change, what is left and what was asked.
    """

    guard: str
    did: Literal["passed", "changed", "refused", "failed"]
    level: RiskLevel | None
    text: str
    limit: str | None = None
    observed: str | None = None
    passes: str | None = None

    def __str__(self) -> str:
        return f"{self.guard}: {self.text}"


@dataclass(frozen=True, slots=True)
class Assessment:
    """The guards' answer to an order: `approved` where none refuses, the gate included, `order` as they left it.

    `refused_by` is the first that refused, and the last that was asked; `level` the worst that any of them saw.
    `quantity_max` is how much of a refused order that guard would pass, 0 where it knows of nothing.
    """

    approved: bool
    order: Order
    level: RiskLevel
    reasons: tuple[Reason, ...]
    refused_by: str | None = None
    quantity_max: Decimal = ZERO

    @property
    def quantity(self) -> Decimal:
        """What may be opened: 0 where it is refused."""
        return self.order.quantity if self.approved else Decimal(0)

    @property
    def stop_loss(self) -> Decimal | None:
        """The stop of the order as the guards left it."""
        return self.order.stop_loss

    @property
    def failed(self) -> tuple[Reason, ...]:
        """The guards that raised instead of answering: none or one."""
        return tuple(one for one in self.reasons if one.did == "failed")

    @property
    def objections(self) -> tuple[Objection, ...]:
        """What the guards before the gate had against the order, for the model or the client that proposed it."""
        return tuple(
            Objection(one.guard, one.did, one.text, one.limit, one.observed, one.passes)
            for one in self.reasons
            if one.did != "passed" and one.guard != GATE
        )


class ProtectionPipeline:
    """Asks guards one after the other, each about what those before left of the order; the gate is the last.

    A refusal ends it. A guard that raises, or answers what is no answer, refuses. Exits pass untouched. Whatever the
    guards say, the order that comes out has the side, asset, price and leverage of the one that went in, no larger
    quantity and no wider stop; and `approved` is never said of an order that the gate would refuse.

    >>> from datetime import UTC, datetime
    >>> from gxrisk import Gate, Limits, order
    >>> from gxrisk.agent import Portfolio
    >>> gate = Gate("demo", Limits.for_tier("growth"))
    >>> gate.deposit(10_000)
    >>> _ = gate.mark("BTC", 100, atr=1)
    >>> view = View("BTC", datetime(2020, 3, 12, tzinfo=UTC), (), 1.0, Portfolio(Decimal(10_000)))
    >>> def half(case):
    ...     return Finding("half of it", quantity_max=case.order.quantity / 2)
    >>> pipeline = ProtectionPipeline([("half", half)])
    >>> found = pipeline.assess(order("BTC", "buy", 20, confidence=0.9, reasoning="up", stop_loss=98), view, gate)
    >>> found.approved, str(found.quantity), [str(one) for one in found.reasons if one.did == "changed"]
    (True, '10', ['half: size 20 to 10, half of it'])
    """

    def __init__(self, guards: Iterable[tuple[str, Guard]]) -> None:
        self.guards: Sequence[tuple[str, Guard]] = (*guards, (GATE, gate_guard))

    def assess(self, order: Order, view: View, gate: Gate, record: Record | None = None) -> Assessment:
        """The guards' answer for the vault as it is now. Never raises, and changes nothing."""
        if order.reduce_only:
            return Assessment(True, order, "low", (Reason("exit", "passed", None, "exits are not guarded"),))
        reasons: list[Reason] = []
        refused_by, quantity_max = None, ZERO
        for name, guard in self.guards:
            try:
                case = Case(order, view, gate.snapshot(), gate.limits, gate.trips, record or Record(), gate)
                finding = guard(case)
                order, reason = _applied(name, order, finding)
                quantity_max = _passing(order, finding)
            except Exception as error:
                _log.exception("%s: the guard %s failed", gate.vault_id, name)
                reason, quantity_max = Reason(name, "failed", "critical", _said(error)), ZERO
            reasons.append(reason)
            if reason.did in ("refused", "failed"):
                refused_by = name
                break
        level = worst([one.level for one in reasons if one.level is not None])
        return Assessment(refused_by is None, order, level, tuple(reasons), refused_by, quantity_max)


def gate_guard(case: Case) -> Finding:
    """What the gate would say; nothing is reserved or recorded by it."""
    decision = case.gate.validate_order(case.order)
    if decision:
        return Finding("the gate would pass it")
    told = "; ".join(one.message for one in decision.violations) or f"the gate answers {decision.outcome}"
    return Finding(told, refuses=True)


@exact
def _applied(name: str, order: Order, finding: Finding) -> tuple[Order, Reason]:
    """The order with what the guard asks for where that is stricter, and what is to be said of it."""
    if not isinstance(finding, Finding):
        raise TypeError(f"it answered {type(finding).__name__}, a Finding is allowed")
    text = str(finding.reason)[:_REASON_CHARS_MAX]
    told = (finding.limit, finding.observed, finding.passes)
    if finding.refuses:
        return order, Reason(name, "refused", finding.level, text, *told)
    changes: dict[str, Decimal] = {}
    changed, left, asked = [], [], []
    most = finding.quantity_max
    if most is not None and not most >= order.quantity:  # also where it is no number: comparing raises
        most = down(most)
        if most <= 0:
            return order, Reason(name, "refused", finding.level, text, *told)
        changes["quantity"] = most
        changed.append(f"size {plain(order.quantity)} to {plain(most)}")
        left.append(f"quantity {plain(most)}")
        asked.append(f"quantity {plain(order.quantity)}")
    stop = finding.stop_loss
    if stop is not None:
        stop = up(stop) if order.side == "buy" else down(stop)
    if stop is not None and _is_nearer(stop, order):
        changes["stop_loss"] = stop
        before = "none" if order.stop_loss is None else str(plain(order.stop_loss))
        changed.append(f"stop {before} to {plain(stop)}")
        left.append(f"stop {plain(stop)}")
        asked.append(f"stop {before}")
    if not changes:
        return order, Reason(name, "passed", finding.level, text)
    text = f"{', '.join(changed)}, {text}"
    return order.replace(**changes), Reason(
        name, "changed", finding.level, text, ", ".join(left), ", ".join(asked), finding.passes
    )


@exact
def _passing(order: Order, finding: Finding) -> Decimal:
    """How much of an order that it refuses the guard would pass."""
    if not finding.refuses or finding.quantity_max is None:
        return ZERO
    return min(order.quantity, max(ZERO, down(finding.quantity_max)))


def _is_nearer(stop: Decimal, order: Order) -> bool:
    if order.stop_loss is None:
        return True
    return stop > order.stop_loss if order.side == "buy" else stop < order.stop_loss


def _said(error: BaseException) -> str:
    try:
        return f"it raised {type(error).__name__}: {error}"[:_REASON_CHARS_MAX]
    except Exception:
        return f"it raised {type(error).__name__}"
