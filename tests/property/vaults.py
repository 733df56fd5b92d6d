"""Vaults after random histories, and the orders that are then held against them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gxrisk import Gate, GxriskError, Limits, ManualClock, Order, order
from hypothesis import settings
from hypothesis import strategies as st

ASSETS = ("BTC", "ETH", "SOL")
START = "2020-03-12T12:00:00Z"
UNIT = Decimal("0.000000001")
LARGEST = Decimal(10**18)

# What fails is printed with the blob that repeats it.
BOUNDED = settings(deadline=None, max_examples=60, print_blob=True, database=None)

Step = tuple[Any, ...]


@dataclass
class Vault:
    """A gate, its clock, and the ids of the orders that it approved."""

    gate: Gate
    clock: ManualClock
    approvals: list[Any] = field(default_factory=list)
    lot_steps: dict[str, Decimal] = field(default_factory=dict)

    def step_of(self, asset: str) -> Decimal:
        """The asset's lot step, else one unit of the scale."""
        return self.lot_steps.get(asset, UNIT)


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    """Decimals between two numbers, with at most so many fractional digits."""
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False, allow_infinity=False)


sides = st.sampled_from(["buy", "sell"])
assets = st.sampled_from(ASSETS)
tiers = st.sampled_from(["capital_guard", "growth", "high_octane"])


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    """A tier, with what would end a history early opened, and sometimes with the limits that are off unless set."""
    start = Limits.for_tier(draw(tiers)).replace(order_burst=1000, max_daily_trades=1000, max_open_orders=1000)
    if draw(st.booleans()):
        start = start.replace(max_order_notional=draw(decimals("1", "4000", 3)))
    if draw(st.booleans()):
        start = start.replace(stop_risk_budget=draw(decimals("0.001", "0.2", 4)))
    return start


@st.composite
def orders(draw: st.DrawFn, *, with_ids: bool = False) -> Order:
    """An order near the marks of 100: most pass most rules, some pass none."""
    side = draw(sides)
    price = draw(st.none() | decimals("94", "106", 2))
    entry = Decimal(100) if price is None else price
    distance = draw(decimals("-1", "6", 2) | st.sampled_from([Decimal(2), Decimal(2), Decimal(2)]))
    stop = entry - distance if side == "buy" else entry + distance
    quantities = decimals("0.001", "40", 3) | decimals("0.000000001", "10", 9) | st.just(LARGEST)
    return order(
        draw(assets),
        side,
        draw(quantities),
        confidence=draw(st.sampled_from(["1", "1", "0.3", "0.299999999", "0"])),
        reasoning="a property",
        price=price,
        leverage=draw(st.sampled_from(["1", "1", "1.5", "5", "11", "0.5"])),
        stop_loss=draw(st.sampled_from([stop, stop, stop, None])),
        reduce_only=draw(st.sampled_from([False, False, True])),
        client_order_id=draw(st.none() | st.sampled_from("abcde")) if with_ids else None,
    )


def histories(size: int = 25) -> st.SearchStrategy[list[Step]]:
    """Steps of the operator, the agent and the venue."""
    order_numbers = st.integers(0, 4)
    step = st.one_of(
        st.tuples(st.just("authorize"), orders(with_ids=True)),
        st.tuples(st.just("fill"), order_numbers, decimals("0.01", "1.2", 2), decimals("95", "105", 2)),
        st.tuples(st.just("mark"), assets, decimals("97", "103", 3)),
        st.tuples(st.just("cancel"), order_numbers),
        st.tuples(st.just("fail"), order_numbers),
        st.tuples(st.just("redeem"), order_numbers),
        st.tuples(st.just("advance"), decimals("0", "4", 3)),
        st.tuples(st.just("funding"), assets, decimals("-20", "20", 3)),
        st.tuples(st.just("scale"), decimals("0.1", "1", 2)),
        st.tuples(st.just("lots"), st.dictionaries(assets, decimals("0.001", "3", 3))),
        st.tuples(st.just("groups"), st.sampled_from([{}, {"all": list(ASSETS)}, {"two": ["BTC", "SOL"]}])),
        st.tuples(st.just("pause")),
        st.tuples(st.just("resume")),
    )
    return st.lists(step, max_size=size)


def carry_out(vault: Vault, step: Step) -> None:
    """Do one step; what the vault does not take is an answer like any other."""
    gate = vault.gate

    def nth(index: int) -> Any:
        return vault.approvals[-1 - index] if index < len(vault.approvals) else None

    match step:
        case ("authorize", proposal):
            decision = gate.authorize(proposal)
            if decision.approval is not None:
                vault.approvals.append(decision.approval)
        case ("mark", asset, price):
            gate.mark(asset, price, atr=1)
        case ("advance", seconds):
            vault.clock.advance(seconds)
        case ("funding", asset, amount):
            gate.funding(asset, amount)
        case ("scale", scale):
            gate.set_risk_scale(scale)
        case ("lots", lot_steps):
            gate.set_lot_steps(lot_steps)
            vault.lot_steps = lot_steps
        case ("groups", groups):
            gate.set_correlation_groups(groups)
        case ("pause",):
            gate.pause()
        case ("resume",):
            gate.resume()
        case (name, index, *rest) if (approval := nth(index)) is not None:
            _tell_of(gate, approval, name, rest)


def _tell_of(gate: Gate, approval: Any, name: str, rest: list[Any]) -> None:
    try:
        if name == "fill":
            quantity = (approval.order.quantity * rest[0]).quantize(UNIT)
            fill_id = f"{gate.snapshot().sequence}"
            gate.apply_fill(approval.order_id, fill_id, min(max(quantity, UNIT), LARGEST), rest[1], "0.01")
        elif name == "cancel":
            gate.order_cancelled(approval.order_id)
        elif name == "fail":
            gate.order_failed(approval.order_id, "no answer")
        else:
            gate.redeem(approval)
    except GxriskError:
        pass


def opened(some_limits: Limits, steps: list[Step] | None = None, *, resumed: bool = True) -> Vault:
    """A vault with 10,000, marks of 100 and a history; its operator has resumed it, if asked."""
    clock = ManualClock(START)
    vault = Vault(Gate("property", some_limits, clock=clock), clock)
    vault.gate.deposit(10_000)
    for asset in ASSETS:
        vault.gate.mark(asset, 100, atr=1)
    for step in steps or []:
        carry_out(vault, step)
    if resumed:
        vault.gate.resume()
        for asset in ASSETS:
            vault.gate.mark(asset, vault.gate.snapshot().marks[asset], atr=1)
    return vault
