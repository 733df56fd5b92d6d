"""The gate and the model behind the same words, so that one step means the same to both.

A scenario is plain data, the format of `cases/*.json`: a tier, changed limits, a start time and steps. A step names an
operation of the gate and its arguments, all numbers as text; an approved order is named by a label (`as`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction as F
from typing import Any, Protocol

from .model import SECOND, Model
from .words import TIERS, Decision, Order, Refused

Step = dict[str, Any]
View = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLAIN_FIELDS = (
    "equity", "collateral", "realised", "fees", "funding", "day_loss", "day_opening", "base", "peak", "daily_trades",
    "loss_streak", "failures_in_row", "ignored_marks", "risk_scale", "paused", "killed",
)  # fmt: skip
ROUNDED_FIELDS = ("drawdown", "tokens")  # shown rounded; what is decided by them shows their exact values
VAST = 10**18  # money beyond which the gate may run out of digits
ON_AN_ORDER = ("order_accepted", "order_cancelled", "order_failed", "apply_fill")


def nanoseconds(time: str) -> int:
    """An ISO 8601 time."""
    return (datetime.fromisoformat(time) - EPOCH) // timedelta(microseconds=1) * 1000


@dataclass
class Scenario:
    """Where a vault starts, and what is done to it."""

    tier: str = "growth"
    limits: dict[str, Any] = field(default_factory=dict)
    start: str = "2026-03-02T10:00:00+00:00"
    steps: list[Step] = field(default_factory=list)

    def to_json(self, name: str = "shrunk") -> str:
        """The text of a file in `cases/`, one step a line."""
        steps = ",\n    ".join(json.dumps(step) for step in self.steps)
        head = {"name": name, "tier": self.tier, "limits": self.limits, "start": self.start}
        return json.dumps(head)[:-1] + f', "steps": [\n    {steps}\n]}}'


class Side(Protocol):
    """The gate or the model, behind the same words."""

    def set_clock(self, now: int) -> None:
        """The clock, not the vault: a vault's time never goes back."""

    def do(self, step: Step, now: int) -> Any:
        """What the step answers, as plain values; `now` is the latest time the vault has seen."""

    def view(self) -> View:
        """What the vault shows."""


class ModelSide:
    """The executable model."""

    def __init__(self, scenario: Scenario) -> None:
        self.clock_ns = nanoseconds(scenario.start)
        self.model = Model(TIERS[scenario.tier].changed(scenario.limits), lambda: self.clock_ns)
        self.ids: dict[str, str] = {}
        self.labels: dict[str, str] = {}

    def set_clock(self, now: int) -> None:
        self.clock_ns = now

    def do(self, step: Step, now: int) -> Any:
        try:
            return self._do(step, now)
        except Refused:
            return "error"

    def _do(self, step: Step, now: int) -> Any:
        model, op, given = self.model, step["op"], arguments(step)
        if op in ("look", "restart"):
            return None
        if op == "authorize":
            decision = model.authorize(read_order(step), origin=step.get("origin", "agent"))
            self._name(step.get("as"), decision.order_id)
            return self._plain(decision)
        if op == "validate_order":
            return self._plain(model.validate_order(read_order(step), origin=step.get("origin", "agent")))
        if op == "validate_batch":
            decisions = [model.validate_order(Order.read(raw)) for raw in step["orders"]]
            return [[*d.violations, *(["held"] if d.outcome == "held" else [])] for d in decisions]
        if op == "hold":
            return self._plain(model.hold(step["confidence"], step["reasoning"], asset=step.get("asset")))
        if op == "max_quantity":
            return model.max_quantity(read_order(step))
        if op == "mark":
            return model.mark(step["asset"], step["price"], atr=step.get("atr"), at=feed_time(step, now))
        if op == "set_limits":
            return model.set_limits(model.limits.changed(step["changes"]))
        if op == "redeem":
            if step["id"] not in self.ids:
                return "no approval"
            return bool(model.redeem(self.ids[step["id"]]))
        if op in ON_AN_ORDER:
            given["order_id"] = self.ids.get(step["id"], step["id"])
        return getattr(model, op)(**given)

    def _name(self, label: str | None, order_id: str | None) -> None:
        if label is not None and order_id is not None:
            self.ids[label] = order_id
            self.labels.setdefault(order_id, label)

    def _plain(self, decision: Decision) -> dict[str, Any]:
        order = self.labels.get(decision.order_id or "")
        return {"outcome": decision.outcome, "violations": list(decision.violations), "order": order}

    def view(self) -> View:
        shown = self.model.snapshot()
        return shown | {
            "trips": {
                code: (trip.since // 1000, None if trip.until is None else trip.until // 1000)
                for code, trip in self.model.tripped.items()
            },
            "working": {self.labels.get(k, k): v for k, v in shown["working"].items()},
        }


class GateSide:
    """The native gate. It is imported only here, so that the model and its cases run without it."""

    def __init__(self, scenario: Scenario) -> None:
        import gxrisk  # type: ignore[import-not-found,unused-ignore]

        self.gxrisk: Any = gxrisk
        self.clock = gxrisk.ManualClock(scenario.start)
        limits = gxrisk.Limits.for_tier(scenario.tier).replace(**scenario.limits)
        self.gate: Any = gxrisk.Gate("differential", limits, clock=self.clock)
        self.ids: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.approvals: dict[str, Any] = {}

    def set_clock(self, now: int) -> None:
        self.clock.set(now)

    def do(self, step: Step, now: int) -> Any:
        try:
            return self._do(step, now)
        except self.gxrisk.GxriskError:
            return "error"
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as crash:  # a panic is not an Exception
            return f"crash: {crash!r}"

    def _do(self, step: Step, now: int) -> Any:
        gate, op, given = self.gate, step["op"], arguments(step)
        if op in ("look", "restart"):
            return None
        if op == "authorize":
            decision = gate.authorize(self._order(step["order"]), origin=step.get("origin", "agent"))
            self._name(step.get("as"), decision)
            return self._plain(decision, step["order"])
        if op == "validate_order":
            decision = gate.validate_order(self._order(step["order"]), origin=step.get("origin", "agent"))
            return self._plain(decision, step["order"])
        if op == "validate_batch":
            return self._masks(step["orders"])
        if op == "hold":
            return self._plain(gate.hold(step["confidence"], step["reasoning"], asset=step.get("asset")), {})
        if op == "max_quantity":
            return exact(gate.max_quantity(self._order(step["order"])))
        if op == "mark":
            return gate.mark(step["asset"], step["price"], atr=step.get("atr"), at=feed_time(step, now))
        if op == "set_limits":
            return gate.set_limits(gate.limits.replace(**step["changes"]))
        if op == "redeem":
            if step["id"] not in self.ids:
                return "no approval"
            return bool(gate.redeem(self.approvals[self.ids[step["id"]]]))
        if op in ON_AN_ORDER:
            given["order_id"] = self.ids.get(step["id"], step["id"])
        return getattr(gate, op)(**given)

    def _order(self, raw: Mapping[str, Any]) -> Any:
        return self.gxrisk.order(**{"confidence": "0.8", "reasoning": "because", **raw})

    def _name(self, label: str | None, decision: Any) -> None:
        if label is not None and decision.approved:
            self.ids[label] = decision.order_id
            self.labels.setdefault(decision.order_id, label)
            if decision.approval is not None:
                self.approvals[decision.order_id] = decision.approval

    def _plain(self, decision: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
        rules = self._without_overflow([violation.rule for violation in decision.violations], raw)
        return {"outcome": decision.outcome, "violations": rules, "order": self.labels.get(decision.order_id)}

    def _masks(self, orders: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        import numpy as np

        def floats(name: str, missing: float) -> Any:
            return np.array(
                [missing if (raw.get(name)) is None else float(raw[name]) for raw in orders], dtype=np.float64
            )

        columns = {
            "asset": np.array([raw["asset"] for raw in orders], dtype=np.str_),
            "side": np.array([raw["side"] for raw in orders], dtype=np.str_),
            "quantity": floats("quantity", np.nan),
            "price": floats("price", np.nan),
            "leverage": floats("leverage", 1.0),
            "stop_loss": floats("stop_loss", np.nan),
            "reduce_only": np.array([raw.get("reduce_only", False) for raw in orders], dtype=np.bool_),
            "confidence": floats("confidence", 0.8),
        }
        named = [*enumerate(self.gxrisk.RULES), (29, "held"), (30, "arithmetic_overflow"), (31, "engine_halted")]
        masks = self.gate.validate_batch(columns)
        met = [[name for bit, name in named if int(mask) >> bit & 1] for mask in masks]
        return [self._without_overflow(names, raw) for names, raw in zip(met, orders, strict=True)]

    def _without_overflow(self, names: list[str], raw: Mapping[str, Any]) -> list[str]:
        """The model has no widest number: an overflow is dropped where it is due and something else refuses, too."""
        if "arithmetic_overflow" not in names or len(names) == 1:
            return names
        mark = exact(self.gate.snapshot().marks.get(raw["asset"], Decimal(0)))
        # A quantity is multiplied by prices and by distances between them.
        price = max(F(raw.get("price") or 0), F(raw.get("stop_loss") or 0), mark)
        return [n for n in names if n != "arithmetic_overflow"] if F(raw["quantity"]) * price >= VAST else names

    def view(self) -> View:
        shown, working = self.gate.snapshot(), {}
        for order in shown.working:
            plain = (exact(order.remaining), order.status, order.cancel_requested)
            working[self.labels.get(order.order_id, order.order_id)] = plain
        return {name: exact(shown[name]) for name in (*PLAIN_FIELDS, *ROUNDED_FIELDS)} | {
            "state": self.gate.state,
            "positions": {a: exact(q) for a, q in shown.positions.items() if q},
            "exposures": {a: exact(e) for a, e in shown.exposures.items() if e},
            "working": working,
            "trips": {t.breaker: (microseconds(t.since), microseconds(t.until)) for t in self.gate.trips},
        }


def exact(value: Any) -> Any:
    """A Decimal as a fraction; anything else as it is."""
    return F(value) if isinstance(value, Decimal) else value


def microseconds(time: datetime | None) -> int | None:
    """Since the epoch."""
    return None if time is None else (time - EPOCH) // timedelta(microseconds=1)


def arguments(step: Step) -> Step:
    """What the operation of that name takes, but for the order that it is about."""
    return {k: v for k, v in step.items() if k not in ("op", "id", "as", "expect", "why", "order", "origin")}


def read_order(step: Step) -> Order:
    """The order of a step."""
    return Order.read(step["order"])


def feed_time(step: Step, now: int) -> int | None:
    """A mark's time is given in seconds from the vault's now."""
    return None if step.get("at") is None else now + int(Decimal(step["at"]) * SECOND)
