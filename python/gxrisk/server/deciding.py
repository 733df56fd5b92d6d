"""Where a gate is asked: on the event loop as long as that cannot wait for a disk which is slow already."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from gxrisk._native import Decision, Gate, Order
from gxrisk.vaults import Vault
from gxrisk.vaults.client_orders import Answer

Judged = Decision | Answer | Exception


class Deciding:
    """Proposals wait for the disk in threads. A question without a proposal takes microseconds, and a thread's turn
    would cost more than a hundred times as much, so it is asked at once, unless a proposal of its vault waits: what
    the clock brought to the gate meanwhile would be written behind that one, and on a disk that hangs so would the
    event loop.
    """

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    async def propose(self, vault: Vault, order: Order) -> Answer:
        """`Vault.propose`."""
        self._waiting[vault.vault_id] += 1
        try:
            return await vault.propose(order)
        finally:
            self._waiting[vault.vault_id] -= 1

    async def judge(self, vault: Vault, orders: Sequence[Order]) -> list[Judged]:
        """What the gate would answer to each now; an error is the answer to its own order alone."""
        if self._waiting[vault.vault_id]:
            return await asyncio.to_thread(_judged, vault.gate, orders)
        return _judged(vault.gate, orders)


def _judged(gate: Gate, orders: Sequence[Order]) -> list[Judged]:
    answers: list[Judged] = []
    for order in orders:
        try:
            answers.append(gate.validate_order(order))
        except Exception as error:
            answers.append(error)
    return answers
