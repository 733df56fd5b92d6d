"""Section 6 of the specification as one table: the code of a rule, whether it applies, whether it passes."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction as F
from typing import TYPE_CHECKING

from .words import Order, Unknown

if TYPE_CHECKING:
    from .model import Model


def violations(v: Model, o: Order, origin: str) -> tuple[str, ...]:
    """Every rule that the order violates in this vault, in the order of the table."""
    at, agent, opening = v.limits, origin == "agent", not o.reduce_only
    mine, everything = {o.asset}, {o.asset} | v.exposed()
    group = next((group for group in v.groups if o.asset in group), mine)
    way = distance(v, o)  # zero unless the stop is on the losing side of the entry
    with_stop = opening and way > 0
    others = sum(
        w.remaining for w in v.working if w.order.reduce_only and (w.order.asset, w.order.side) == (o.asset, o.side)
    )
    rules: tuple[tuple[str, bool, Callable[[], bool]], ...] = (
        ("trading_state", True, lambda: v.strictness < (2 if o.reduce_only else 1) if agent else o.reduce_only),
        ("duplicate_order", True, lambda: o.client_order_id not in v.first_answers),
        ("unknown_asset", True, lambda: (o.reduce_only and v.held(o.asset) != 0)
            or (o.asset in v.marks and (at.assets is None or o.asset in at.assets))),
        ("stale_price", opening, lambda: not any(v.is_stale(asset) for asset in everything)),
        ("reduce_only", o.reduce_only, lambda: v.held(o.asset) * o.sign < 0
            and o.quantity + others <= abs(v.held(o.asset))),
        ("leverage", opening, lambda: 1 <= o.leverage <= at.max_leverage
            and v.exposure(everything, o) <= at.max_leverage * solvent(v)),
        ("position_size", opening, lambda: notional(v, o)
            <= at.max_position_fraction * v.risk_scale * solvent(v)),
        ("stop_loss_required", opening, lambda: with_stop),
        ("stop_loss_distance", with_stop, lambda: v.atrs.get(o.asset, 0) > 0
            and at.stop_atr_min * v.atrs[o.asset] <= way <= at.stop_atr_max * v.atrs[o.asset]),
        ("daily_loss", opening, lambda: solvent(v) > 0 and v.day_loss < at.max_daily_loss * v.day_opening),
        ("drawdown", opening, lambda: solvent(v) > 0 and not v.is_drawn_down),
        ("concentration", opening, lambda: v.exposure(mine, o)
            <= at.max_concentration * v.risk_scale * solvent(v)),
        ("correlated_exposure", opening, lambda: v.exposure(group, o)
            <= at.max_correlated_exposure * v.risk_scale * solvent(v)),
        ("liquidation_buffer", with_stop and o.leverage > 1, lambda: way / entry(v, o)
            <= (1 / o.leverage - at.maintenance_margin) * at.liquidation_share),
        ("stop_risk_budget", with_stop and at.stop_risk_budget is not None, lambda: lost_at_stops(v, o)
            <= (at.stop_risk_budget or 0) * v.day_opening - v.day_loss),
        ("price_collar", agent and o.price is not None, lambda: abs(entry(v, o) - v.mark_of(o.asset))
            <= at.price_collar * v.mark_of(o.asset)),
        ("order_notional", opening and at.max_order_notional is not None, lambda: notional(v, o)
            <= (at.max_order_notional or 0)),
        ("order_rate", opening and agent, lambda: v.tokens >= 1),
        ("open_orders", opening, lambda: len(v.working) + 1 <= at.max_open_orders),
    )  # fmt: skip
    return tuple(code for code, applies, passes in rules if applies and not _computes_true(passes))


def _computes_true(passes: Callable[[], bool]) -> bool:
    try:
        return passes()
    except Unknown:
        return False


def solvent(v: Model) -> F:
    """The equity, without which nothing can be opened."""
    if v.equity <= 0:
        raise Unknown
    return v.equity


def entry(v: Model, o: Order) -> F:
    """The limit price, else the mark."""
    return v.mark_of(o.asset) if o.price is None else o.price


def notional(v: Model, o: Order) -> F:
    """By the dearer of the entry price and the mark."""
    return o.quantity * max(entry(v, o), v.mark_of(o.asset))


def distance(v: Model, o: Order) -> F:
    """From the entry to a stop on its losing side, else zero."""
    try:
        return F(0) if o.stop_loss is None else max(F(0), (entry(v, o) - o.stop_loss) * o.sign)
    except Unknown:
        return F(0)


def lost_at_stops(v: Model, o: Order) -> F:
    """What would be lost if every stop were hit, this order's too."""
    total = o.quantity * distance(v, o)
    for w in v.working:
        if not w.order.reduce_only:
            total += w.remaining * abs(w.entry - (w.order.stop_loss or 0))  # an approved opening has a stop
    for asset, position in v.positions.items():
        if position.quantity:
            stops = [stop for stop in position.stops if stop is not None]
            if len(stops) < len(position.stops):
                raise Unknown
            furthest = min(stops) if position.quantity > 0 else max(stops)
            total += max(F(0), position.quantity * (v.mark_of(asset) - furthest))
    return total
