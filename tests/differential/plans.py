"""Plans of several steps that lead a vault where single random steps seldom do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction as F
from functools import partial
from typing import TYPE_CHECKING, Any

from .model import DAY, SECOND
from .orders import UNIT, grid, text
from .sides import Step

if TYPE_CHECKING:
    from .sequences import Sequence

Plan = Callable[[], Step | None]


def opening(s: Sequence) -> Iterator[Plan]:
    """Usually a deposit and marks; sometimes questions before either."""
    if s.random.random() < 0.1:
        yield from [s.validate] * 4
    for asset in s.assets:
        yield partial(s.mark, asset)
    if s.random.random() < 0.1:
        yield from [s.validate] * 4
    amounts = ("10000", "100", "1000000", "12345.678901234", "20000", "0.001")
    amount = s.random.choices(amounts, (5, 2, 2, 2, 2, 1))[0]
    yield lambda: {"op": "deposit", "amount": amount}


def heal(s: Sequence) -> Iterator[Plan]:
    """What an operator does to get a restricted vault going again."""
    tripped, random = s.model.tripped, s.random
    if s.model.paused or {"execution_failure", "fill_mismatch"} & set(tripped):
        yield lambda: {"op": "resume"}
    if "volatility" in tripped:
        yield lambda: {"op": "set_volatility", "volatility": "0"}
    ends = [trip.until for trip in tripped.values() if trip.until is not None]
    if {"daily_loss", "trade_limit"} & set(tripped):
        ends.append((s.model.day + 1) * DAY)
    if ends and random.random() < 0.8:
        yield lambda: {"op": "set_clock", "seconds": text(F(max(max(ends) - s.model.now, 0), SECOND))}
    for asset in sorted({*s.model.exposed(), *s.assets}):
        yield partial(s.mark, asset)
    if s.model.equity <= 0:
        yield lambda: {"op": "deposit", "amount": "10000"}
    if s.model.killed or "drawdown" in tripped:
        yield lambda: {"op": "reactivate", "rebase": random.random() < 0.7}


def good_label(s: Sequence, raw: dict[str, Any]) -> tuple[str, Plan]:
    """A label for an order that a later step of the plan speaks of, and the step that asks for it."""
    s.number += 1
    label = f"p{s.number}"
    return label, lambda: s.authorize(raw, label)


def fill_planned(s: Sequence, label: str, move: F, share: F = F(1)) -> Plan:
    """A fill of that order, if it was approved."""

    def step() -> Step | None:
        record = next((w for name, w in s.records("approved", "redeemed", "accepted") if name == label), None)
        return s.fill(label, record, move, share) if record else None

    return step


def round_trips(s: Sequence) -> Iterator[Plan]:
    """Several in a row that lose, seldom one that wins or scratches; some through zero."""
    random = s.random
    asset = random.choice(s.assets)
    for _ in range(random.choice((2, 4, 7))):
        lost = F(random.choice((-10, -10, -10, 0, 10)), 10000)
        yield partial(s.mark, asset)
        raw = s.orders.decent(asset) | {"price": None}
        label, opened = good_label(s, raw)
        yield opened
        yield fill_planned(s, label, F(0))
        gone = {"asset": asset, "side": "sell" if raw["side"] == "buy" else "buy", "quantity": raw["quantity"]}
        label, closed = good_label(s, gone | {"reduce_only": True})
        yield closed
        sign = 1 if raw["side"] == "buy" else -1
        for share in random.choice(((F(1),), (F(1, 3), F(1, 2), F(1)))):
            yield fill_planned(s, label, lost * sign, share)


def failures(s: Sequence) -> Iterator[Plan]:
    """Submissions that fail in a row."""
    for _ in range(4):
        label, step = good_label(s, s.orders.decent())
        yield step
        yield partial(dict, op="order_failed", id=label, reason="no answer")


def sick(s: Sequence) -> Iterator[Plan]:
    """A loss near the day's limit, near the drawdown, or of everything; then many orders, and out of it again."""
    random, model = s.random, s.model
    at = model.limits
    to_day = at.max_daily_loss * model.day_opening - model.day_loss
    to_drawdown = at.max_drawdown * model.drawdown_base - (model.drawdown_base - model.equity)
    loss = random.choice((to_day, to_drawdown, to_drawdown, model.equity, model.equity * 2)) + random.choice((0, -UNIT))
    if random.random() < 0.6:
        for _ in range(min(at.order_burst, at.max_open_orders, 5) + 1):
            yield lambda: s.authorize(s.orders.decent(), None)
    if loss > 0:
        yield lambda: {"op": "funding", "asset": s.assets[0], "amount": text(-loss)}
    for _ in range(12):
        yield lambda: {"op": "validate_order", "order": s.orders.any(random.choice((2, 4, 6)))}
    yield from [s.validate, s.authorize] * 3
    yield lambda: {"op": "validate_order", "order": s.orders.decent()}


def burst(s: Sequence) -> Iterator[Plan]:
    """Empties the bucket and fills the book."""
    for _ in range(min(s.model.limits.order_burst, 6) + 1):
        yield lambda: s.authorize(s.orders.decent(), None)
    for _ in range(10):
        yield lambda: {"op": "validate_order", "order": s.orders.any(s.random.choice((0, 2, 4, 6)))}


def stack(s: Sequence) -> Iterator[Plan]:
    """The largest orders that pass, filled one after another, until the exposures are full."""
    asset = s.random.choice(s.assets)
    groups = {"all": s.assets} if s.random.random() < 0.5 else {}
    yield lambda: {"op": "set_correlation_groups", "groups": groups}
    for _ in range(6):
        raw: dict[str, Any] = {}

        def largest(raw: dict[str, Any] = raw) -> Step | None:
            raw.update(s.orders.decent(asset if s.random.random() < 0.7 else None), price=None, side="buy")
            raw["stop_loss"] = text(grid(s.orders.price_of(raw["asset"]) - s.model.atrs.get(raw["asset"], F(1)) * 2))
            s.orders.move_quantity(raw)
            return {"op": "validate_order", "order": dict(raw)}

        label, step = good_label(s, raw)
        yield partial(s.mark, asset)
        yield largest
        yield step
        yield fill_planned(s, label, F(0))
        yield lambda: {"op": "advance", "seconds": "1"}


def stale(s: Sequence) -> Iterator[Plan]:
    """Marks grow old, then orders."""
    yield lambda: {"op": "advance", "seconds": str(s.model.limits.mark_age_s_max)}
    yield lambda: {"op": "validate_order", "order": s.orders.decent()}
    yield lambda: {"op": "advance", "seconds": "0.000000001"}
    for _ in range(10):
        yield lambda: {"op": "validate_order", "order": s.orders.any(s.random.choice((0, 2, 4, 6)))}


def slide(s: Sequence) -> Iterator[Plan]:
    """An asset moves by a whole window's limit in small steps."""
    asset, window = s.random.choice(s.assets), s.model.limits.price_move_window_s
    sign = s.random.choice((1, -1))

    def step() -> Step:
        price = grid(s.orders.price_of(asset) * (1 + sign * s.model.limits.price_move_max / 4))
        return {"op": "mark", "asset": asset, "price": text(price)}

    for _ in range(6):
        yield step
        yield lambda: {"op": "advance", "seconds": str(s.random.choice((1, window // 5, window // 2)))}


def full_day(s: Sequence) -> Iterator[Plan]:
    """Openings until the day's number is full, the clock giving tokens and freeing reservations between."""
    at = s.model.limits
    for _ in range(min(at.max_daily_trades, 10)):
        yield s.mark
        yield lambda: s.authorize(s.orders.decent(), None)
        yield lambda: {"op": "advance", "seconds": str(at.approval_ttl_s)}


ALL = (round_trips, failures, sick, burst, stack, stale, slide, full_day)
