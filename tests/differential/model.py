"""The gate once more, as plainly as it can be said: exact fractions, everything recomputed, nothing remembered twice.

Read it, `rules.py` and `words.py` beside the specification. They know nothing of the gate. Times are integer
nanoseconds; where the gate raises an error, they raise `Refused`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction as F
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from .rules import entry, violations
from .words import LARGEST, SMALLEST, Approved, Decision, Limits, Order, Position, Refused, Trip, Unknown, number, up

SECOND = 10**9
DAY = 86_400 * SECOND
STATES = ("active", "reduce_only", "halted")
BREAKERS = {  # and the state that each asks for
    "price_move": 2, "drawdown": 1, "daily_loss": 1, "oracle_failure": 2, "consecutive_losses": 2,
    "execution_failure": 2, "trade_limit": 1, "volatility": 2, "fill_mismatch": 1,
}  # fmt: skip
P = ParamSpec("P")
R = TypeVar("R")


def operation(method: Callable[Concatenate[Model, P], R]) -> Callable[Concatenate[Model, P], R]:
    """Every operation, questions included, first brings the vault to now and last looks at the breakers."""

    @wraps(method)
    def run(vault: Model, /, *args: P.args, **named: P.kwargs) -> R:
        vault.bring_to_now()
        try:
            return method(vault, *args, **named)
        finally:
            vault.look_at_breakers()

    return run


class Model:
    """One vault. `clock` answers the time in nanoseconds."""

    def __init__(self, limits: Limits, clock: Callable[[], int]) -> None:
        self.limits, self.clock, self.now, self.day = limits, clock, clock(), clock() // DAY
        self.collateral = self.realised = self.fees = self.funds = self.base = self.peak = self.day_opening = F(0)
        self.deposited = self.paused = self.killed = False
        self.daily_trades = self.loss_streak = self.failures_in_row = self.ignored_marks = 0
        self.tokens, self.risk_scale, self.last_volatility = F(limits.order_burst), F(1), F(0)
        self.positions: dict[str, Position] = {}
        self.marks: dict[str, list[tuple[int, F]]] = {}  # of each asset all of them: feed time and price
        self.atrs: dict[str, F] = {}
        self.orders: dict[str, Approved] = {}
        self.fills: dict[str, set[str]] = {}
        self.first_answers: dict[str, tuple[Order, str, Decision]] = {}  # by client order id
        self.groups: Collection[set[str]] = ()
        self.lot_steps: dict[str, F] = {}
        self.tripped: dict[str, Trip] = {}
        self.history: list[tuple[str, str]] = []  # ("trip" or "end", breaker)

    # --- accounts and exposure (sections 4 and 5) ---

    def held(self, asset: str) -> F:
        return self.positions[asset].quantity if asset in self.positions else F(0)

    def mark_of(self, asset: str) -> F:
        if asset not in self.marks:
            raise Unknown
        return self.marks[asset][-1][1]

    def is_stale(self, asset: str) -> bool:
        return asset not in self.marks or self.now - self.marks[asset][-1][0] > self.limits.mark_age_s_max * SECOND

    @property
    def equity(self) -> F:
        gains = [p.quantity * self.mark_of(a) - p.cost for a, p in self.positions.items() if a in self.marks]
        return self.collateral + self.realised + sum(gains) - self.fees + self.funds

    @property
    def day_loss(self) -> F:
        return self.day_opening - self.equity if self.deposited else F(0)

    @property
    def drawdown_base(self) -> F:
        return self.peak if self.limits.drawdown_base == "peak" else self.base

    @property
    def is_drawn_down(self) -> bool:
        return self.drawdown_base - self.equity >= self.limits.max_drawdown * self.drawdown_base

    @property
    def working(self) -> list[Approved]:
        return [w for w in self.orders.values() if w.working]

    def exposure_quantity(self, asset: str, extra: F = F(0)) -> F:
        """The worst of both directions, with `extra` more (signed) of the order that is asked about."""
        openings = [w for w in self.working if w.order.asset == asset and not w.order.reduce_only]
        buys = sum((w.remaining for w in openings if w.order.side == "buy"), max(F(0), extra))
        sells = sum((w.remaining for w in openings if w.order.side == "sell"), max(F(0), -extra))
        return max(F(0), self.held(asset) + buys, -self.held(asset) + sells)

    def exposed(self) -> set[str]:
        return {a for a in {*self.positions, *(w.order.asset for w in self.working)} if self.exposure_quantity(a)}

    def exposure(self, assets: Collection[str], order: Order | None = None) -> F:
        """Their sum, with the order's own reservation counted."""
        extra = {order.asset: order.quantity * order.sign} if order else {}
        quantities = {asset: self.exposure_quantity(asset, extra.get(asset, F(0))) for asset in assets}
        return sum((quantity * self.mark_of(asset) for asset, quantity in quantities.items() if quantity), F(0))

    # --- time (section 3) and breakers (section 7) ---

    def bring_to_now(self) -> None:
        before, self.now = self.now, max(self.now, self.clock())
        refill = F(self.now - before, 60 * SECOND) * self.limits.orders_per_minute
        self.tokens = min(F(self.limits.order_burst), self.tokens + refill)
        if self.now // DAY > self.day:
            self.day, self.daily_trades, self.day_opening = self.now // DAY, 0, self.equity
        for code, trip in list(self.tripped.items()):
            if trip.until is not None and self.now >= trip.until:
                self.end(code)
        for w in self.working:
            if w.status == "approved" and self.now >= w.expires:
                w.status = "expired"
        self.look_for_stale_marks()

    def look_for_stale_marks(self) -> None:
        found = any(self.is_stale(asset) for asset in self.exposed())
        (self.trip if found else self.end)("oracle_failure")

    def look_at_breakers(self) -> None:
        """All but `price_move` and `fill_mismatch`, which are found where they happen."""
        self.peak = max(self.peak, self.equity) if self.deposited else self.peak
        if self.deposited and self.is_drawn_down:
            self.trip("drawdown")
        if self.deposited and self.day_loss >= self.limits.max_daily_loss * self.day_opening:
            self.trip("daily_loss", (self.day + 1) * DAY)
        self.look_for_stale_marks()
        if self.loss_streak >= self.limits.losses_in_row_max:
            self.trip("consecutive_losses", self.now + self.limits.loss_pause_s * SECOND)
        if self.failures_in_row >= self.limits.failures_in_row_max:
            self.trip("execution_failure")
        if self.daily_trades >= self.limits.max_daily_trades:
            self.trip("trade_limit", (self.day + 1) * DAY)
        if self.last_volatility > self.limits.volatility_max:
            self.trip("volatility")

    def look_for_jump(self, asset: str) -> None:
        first, new = self.marks[asset][-1][0] - self.limits.price_move_window_s * SECOND, self.marks[asset][-1][1]
        if any(t >= first and abs(new - old) > self.limits.price_move_max * old for t, old in self.marks[asset]):
            self.trip("price_move", self.now + self.limits.price_move_pause_s * SECOND)

    def trip(self, code: str, until: int | None = None) -> None:
        if code == "price_move" or code not in self.tripped:
            self.tripped[code] = Trip(self.now, until)
            self.history.append(("trip", code))
            if code == "drawdown":
                self.cancel_all()

    def end(self, code: str) -> None:
        if self.tripped.pop(code, None):
            self.history.append(("end", code))
            if code == "consecutive_losses":
                self.loss_streak = 0

    def cancel_all(self) -> None:
        for w in self.working:
            w.cancel_requested = True  # the reservation stays until the venue confirms

    @property
    def strictness(self) -> int:  # section 8
        return max([2 if self.paused or self.killed else 0, *(BREAKERS[code] for code in self.tripped)])

    @operation
    def deposit(self, amount: Any) -> None:
        flow, before = number(amount), self.equity
        self.collateral += flow
        scaled = self.deposited and before > 0
        for name in ("base", "peak", "day_opening"):
            was = getattr(self, name)
            setattr(self, name, up(was * self.equity / before) if scaled else was + flow)
        self.deposited = True

    @operation
    def mark(self, asset: str, price: Any, *, atr: Any = None, at: int | None = None) -> bool:
        new, atr = number(price), None if atr is None else number(atr, F(0))
        time, earlier = self.now if at is None else at, self.marks.get(asset, [])
        if time > self.now + 5 * SECOND:
            raise Refused("from the future")
        if earlier and time < earlier[-1][0]:
            self.ignored_marks += 1
            return False
        self.marks[asset] = [*earlier, (time, new)]
        if atr is not None:
            self.atrs[asset] = atr
        self.look_for_jump(asset)
        return True

    @operation
    def funding(self, asset: str, amount: Any) -> bool:
        self.funds += number(amount, -LARGEST)
        return True

    @operation
    def set_volatility(self, volatility: Any) -> None:
        self.last_volatility = number(volatility, F(0), F(1000))
        if self.last_volatility <= self.limits.volatility_max:
            self.end("volatility")

    @operation
    def set_lot_steps(self, steps: Mapping[str, Any]) -> None:
        self.lot_steps = {asset: number(step) for asset, step in steps.items()}

    @operation
    def set_correlation_groups(self, groups: Mapping[str, Sequence[str]]) -> None:
        members = [asset for group in groups.values() for asset in group]
        if len(set(members)) < len(members):
            raise Refused("an asset in two groups")
        self.groups = [set(group) for group in groups.values()]

    def decide(self, order: Order, origin: str) -> Decision:
        violated = violations(self, order, origin)
        if origin == "agent" and not order.reduce_only and order.confidence < self.limits.min_confidence:
            return Decision("held", violated)
        return Decision("rejected" if violated else "approved", violated)

    @operation
    def validate_order(self, order: Order, *, origin: str = "agent") -> Decision:
        return self.decide(order, origin)

    @operation
    def authorize(self, order: Order, *, origin: str = "agent") -> Decision:
        first = self.first_answers.get(order.client_order_id or "")
        if first and first[:2] == (order, origin):
            return first[2]
        answer = self.decide(order, origin)
        if origin == "agent" and not order.reduce_only and self.tokens >= 1:
            self.tokens -= 1
        if answer.outcome == "approved":
            answer = answer._replace(order_id=f"model-{len(self.orders) + 1}")
            expires = self.now + self.limits.approval_ttl_s * SECOND
            record = Approved(order, expires, F(0) if order.reduce_only else entry(self, order), 0)
            self.orders[answer.order_id or ""] = record
            self.daily_trades += not order.reduce_only
            self.look_at_breakers()
            record.strictness = self.strictness  # the approval that fills the day's number may still be redeemed
        if order.client_order_id is not None:
            self.first_answers.setdefault(order.client_order_id, (order, origin, answer))
        return answer

    @operation
    def hold(self, confidence: Any, reasoning: str, *, asset: str | None = None) -> Decision:
        number(confidence, F(0), F(1))
        return Decision("held")

    @operation
    def max_quantity(self, order: Order) -> F:
        step = self.lot_steps.get(order.asset, SMALLEST)
        low, high = 0, int(LARGEST / step)  # in lots; what passes passes with less, too
        while low < high:
            middle = (low + high + 1) // 2
            passes = self.decide(replace(order, quantity=middle * step), "agent").outcome == "approved"
            low, high = (middle, high) if passes else (low, middle - 1)
        return low * step

    # --- the venue's side ---

    def approved(self, order_id: str) -> Approved:
        if order_id not in self.orders:
            raise Refused("no such order")
        return self.orders[order_id]

    @operation
    def redeem(self, order_id: str) -> Order:
        w = self.approved(order_id)
        if w.status != "approved" or w.cancel_requested or self.strictness > w.strictness:
            raise Refused("expired, used, cancelled or the state is stricter than at the decision")
        w.status = "redeemed"
        return w.order

    @operation
    def order_accepted(self, order_id: str) -> bool:
        w = self.approved(order_id)
        if w.status not in ("approved", "redeemed", "expired"):
            return False
        w.status, self.failures_in_row = "accepted", 0
        return True

    @operation
    def apply_fill(
        self, order_id: str, fill_id: str, quantity: Any, price: Any, fee: Any = 0, *, asset: str | None = None,
        side: str | None = None,
    ) -> bool:  # fmt: skip
        quantity, price, fee, w = number(quantity), number(price), number(fee, -LARGEST), self.orders.get(order_id)
        if w is None and (asset is None or side is None):
            raise Refused("no such order: name asset and side")
        if fill_id in self.fills.setdefault(order_id, set()):
            return False
        self.fills[order_id].add(fill_id)
        if w and asset in (None, w.order.asset) and side in (None, w.order.side):
            stop = None if w.order.reduce_only else w.order.stop_loss  # nobody has looked at the stop of an exit
            self.book(w.order.asset, quantity * w.order.sign, price, fee, stop)
            self.failures_in_row = self.failures_in_row if w.filled else 0
            w.filled += quantity
            w.status = "accepted" if w.working or w.status == "expired" else w.status
            w.status = "filled" if w.working and not w.remaining else w.status
            if w.filled > w.order.quantity:
                self.trip("fill_mismatch")
        else:
            side = side or (w.order.side if w else "")
            self.book(asset or (w.order.asset if w else ""), quantity if side == "buy" else -quantity, price, fee, None)
            self.trip("fill_mismatch")
        return True

    def book(self, asset: str, change: F, price: F, fee: F, stop: F | None) -> None:
        gain, ended = self.positions.setdefault(asset, Position()).book(change, price, fee, stop)
        self.fees += fee
        self.realised += gain
        if ended:  # a scratch leaves the streak
            self.loss_streak = self.loss_streak + 1 if ended < 0 else 0

    @operation
    def order_cancelled(self, order_id: str) -> bool:
        return self.finish(order_id, "cancelled")

    @operation
    def order_failed(self, order_id: str, reason: str) -> bool:
        counts = self.finish(order_id, "failed")
        self.failures_in_row += counts
        return counts

    def finish(self, order_id: str, status: str) -> bool:
        w = self.approved(order_id)
        was_working, w.status = w.working, status if w.working else w.status
        return was_working

    # --- controls (section 8) ---

    @operation
    def pause(self) -> None:
        self.paused = True

    @operation
    def resume(self) -> None:
        self.paused, self.failures_in_row = False, 0
        self.end("execution_failure")
        self.end("fill_mismatch")

    @operation
    def kill(self, reason: str) -> None:
        self.killed = True
        self.cancel_all()

    @operation
    def reactivate(self, rebase: bool = False) -> None:
        if (self.equity <= 0) if rebase else ("drawdown" in self.tripped and self.is_drawn_down):
            raise Refused("still below the threshold, or nothing to start from")
        if rebase:
            self.base = self.peak = self.equity
        self.killed = False
        self.end("drawdown")

    @operation
    def set_limits(self, limits: Limits) -> None:
        if limits.looser_than(self.limits) and (self.working or any(map(self.held, self.positions))):
            raise Refused("looser, and the vault is not flat")
        self.limits, self.tokens = limits, min(self.tokens, F(limits.order_burst))
        for asset in () if "price_move" in self.tripped else self.marks:
            self.look_for_jump(asset)

    @operation
    def set_risk_scale(self, scale: Any) -> None:
        self.risk_scale = number(scale, SMALLEST, F(1))

    @property
    def state(self) -> str:
        return str(self.snapshot()["state"])

    @property
    def trips(self) -> dict[str, Trip]:
        self.snapshot()
        return dict(self.tripped)

    @operation
    def snapshot(self) -> dict[str, Any]:
        names = "equity collateral realised fees day_loss day_opening peak daily_trades loss_streak"
        names += " failures_in_row tokens ignored_marks risk_scale paused killed"
        lost = max(F(0), self.drawdown_base - self.equity) if self.deposited else F(0)
        return {name: getattr(self, name) for name in names.split()} | {
            "state": STATES[self.strictness],
            "funding": self.funds,
            "base": self.drawdown_base,
            "drawdown": lost / self.drawdown_base if self.drawdown_base > 0 else F(0),
            "positions": {asset: p.quantity for asset, p in self.positions.items() if p.quantity},
            "exposures": {asset: self.exposure([asset]) for asset in self.exposed() if asset in self.marks},
            "working": {k: (w.remaining, w.status, w.cancel_requested) for k, w in self.orders.items() if w.working},
        }
