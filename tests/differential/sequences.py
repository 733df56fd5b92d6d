"""Random sequences of operations, one from each seed: all kinds of orders, marks, fills, clocks and controls.

The generator looks into the model for what would be near a boundary, but a step holds plain values only, so that a
sequence can be replayed and cut. Plans of several steps (a losing round trip, a sick vault) make rare states common.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction as F
from random import Random
from typing import Any

from . import plans
from .model import DAY, SECOND
from .orders import UNIT, Orders, grid, text
from .plans import Plan
from .sides import ModelSide, Scenario, Step
from .words import TIERS, Approved

PRICES = {"BTC": F(100), "ETH": F(10), "SOL": F("7.123456789"), "PEPE": F(1, 10**8), "SHIB": F("0.000012345")}
PRICES |= {"GOLD": F(10**7), "EDGE": F(3)}


def start(random: Random) -> Scenario:
    """A tier, some limits changed, a time of day near or far from midnight."""
    limits: dict[str, Any] = {}
    choices: dict[str, list[Any]] = {
        "order_burst": [1, 2, 3, 5, 40],
        "orders_per_minute": [1, 7, 30, 600],
        "max_open_orders": [1, 2, 3, 5],
        "max_daily_trades": [3, 5, 8],
        "losses_in_row_max": [1, 2, 3],
        "failures_in_row_max": [1, 2],
        "loss_pause_s": [30, 300],
        "price_move_pause_s": [10, 120],
        "price_move_window_s": [30, 900],
        "price_move_max": ["0.05", "0.3"],
        "mark_age_s_max": [10, 30, 600],
        "stop_risk_budget": ["0.01", "0.02", "0.05"],
        "max_order_notional": ["100", "1000.000000001"],
        "drawdown_base": ["peak"],
        "max_daily_loss": ["0.01", "0.1"],
        "min_confidence": ["0.5", "0.799999999"],
        "maintenance_margin": ["0.02"],
        "liquidation_share": ["0.5"],
        "price_collar": ["0.02"],
        "max_concentration": ["0.2"],
        "max_correlated_exposure": ["0.3"],
        "max_position_fraction": ["0.05"],
        "approval_ttl_s": [1, 60],
        "volatility_max": ["0.1"],
        "assets": [[*PRICES], ["BTC", "ETH", "PEPE"], ["BTC", "NEW"]],
    }
    often = ("order_burst", "max_open_orders", "stop_risk_budget", "losses_in_row_max", "max_correlated_exposure")
    rarely_met = [name for name in (*often, "max_order_notional") if random.random() < 0.25]
    for name in (*rarely_met, *random.sample(sorted(choices), random.choice((0, 2, 4, 8)))):
        limits[name] = random.choice(choices[name])
    day = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=random.choice((0, 36_000, 86_390, 86_399)))
    return Scenario(random.choice(sorted(TIERS)), limits, day.isoformat())


class Sequence:
    """An endless sequence of steps for the vault behind `side`."""

    def __init__(self, random: Random, side: ModelSide) -> None:
        self.random, self.side, self.model = random, side, side.model
        self.assets = random.sample(sorted(PRICES), random.choice((1, 2, 3, 3, 4)))
        self.orders = Orders(random, side.model, self.assets)
        self.plan: list[Plan] = [*plans.opening(self)]
        self.number = 0
        self.kinds: list[tuple[int, Plan]] = [
            (36, self.validate), (24, self.authorize), (12, self.mark), (14, self.report), (5, self.redeem),
            (7, self.clock), (2, self.control), (3, self.setting), (1, self.flow), (1, self.batch), (3, self.begin),
        ]  # fmt: skip

    def __iter__(self) -> Iterator[Step]:
        while True:
            if step := self.next():
                yield step

    def next(self) -> Step | None:
        """The next planned step, else a random one."""
        if self.plan:
            return self.plan.pop(0)()
        if self.model.strictness and self.random.random() < 0.2:
            self.plan = [*plans.heal(self)]
        weights, kinds = zip(*self.kinds, strict=True)
        kind: Plan = self.random.choices(kinds, weights)[0]
        return kind()

    def begin(self) -> Step | None:
        """A plan; its steps come next."""
        healed = plans.heal(self) if self.model.strictness else ()
        self.plan = [*healed, *self.random.choice(plans.ALL)(self)]
        return None

    # --- single steps ---

    def validate(self) -> Step | None:
        if self.random.random() < 0.005:
            return {"op": "max_quantity", "order": self.orders.any(1)}
        return self.from_someone({"op": "validate_order", "order": self.orders.any()})

    def from_someone(self, step: Step) -> Step:
        exit_ = step["order"].get("reduce_only")
        if self.random.random() < (0.4 if exit_ else 0.04):
            step["origin"] = self.random.choice(("owner", "protection"))
        return step

    def authorize(self, raw: dict[str, Any] | None = None, label: str | None = None) -> Step | None:
        random = self.random
        if raw is None:
            raw = self.orders.any(random.choice((None, 0, 0, 1)))
            if random.random() < 0.2:
                raw["client_order_id"] = f"c{random.randrange(10**9)}"
        if raw.get("client_order_id"):
            self.orders.used.append(dict(raw))
        self.number += 1
        step = {"op": "authorize", "as": label or f"o{self.number}", "order": raw}
        return step if label else self.from_someone(step)

    def mark(self, asset: str | None = None) -> Step | None:
        random = self.random
        asset = asset or random.choice(self.assets)
        old = self.orders.price_of(asset) if asset in self.model.marks else PRICES.get(asset, F(100))
        move, most = F(random.randrange(-150, 151), 10000), self.model.limits.price_move_max
        if random.random() < 0.04:
            move = random.choice((most, -most, most * 2, -most * 2, most / 2, -most / 2))
        price = grid(old * (1 + move)) + random.choice((F(0), F(0), UNIT))
        step: Step = {"op": "mark", "asset": asset, "price": text(price)}
        if asset not in self.model.atrs or random.random() < 0.2:
            step["atr"] = text(grid(price * F(random.randrange(5, 60), 1000)))
            if random.random() < 0.1:
                step["atr"] = None if random.random() < 0.7 else "0"
        if random.random() < 0.15:
            step["at"] = random.choice(("-30", "-1", "-0.001", "0", "1.5", "5", "5.000000001", "-59.9", "-3600"))
        return step

    def records(self, *statuses: str) -> list[tuple[str, Approved]]:
        labels = self.side.labels
        return [(labels[k], w) for k, w in self.model.orders.items() if k in labels and w.status in statuses]

    def report(self) -> Step | None:
        """What the venue says, mostly of working orders, mostly true."""
        random = self.random
        late = random.random() < 0.1
        statuses = ("cancelled", "failed", "expired", "filled") if late else ("approved", "redeemed", "accepted")
        records = self.records(*statuses)
        if random.random() < 0.02:
            return self.stranger()
        if not records:
            return None
        label, record = random.choice(records[-6:])
        kind = random.choices(("fill", "accepted", "cancelled", "failed"), (6, 3, 2, 2))[0]
        if kind == "fill":
            return self.fill(label, record)
        step = {"op": f"order_{kind}", "id": label}
        return step | {"reason": "venue"} if kind == "failed" else step

    def fill(self, label: str, record: Approved, move: F | None = None, share: F | None = None) -> Step:
        random, order = self.random, record.order
        self.number += 1
        share = random.choice((F(1), F(1), F(1), F(1, 2), F(1, 3), F(2, 7))) if share is None else share
        quantity = grid(max(record.remaining, UNIT) * share)
        if random.random() < 0.02:
            quantity += UNIT
        move = F(random.randrange(-200, 201), 10000) if move is None else move
        price = grid((order.price or self.orders.price_of(order.asset)) * (1 + move))
        step: Step = {"op": "apply_fill", "id": label, "fill_id": f"f{self.number}", "quantity": text(quantity)}
        step["price"] = text(price)
        if random.random() < 0.4:
            step["fee"] = text(grid(quantity * price * F(random.choice((1, 5, 10)), 10000)))
        elif random.random() < 0.1:
            step["fee"] = "-0.000000123"
        if random.random() < 0.08:
            step["fill_id"] = f"f{random.randrange(1, self.number + 1)}"
        if random.random() < 0.05:
            step |= random.choice(({"asset": order.asset}, {"side": order.side}, {"asset": "NEW", "side": "buy"}))
        return step

    def stranger(self) -> Step | None:
        """A report of an order that nobody approved."""
        random, label = self.random, f"ghost{self.random.randrange(3)}"
        op = random.choice(("order_accepted", "order_cancelled", "order_failed", "apply_fill", "apply_fill"))
        step: Step = {"op": op, "id": label}
        if op == "order_failed":
            step["reason"] = "unknown"
        if op == "apply_fill":
            self.number += 1
            asset = random.choice(self.assets)
            quantity = grid(max(self.model.equity, F(100)) / 50 / self.orders.price_of(asset))
            step |= {"fill_id": f"f{self.number}", "quantity": text(quantity)}
            step["price"] = text(self.orders.price_of(asset))
            if random.random() < 0.6:
                step |= {"asset": asset, "side": random.choice(("buy", "sell"))}
        return step

    def redeem(self) -> Step | None:
        records = self.records("approved") or self.records("redeemed", "expired", "cancelled", "accepted")
        return {"op": "redeem", "id": self.random.choice(records)[0]} if records else None

    def clock(self) -> Step | None:
        """Small and large steps, to the next end of a breaker or just before it, and back."""
        random, at, now = self.random, self.model.limits, self.model.now
        soon = [trip.until - now for trip in self.model.tripped.values() if trip.until is not None]
        soon += [marks[-1][0] + at.mark_age_s_max * SECOND - now for marks in self.model.marks.values()]
        soon += [w.expires - now for w in self.model.working if w.status == "approved"]
        choice = random.random()
        if soon and choice < 0.35:
            away = max(random.choice(soon) + random.choice((-1, 0, 1, 1000)), -SECOND)
        elif choice < 0.42:
            away = -random.choice((1, SECOND, DAY))
        elif choice < 0.46:
            away = (now // DAY + 1) * DAY - now - random.choice((0, 0, 1))
        elif choice < 0.5:
            away = random.choice((3600, 86_400, 200_000)) * SECOND
        else:
            away = random.choice((1, 10**6, 10**8, SECOND, 2 * SECOND, 5 * SECOND, 20 * SECOND))
        return {"op": "set_clock", "seconds": text(F(away, SECOND))}

    def control(self) -> Step | None:
        steps: list[Step] = [
            {"op": "pause"},
            {"op": "resume"},
            {"op": "resume"},
            {"op": "kill", "reason": "test"},
            {"op": "reactivate"},
            {"op": "reactivate", "rebase": True},
            {"op": "hold", "confidence": "0.2", "reasoning": "wait"},
            {
                "op": "hold",
                "confidence": "0.7",
                "reasoning": "wait",
                "asset": self.random.choice([*self.assets, "NEW"]),
            },
            {"op": "restart"},
        ]
        return self.random.choice(steps)

    def setting(self) -> Step | None:
        random, at = self.random, self.model.limits
        kind = random.randrange(7)
        if kind == 0:
            over = text(at.volatility_max + UNIT)
            return {"op": "set_volatility", "volatility": random.choice(("0", "0.2", text(at.volatility_max), over))}
        if kind == 1:
            return {"op": "set_risk_scale", "scale": random.choice(("1", "1", "0.5", "0.333333333", "0.000000001"))}
        if kind == 2:
            steps = {asset: random.choice(("0.001", "0.01", "1", "0.000000001")) for asset in self.assets}
            return {"op": "set_lot_steps", "steps": steps}
        if kind == 3:
            half = len(self.assets) // 2
            groups = {"first": self.assets[: half + 1], "second": [*self.assets[half + 1 :], "NEW"]}
            if random.random() < 0.2:
                groups["second"].append(self.assets[0])
            return {"op": "set_correlation_groups", "groups": groups}
        return self.change_limits()

    def change_limits(self) -> Step | None:
        """Tighter mostly. The window of `price_move` stays: the gate keeps no marks that were older than it."""
        random, at = self.random, self.model.limits
        fractions = ["max_leverage", "max_position_fraction", "max_daily_loss", "max_drawdown", "max_concentration"]
        fractions += ["max_correlated_exposure", "stop_atr_max", "price_collar", "liquidation_share", "volatility_max"]
        whole = ["max_daily_trades", "orders_per_minute", "order_burst", "max_open_orders", "mark_age_s_max"]
        whole += ["losses_in_row_max", "failures_in_row_max", "loss_pause_s", "price_move_pause_s", "approval_ttl_s"]
        changes: dict[str, Any] = {"drawdown_base": random.choice(("peak", "deposit"))} if random.random() < 0.1 else {}
        for _ in range(random.choice((1, 1, 2))):
            tighter = random.random() < 0.6
            name = random.choice((*fractions, *whole, "stop_atr_min", "min_confidence", "stop_risk_budget", "assets"))
            if name in fractions:
                changed = getattr(at, name) * (F(19, 20) if tighter else F(21, 20))
                changes[name] = text(min(changed, F(1)) if changed <= 1 or getattr(at, name) <= 1 else changed)
            elif name in whole:
                more_is_tighter = name in ("loss_pause_s", "price_move_pause_s")
                changes[name] = max(1, getattr(at, name) + (-1 if tighter != more_is_tighter else 1))
            elif name in ("stop_atr_min", "min_confidence"):
                changes[name] = text(min(getattr(at, name) * (F(11, 10) if tighter else F(10, 11)), F(1)))
            elif name == "assets":
                changes[name] = random.choice((None, [*PRICES, "NEW"], [*self.assets]))
            else:
                changes[name] = random.choice((None, "0.02", "0.1"))
        return {"op": "set_limits", "changes": changes}

    def flow(self) -> Step | None:
        random, size = self.random, max(self.model.equity, F(100))
        if random.random() < 0.5:
            return {"op": "deposit", "amount": text(grid(size * F(random.randrange(1, 2000), 1000)))}
        amount = size * F(random.randrange(-60, 40), 1000)
        return {"op": "funding", "asset": random.choice(self.assets), "amount": text(amount)}

    def batch(self) -> Step | None:
        orders = [self.orders.any() for _ in range(self.random.randrange(1, 6))]
        return {"op": "validate_batch", "orders": [raw for raw in orders if fits_a_float(raw)]}


def fits_a_float(raw: dict[str, Any]) -> bool:
    """Whether its numbers come through 64-bit floats unchanged, and it says nothing that a batch cannot."""
    numbers = [raw[name] for name in ("quantity", "price", "leverage", "stop_loss", "confidence") if raw.get(name)]
    return all(round(F(float(n)) * 10**9) == F(n) * 10**9 for n in numbers) and "client_order_id" not in raw
