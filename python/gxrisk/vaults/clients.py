"""The orders of clients: of whoever runs a vault's strategy elsewhere and proposes from there."""

import asyncio

from gxrisk._native import Decision, Gate, Order, VaultError
from gxrisk.vaults.dealings import Dealings
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.turn import Turn


class Clients:
    """One vault's desk for clients' orders."""

    def __init__(self, gate: Gate, settings: VaultSettings, turn: Turn, dealings: Dealings) -> None:
        self._gate = gate
        self._strategy = settings.strategy
        self._has_guards = settings.protection is not None
        self._turn = turn
        self._dealings = dealings

    async def propose(self, order: Order) -> Decision:
        """Put an order before the gate and send what passes; an identical repeat has the first decision's effect, once.

        The gate is asked in a thread and outside of the vault's turn, since a durable one waits for the disk, and those
        who wait together share one write. Raises `VaultError` where the strategy is asked here, `VenueError` when it is
        not known whether the order arrived: then propose the same again.
        """
        vault_id = self._gate.vault_id
        if not self._strategy.is_external:
            raise VaultError(f"{vault_id} asks its own strategy, {self._strategy.name}; no client proposes")
        if self._has_guards and not order.reduce_only:
            raise VaultError(f"{vault_id} has guards before its gate, which see no client's orders yet; exits pass")
        if not self._dealings.is_reconciled:
            async with self._turn:
                await self._dealings.catch_up()
        decision = await asyncio.to_thread(self._gate.authorize, order)
        async with self._turn:
            await self._dealings.send(decision)
        return decision

    async def cancel(self, order_id: str) -> None:
        """Ask the venue for the end of what is left of an order. Raises `VaultError` for one that does not work."""
        async with self._turn:
            if all(one.order_id != order_id for one in self._gate.snapshot().working):
                raise VaultError(f"{order_id} is no order that works here")
            await self._dealings.cancel(order_id)
