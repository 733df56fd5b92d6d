"""Gates, orders and columns in the states that are measured.

A vault holds 1 unit at 100 in each of its assets, so that every sum of the decision has something in it. Its counts
(order burst, trades a day, open orders) are set so high that a benchmark does not run into them.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from gxrisk import Gate, Limits, ManualClock, Order, SystemClock, order

START = "2020-03-12T00:00:00Z"
POSITIONS = 16
DEPOSIT = 10_000_000
MARK, ATR = 100, 1

LIMITS = Limits.for_tier("growth").replace(max_daily_trades=100_000, order_burst=100_000, max_open_orders=100_000)

Columns: TypeAlias = dict[str, npt.NDArray[Any] | list[str]]


def asset(index: int) -> str:
    """The name of an asset by its number."""
    return f"A{index}"


def small(index: int = 3) -> Order:
    """An order that every rule lets pass: price, stop and leverage given."""
    return order(
        asset(index), "buy", 1, confidence=1, reasoning="momentum", price=MARK, leverage=2, stop_loss=MARK - 2 * ATR
    )


def hopeless(index: int = 3) -> Order:
    """An order that violates five rules or more."""
    return order(
        asset(index), "buy", 1_000_000, confidence=1, reasoning="momentum", price=MARK, leverage=9, stop_loss=MARK / 2
    )


def held(
    positions: int = POSITIONS, groups: int | None = None, *, clock: ManualClock | SystemClock | None = None
) -> Gate:
    """A gate that holds `positions` assets, spread over `groups` correlation groups (each its own unless said)."""
    gate = Gate("bench", LIMITS, clock=clock or ManualClock(START))
    gate.deposit(DEPOSIT)
    if groups is not None:
        gate.set_correlation_groups(
            {f"g{group}": [asset(i) for i in range(group, positions, groups)] for group in range(groups)}
        )
    freshen(gate, positions)
    for index in range(positions):
        decision = gate.authorize(small(index))
        assert decision.order_id is not None, decision
        gate.apply_fill(decision.order_id, 1, 1, MARK)
    return gate


def freshen(gate: Gate, positions: int = POSITIONS) -> None:
    """Marks every asset anew, so that no price is stale on a clock that runs by itself."""
    for index in range(positions):
        gate.mark(asset(index), MARK, atr=ATR)


def columns(rows: int, seed: int = 7) -> Columns:
    """Orders as columns: about one in five violates something, spread over the rules, so branches are not foreseen.

    Prices, quantities and stops are those of a usual exchange; `asset` holds codes as numpy indexes with them.
    """
    random = np.random.default_rng(seed)
    side = np.where(random.random(rows) < 0.5, 1.0, -1.0)
    quantity = np.round(random.uniform(1, 100, rows), 3)
    quantity[random.random(rows) < 0.05] *= 10_000
    price = np.round(random.uniform(0.99 * MARK, 1.01 * MARK, rows), 2)
    leverage = np.round(random.uniform(1, 5, rows), 1)
    leverage[random.random(rows) < 0.05] = 9
    distance = np.round(random.uniform(ATR, 3 * ATR, rows), 2)
    distance[random.random(rows) < 0.05] = 9 * ATR
    distance[random.random(rows) < 0.05] *= -1
    stop = price - side * distance
    stop[random.random(rows) < 0.05] = np.nan
    return {
        "asset": random.integers(0, POSITIONS, rows),
        "assets": [asset(index) for index in range(POSITIONS)],
        "side": side,
        "quantity": quantity,
        "price": price,
        "leverage": leverage,
        "stop_loss": stop,
        "confidence": np.full(rows, 0.8),
    }
