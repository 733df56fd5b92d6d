"""Orders of clients, whose strategies run elsewhere: judged as those of a vault's own strategy are."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gxrisk._native import Decision, Gate, Order
from gxrisk.agent.strategy import Objection, Portfolio, View
from gxrisk.protection.pipeline import GATE
from gxrisk.protection.pipeline_reasoning import explained, refusal
from gxrisk.vaults.market import Bars
from gxrisk.vaults.protecting import Protection

_LOOKED_BACK: Final = (1_000, 100_000)  # records; then all: a repeat comes soon after the first, or after a crash


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a client's order: the `decision` on record, about `order` as the guards left it.

    `guards` are those that made it smaller, drew in its stop or refused it; where one refused, the decision is a hold.
    """

    decision: Decision
    order: Order
    guards: tuple[Objection, ...] = ()


class ClientOrders:
    """Decides on the orders of a vault's client.

    Guards judge one opening after the other, up to its reservation, so that no two are given the same room; exits never
    wait for them. Gate and records are asked in threads: a durable gate waits for the disk, and those who wait together
    share one write.
    """

    def __init__(self, gate: Gate, protection: Protection | None, portfolio: Callable[[], Portfolio]) -> None:
        self._gate = gate
        self._protection = protection
        self._portfolio = portfolio
        self._line = asyncio.Lock()
        self.bars: Bars | None = None  # what the feed has told, as the vault's bars

    async def decide(self, order: Order) -> Answer:
        """The answer to an order; an identical repeat of a client order id has the first decision's, and its effect."""
        if self._protection is None or order.reduce_only:
            return Answer(await asyncio.to_thread(self._gate.authorize, order), order)
        async with self._line:
            first = await asyncio.to_thread(first_use, self._gate, order)
            if first is not None:
                return Answer(await asyncio.to_thread(self._gate.authorize, first), first)
            found = await self._protection.assess(order, self._view(order.asset))
            if found.refused_by in (None, GATE):
                left = explained(found)
                return Answer(await asyncio.to_thread(self._gate.authorize, left), left, found.objections)
            said = refusal(order, found)
            held = await asyncio.to_thread(self._gate.hold, order.confidence, said, asset=order.asset)
            return Answer(held, found.order, found.objections)

    def _view(self, asset: str) -> View:
        """The market as a strategy of the vault would see it; before the first bar there is nothing to see."""
        candles = () if self.bars is None else self.bars.history(asset)
        atr = None if self.bars is None else self.bars.atr(asset)
        at = datetime.fromtimestamp(candles[-1].end_ms / 1000, UTC) if candles else self._gate.snapshot().time
        return View(asset, at, candles, atr, self._portfolio())


def first_use(gate: Gate, order: Order) -> Order | None:
    """The order on record that this one repeats; None where its client order id is new, or was another order's.

    Guards may have left less of it and a nearer stop then, and would judge otherwise now. So what was decided is put
    before the gate once more, which knows it as a repeat.
    """
    if order.client_order_id is None:
        return None
    if all(one.rule != "duplicate_order" for one in gate.validate_order(order).violations):
        return None
    last = gate.sequence
    for since in (*(max(0, last - count) for count in _LOOKED_BACK), 0):
        for event in gate.events(since=since):
            if event["kind"] != "decision" or event["order"]["client_order_id"] != order.client_order_id:
                continue
            if any(one["rule"] == "duplicate_order" for one in event["violations"]):
                continue  # a later use
            first = Order(**event["order"])
            return first if _is_of(order, first) else order
    return order


def _is_of(asked: Order, left: Order) -> bool:
    """Whether guards may have left this of what was asked: as much or less, and its own words first."""
    same = asked.replace(quantity=left.quantity, stop_loss=left.stop_loss, reasoning=left.reasoning) == left
    own, _, _ = left.reasoning.partition(" [")
    return same and left.quantity <= asked.quantity and asked.reasoning.startswith(own)
