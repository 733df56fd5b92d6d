"""What the server's answers become: the same attributes as in a process, numbers as `Decimal`."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from gxrisk._native import Order
from gxrisk.agent.strategy import Objection
from gxrisk.client.call import Answer
from gxrisk.snapshot import Position, Snapshot, WorkingOrder

State = Literal["active", "reduce_only", "halted"]
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_TIME: Final = re.compile(r"(.{19})(?:\.([0-9]{1,9}))?Z", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STATES: Final[dict[str, State]] = {"active": "active", "reduce_only": "reduce_only", "halted": "halted"}


@dataclass(frozen=True, slots=True)
class RemoteViolation:
    """A rule that the order breaks: `limit` and `observed` are numbers or words, None where nothing can be computed."""

    rule: str
    limit: Decimal | str | None
    observed: Decimal | str | None
    message: str


@dataclass(frozen=True, slots=True)
class RemoteDecision:
    """The gate's answer, as `gxrisk.Decision` has it; its approval stays with the server, which sends the order itself.

    Of a vault with guards, `guards` says what they had against the order, and `quantity` and `stop_loss` are those that
    were decided on. Where a guard refused, the outcome is `held`. None of it is known of a question or a hold.

    >>> decision = RemoteDecision("held", False, (), None, 17)
    >>> bool(decision), decision.outcome
    (False, 'held')
    """

    outcome: Literal["approved", "rejected", "held"]
    approved: bool
    violations: tuple[RemoteViolation, ...]
    order_id: str | None
    sequence: int | None
    quantity: Decimal | None = None
    stop_loss: Decimal | None = None
    guards: tuple[Objection, ...] = ()

    def __bool__(self) -> bool:
        """Whether it is approved."""
        return self.approved


def read_decision(answer: Answer) -> RemoteDecision:
    """A decision. Only what says `approved` twice is one: whatever is unclear approves nothing."""
    told = answer.json()
    outcome = told["outcome"]
    if outcome not in ("approved", "rejected", "held") or told["approved"] is not (outcome == "approved"):
        raise ValueError(f"outcome {str(outcome)[:40]!r} with approved {str(told['approved'])[:40]!r}")
    violations = tuple(
        RemoteViolation(one["rule"], _figure(one["limit"]), _figure(one["observed"]), one["message"])
        for one in told["violations"]
    )
    return RemoteDecision(
        outcome,
        outcome == "approved",
        violations,
        told["order_id"],
        told["sequence"],
        _decimal(told["quantity"]),
        _decimal(told["stop_loss"]),
        tuple(Objection(**one) for one in told["guards"]),
    )


def read_quantity(answer: Answer) -> Decimal:
    """The largest quantity that passes."""
    return Decimal(answer.json()["quantity"])


def read_headroom(answer: Answer) -> dict[str, Decimal | None]:
    """The largest quantity by each rule."""
    return {rule: _decimal(most) for rule, most in answer.json()["rules"].items()}


def read_state(answer: Answer) -> State:
    """The trading state."""
    return _STATES[answer.json()["state"]]


def read_snapshot(answer: Answer) -> Snapshot:
    """The vault at one instant."""
    told = answer.json()
    time_ns = nanoseconds(told["time"])
    made: dict[str, Any] = {
        "time": _EPOCH + timedelta(microseconds=time_ns // 1_000),
        "time_ns": time_ns,
        "state": _STATES[told["state"]],
        "positions": {one["asset"]: _position(one) for one in told["positions"]},
        "marks": {asset: Decimal(price) for asset, price in told["marks"].items()},
        "exposures": {asset: Decimal(amount) for asset, amount in told["exposures"].items()},
        "working": tuple(_working(one) for one in told["working"]),
    }
    for one in fields(Snapshot):
        if one.name not in made:
            made[one.name] = _READERS[one.type](told[one.name])
    return Snapshot(**made)


def nanoseconds(time: str) -> int:
    """Since 1970, exactly, of a time in UTC.

    >>> nanoseconds("1970-01-01T00:00:01.000000002Z")
    1000000002
    """
    match = _TIME.fullmatch(time)
    if match is None:
        raise ValueError(f"{time[:40]!r} is no time in UTC")
    whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC) - _EPOCH
    return whole // timedelta(seconds=1) * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


def _figure(text: str | None) -> Decimal | str | None:
    return Decimal(text) if text is not None and _NUMBER.fullmatch(text) else text


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _position(one: dict[str, Any]) -> Position:
    return Position(one["quantity"], one["cost"], one["mark"], one["unrealised"], one["stop_loss"])


def _working(one: dict[str, Any]) -> WorkingOrder:
    asked = dict(one["order"])
    order = Order(asked.pop("asset"), asked.pop("side"), asked.pop("quantity"), **asked)
    return WorkingOrder(one["order_id"], order, Decimal(one["remaining"]), one["status"], one["cancel_requested"])


def _count(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{str(value)[:40]!r} is no count")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(f"{str(value)[:40]!r} is neither true nor false")
    return value


_READERS: Final[dict[Any, Callable[[Any], Any]]] = {Decimal: Decimal, int: _count, bool: _flag}
