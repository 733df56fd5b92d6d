"""The orders of clients: of whoever runs a vault's strategy elsewhere and proposes from there."""

from gxrisk._native import Gate, Order, VaultError
from gxrisk.vaults.client_orders import Answer, ClientOrders
from gxrisk.vaults.dealings import Dealings
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.turn import Turn


class Clients:
    """One vault's desk for clients' orders, which `orders` decides on."""

    def __init__(
        self, gate: Gate, settings: VaultSettings, turn: Turn, dealings: Dealings, orders: ClientOrders
    ) -> None:
        self.orders = orders
        self._gate = gate
        self._strategy = settings.strategy
        self._turn = turn
        self._dealings = dealings

    async def propose(self, order: Order) -> Answer:
        """Put an order before guards and gate, send what passes; an identical repeat has the first one's effect, once.

        That is outside of the vault's turn: marks do not wait for guards or disk. Raises `VaultError` where the
        strategy is asked here, `VenueError` when it is not known whether the order arrived: then propose the same
        again.
        """
        vault_id = self._gate.vault_id
        if not self._strategy.is_external:
            raise VaultError(f"{vault_id} asks its own strategy, {self._strategy.name}; no client proposes")
        if not self._dealings.is_reconciled:
            async with self._turn:
                await self._dealings.catch_up()
        answer = await self.orders.decide(order)
        async with self._turn:
            await self._dealings.send(answer.decision)
        return answer

    async def cancel(self, order_id: str) -> None:
        """Ask the venue for the end of what is left of an order. Raises `VaultError` for one that does not work."""
        async with self._turn:
            if all(one.order_id != order_id for one in self._gate.snapshot().working):
                raise VaultError(f"{order_id} is no order that works here")
            await self._dealings.cancel(order_id)
