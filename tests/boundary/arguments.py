"""Every numeric argument of every call: how a value is given there, and what is then held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from gxrisk import Gate, GxriskError, InvalidOrder, Limits, ManualClock, Order, order

START = "2020-03-12T12:00:00Z"
UNIT = Fraction(1, 10**9)
LARGEST = Fraction(10**18)


def vault() -> Gate:
    """A vault with 10,000 and one mark."""
    gate = Gate("boundary", Limits.for_tier("growth"), clock=ManualClock(START))
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    return gate


def proposal(make: Callable[..., Order] = order, **changes: Any) -> Order:
    """A sound order, with some fields changed."""
    fields = {"asset": "BTC", "side": "buy", "quantity": 1, "confidence": 1, "reasoning": "a boundary", "stop_loss": 98}
    fields.update(changes)
    return make(fields.pop("asset"), fields.pop("side"), fields.pop("quantity"), **fields)


@dataclass(frozen=True)
class Argument:
    """One numeric argument: where it goes, its range, and whether None means absent."""

    name: str
    field: str
    give: Callable[[Gate, Any], Any]
    low: Fraction = UNIT
    high: Fraction = LARGEST
    optional: bool = False
    whole: bool = False
    none_is: Any = None

    def allows(self, value: Fraction) -> bool:
        """Whether a value lies in the range."""
        return self.low <= value <= self.high and (not self.whole or value.denominator == 1)


def _of_order(make: Callable[..., Order], field: str) -> Callable[[Gate, Any], Any]:
    return lambda gate, value: getattr(proposal(make, **{field: value}), field)


def _last(gate: Gate, kind: str) -> dict[str, Any]:
    return [event for event in gate.events() if event["kind"] == kind][-1]


def _mark_price(gate: Gate, value: Any) -> Any:
    gate.mark("ETH", value)
    return gate.snapshot().marks["ETH"]


def _mark_atr(gate: Gate, value: Any) -> Any:
    gate.mark("ETH", 100, atr=value)
    gate.hold(1, "told")
    return _last(gate, "market")["marks"][-1]["atr"]


def _deposit(gate: Gate, value: Any) -> Any:
    before = gate.snapshot().collateral
    gate.deposit(value)
    return gate.snapshot().collateral - before


def _funding(gate: Gate, value: Any) -> Any:
    gate.funding("BTC", value)
    return gate.snapshot().funding


def _volatility(gate: Gate, value: Any) -> Any:
    gate.set_volatility(value)
    return gate.snapshot().volatility


def _risk_scale(gate: Gate, value: Any) -> Any:
    gate.set_risk_scale(value)
    return gate.snapshot().risk_scale


def _lot_step(gate: Gate, value: Any) -> Any:
    gate.set_lot_steps({"BTC": value})
    return _last(gate, "lot_steps")["steps"]["BTC"]


def _hold(gate: Gate, value: Any) -> Any:
    gate.hold(value, "nothing to do")
    return _last(gate, "hold")["confidence"]


def _fill(field: str) -> Callable[[Gate, Any], Any]:
    def give(gate: Gate, value: Any) -> Any:
        numbers = {"quantity": 1, "price": 1, "fee": 0, field: value}
        gate.apply_fill("elsewhere", "f", **numbers, asset="NEW", side="buy")
        return _last(gate, "fill")[field]

    return give


def _advance(gate: Gate, value: Any) -> Any:
    clock = ManualClock(START)
    before = clock.now_ns
    clock.advance(value)
    return Decimal(clock.now_ns - before) / 10**9


def _limit(field: str) -> Callable[[Gate, Any], Any]:
    return lambda gate, value: getattr(Limits.for_tier("growth").replace(**{field: value}), field)


def _limits() -> list[Argument]:
    ranges: list[tuple[str, Fraction | int, int]] = [
        ("max_leverage", 1, 1000),
        ("max_position_fraction", UNIT, 1000),
        ("max_daily_loss", UNIT, 1),
        ("max_drawdown", UNIT, 1),
        ("max_concentration", UNIT, 1000),
        ("max_correlated_exposure", UNIT, 1000),
        ("price_collar", UNIT, 1),
        ("min_confidence", 0, 1),
        ("maintenance_margin", 0, 1),
        ("liquidation_share", UNIT, 1),
        ("price_move_max", UNIT, 1000),
        ("price_move_window_s", UNIT, 86_400),
        ("mark_age_s_max", UNIT, 30 * 86_400),
        ("approval_ttl_s", UNIT, 3600),
    ]
    counts = ["max_daily_trades", "orders_per_minute", "order_burst", "max_open_orders"]
    found = [Argument(f"Limits.{n}", n, _limit(n), Fraction(low), Fraction(high)) for n, low, high in ranges]
    found += [Argument(f"Limits.{n}", n, _limit(n), Fraction(1), Fraction(10**6), whole=True) for n in counts]
    found += [
        Argument(f"Limits.{n}", n, _limit(n), Fraction(1), Fraction(1000), whole=True)
        for n in ("losses_in_row_max", "failures_in_row_max")
    ]
    found.append(
        Argument("Limits.max_order_notional", "max_order_notional", _limit("max_order_notional"), optional=True)
    )
    budget = _limit("stop_risk_budget")
    found.append(Argument("Limits.stop_risk_budget", "stop_risk_budget", budget, high=Fraction(1), optional=True))
    return found


def _orders() -> list[Argument]:
    found = []
    for name, make in (("Order", Order), ("order", order)):
        found += [
            Argument(f"{name}.quantity", "quantity", _of_order(make, "quantity")),
            Argument(f"{name}.price", "price", _of_order(make, "price"), optional=True),
            Argument(f"{name}.stop_loss", "stop_loss", _of_order(make, "stop_loss"), optional=True),
            Argument(f"{name}.take_profit", "take_profit", _of_order(make, "take_profit"), optional=True),
            Argument(
                f"{name}.leverage",
                "leverage",
                _of_order(make, "leverage"),
                high=Fraction(1000),
                optional=True,
                none_is=Decimal(1),
            ),
            Argument(f"{name}.confidence", "confidence", _of_order(make, "confidence"), Fraction(0), Fraction(1)),
        ]
    return found


ARGUMENTS = [
    *_orders(),
    Argument("mark.price", "price", _mark_price),
    Argument("mark.atr", "atr", _mark_atr, Fraction(0), optional=True),
    Argument("deposit.amount", "amount", _deposit),
    Argument("funding.amount", "amount", _funding, -LARGEST),
    Argument("set_volatility", "volatility", _volatility, Fraction(0), Fraction(1000)),
    Argument("set_risk_scale", "scale", _risk_scale, high=Fraction(1)),
    Argument("set_lot_steps", "step", _lot_step),
    Argument("hold.confidence", "confidence", _hold, Fraction(0), Fraction(1)),
    Argument("apply_fill.quantity", "quantity", _fill("quantity")),
    Argument("apply_fill.price", "price", _fill("price")),
    Argument("apply_fill.fee", "fee", _fill("fee"), -LARGEST, optional=True, none_is=Decimal(0)),
    Argument("advance.seconds", "seconds", _advance, Fraction(-(10**10)), Fraction(10**10)),
    *_limits(),
]


def refusal(act: Callable[[], Any], field: str) -> str:
    """The message of the `InvalidOrder` that the act must raise: it names the field, and is short."""
    with pytest.raises(GxriskError) as caught:
        act()
    assert type(caught.value) is InvalidOrder
    assert isinstance(caught.value, ValueError)
    message = str(caught.value)
    assert field in message
    assert len(message) < 600
    return message
