"""Random orders that hug the limits: a decent order, then some of its fields moved to, under or over a boundary."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction as F
from math import floor
from random import Random
from typing import Any

from .model import Model
from .rules import lost_at_stops
from .words import LARGEST, SMALLEST, Order, Unknown

Raw = dict[str, Any]
UNIT = SMALLEST


def text(value: F) -> str:
    """On the grid, as it is written in a step."""
    return f"{Decimal(floor(value * 10**9)).scaleb(-9):f}"


def grid(value: F) -> F:
    """Down to the nine-digit grid, within the range of a price or a quantity."""
    return min(max(F(floor(value * 10**9), 10**9), SMALLEST), LARGEST)


class Orders:
    """Makes orders for one vault, whose model it may look into."""

    def __init__(self, random: Random, model: Model, assets: list[str]) -> None:
        self.random, self.model, self.assets = random, model, assets
        self.used: list[Raw] = []  # orders with a client id that `authorize` has seen
        self.mutations: list[Callable[[Raw], None]] = [
            self.move_quantity, self.move_quantity, self.move_stop, self.move_stop, self.move_leverage, self.move_price,
            self.move_confidence, self.another_asset, self.reuse_id, self.more_than_allowed, self.near_liquidation,
        ]  # fmt: skip

    def price_of(self, asset: str) -> F:
        try:
            return self.model.mark_of(asset)
        except Unknown:
            return F(100)

    def any(self, mutations: int | None = None) -> Raw:
        """An exit every fourth time, else an opening order; few or many of its fields moved."""
        raw = self.exit() if self.random.random() < 0.25 else self.decent()
        if mutations is None:
            mutations = self.random.choice((0, 0, 1, 1, 1, 2, 2, 3, 4, 6))
        for _ in range(mutations):
            self.random.choice(self.mutations)(raw)
        return raw

    def decent(self, asset: str | None = None) -> Raw:
        """An opening order that passes in a healthy vault, small beside its limits."""
        random, model = self.random, self.model
        asset = asset or random.choice([a for a in self.assets if a in model.marks] or self.assets)
        side, mark = random.choice(("buy", "sell")), self.price_of(asset)
        raw: Raw = {"asset": asset, "side": side}
        entry = mark
        if random.random() < 0.4:
            entry = grid(mark * F(random.randrange(9700, 10300), 10000))
            raw["price"] = text(entry)
        atr = model.atrs.get(asset, mark / 50)
        away = atr * F(random.randrange(60, 250), 100)
        raw["stop_loss"] = text(grid(entry - away if side == "buy" else entry + away))
        if random.random() < 0.5:
            raw["leverage"] = random.choice(("1", "1.5", "2"))
        largest = min(self.largest(raw).values(), default=F(1))
        raw["quantity"] = text(grid(largest * F(random.randrange(1, 400), 1000)))
        if random.random() < 0.2:
            raw["take_profit"] = text(grid(entry * 2))
        return raw

    def exit(self) -> Raw:
        """A reduce-only order, mostly of the right side and within what is left to reduce."""
        random, model = self.random, self.model
        held = [asset for asset in model.positions if model.held(asset)]
        if not held or random.random() < 0.05:
            quantity = text(grid(F(random.randrange(1, 10**6), 10**4)))
            side = random.choice(("buy", "sell"))
            return {"asset": random.choice(self.assets), "side": side, "quantity": quantity, "reduce_only": True}
        asset = random.choice(held)
        size = model.held(asset)
        side = "sell" if size > 0 else "buy"
        working = [w for w in model.working if w.order.reduce_only and (w.order.asset, w.order.side) == (asset, side)]
        left = abs(size) - sum(w.remaining for w in working)
        if random.random() < 0.1:
            side = "buy" if side == "sell" else "sell"
        share = random.choice((F(1), F(1), F(1, 2), F(1, 3), F(2), 1 + UNIT / max(left, UNIT)))
        raw = {"asset": asset, "side": side, "quantity": text(grid(max(left, UNIT) * share)), "reduce_only": True}
        if random.random() < 0.3:
            raw["price"] = text(grid(self.price_of(asset) * F(random.randrange(9600, 10400), 10000)))
        return raw

    def largest(self, raw: Raw) -> dict[str, F]:
        """What each rule that bounds the quantity lets through, for those that can be computed."""
        at, model, asset = self.model.limits, self.model, raw["asset"]
        order = Order.read({**raw, "quantity": UNIT})
        if asset not in model.marks or model.equity <= 0:
            return {}
        mark, scale, equity = model.mark_of(asset), model.risk_scale, model.equity
        entry = order.price or mark
        same_way = [w for w in model.working if (w.order.asset, w.order.side) == (asset, order.side)]
        reserved = sum((w.remaining for w in same_way if not w.order.reduce_only), model.held(asset) * order.sign)
        found = {"position_size": at.max_position_fraction * scale * equity / max(entry, mark)}
        if at.max_order_notional is not None:
            found["order_notional"] = at.max_order_notional / max(entry, mark)
        group = next((g for g in model.groups if asset in g), {asset})
        try:
            rooms = {
                "concentration": (at.max_concentration * scale, {asset}),
                "correlated_exposure": (at.max_correlated_exposure * scale, group),
                "leverage": (at.max_leverage, model.exposed()),
            }
            for rule, (share, assets) in rooms.items():
                found[rule] = (share * equity - model.exposure(assets - {asset})) / mark - reserved
            if at.stop_risk_budget is not None and order.stop_loss is not None and order.stop_loss != entry:
                room = at.stop_risk_budget * model.day_opening - model.day_loss - lost_at_stops(model, order)
                found["stop_risk_budget"] = room / abs(entry - order.stop_loss)
        except Unknown:
            pass
        return {rule: grid(quantity) for rule, quantity in found.items() if quantity >= UNIT}

    # --- the fields, one a time ---

    def near(self, value: F) -> str:
        """At, one unit under or one unit over."""
        return text(grid(value + UNIT * self.random.choice((-1, 0, 0, 1, 1))))

    def move_quantity(self, raw: Raw) -> None:
        if raw.get("reduce_only"):
            raw["quantity"] = self.near(F(raw["quantity"]))
        elif bounds := self.largest(raw):
            raw["quantity"] = self.near(self.random.choice((min(bounds.values()), *bounds.values())))

    def more_than_allowed(self, raw: Raw) -> None:
        raw["quantity"] = text(grid(F(raw["quantity"]) * self.random.choice((10, 100, 1000))))

    def move_stop(self, raw: Raw) -> None:
        random, at, asset = self.random, self.model.limits, raw["asset"]
        entry = F(raw["price"]) if raw.get("price") else self.price_of(asset)
        atr, leverage = self.model.atrs.get(asset, entry / 50), F(raw.get("leverage", "1"))
        buffer = (1 / leverage - at.maintenance_margin) * at.liquidation_share * entry
        away = random.choice((at.stop_atr_min * atr, at.stop_atr_max * atr, buffer, buffer, -atr, F(0), atr * 9))
        stop = entry - away if raw["side"] == "buy" else entry + away
        raw["stop_loss"] = None if random.random() < 0.15 else self.near(max(stop, UNIT))

    def near_liquidation(self, raw: Raw) -> None:
        """All the leverage that is allowed, and the stop where it would be hit just before liquidation."""
        at, entry = self.model.limits, F(raw["price"]) if raw.get("price") else self.price_of(raw["asset"])
        raw["leverage"] = text(at.max_leverage)
        away = (1 / F(raw["leverage"]) - at.maintenance_margin) * at.liquidation_share * entry
        raw["stop_loss"] = self.near(max(entry - away if raw["side"] == "buy" else entry + away, UNIT))

    def move_leverage(self, raw: Raw) -> None:
        most = self.model.limits.max_leverage
        values = ("0.000000001", "0.999999999", "1", "1.000000001", text(most), text(most + UNIT), "1000", text(most))
        raw["leverage"] = self.random.choice(values)

    def move_price(self, raw: Raw) -> None:
        mark, collar = self.price_of(raw["asset"]), self.model.limits.price_collar
        away = self.random.choice((collar, -collar, collar, -collar, F(0), F(1, 2), F(-1, 2)))
        raw["price"] = self.near(mark * (1 + away))

    def move_confidence(self, raw: Raw) -> None:
        floor_ = self.model.limits.min_confidence
        raw["confidence"] = self.random.choice(("0", text(floor_), text(max(F(0), floor_ - UNIT)), "1"))

    def another_asset(self, raw: Raw) -> None:
        raw["asset"] = self.random.choice((*self.assets, "NEW"))

    def reuse_id(self, raw: Raw) -> None:
        if not self.used or self.random.random() < 0.3:
            raw["client_order_id"] = f"c{self.random.randrange(10**9)}"
            return
        first = self.random.choice(self.used)
        if self.random.random() < 0.5:  # identical, perhaps written otherwise
            raw.clear()
            raw.update(first)
        raw["client_order_id"] = first["client_order_id"]
