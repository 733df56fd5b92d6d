"""A vault's turn: what awaits takes it, one after the other, so that nothing comes between two halves of anything."""

import asyncio

from gxrisk._native import VaultError


class Turn:
    """Taken by `async with`; raises `VaultError` once the vault is closed.

    >>> async def close():
    ...     turn = Turn("ann")
    ...     turn.end()
    ...     async with turn:
    ...         print("never")
    >>> asyncio.run(close())
    Traceback (most recent call last):
        ...
    gxrisk.VaultError: ann is closed
    """

    def __init__(self, vault_id: str) -> None:
        self._vault_id = vault_id
        self.lock = asyncio.Lock()  # for what still has to be written down while the vault is being closed
        self._is_over = False

    async def __aenter__(self) -> None:
        await self.lock.acquire()
        if self._is_over:
            self.lock.release()
            raise VaultError(f"{self._vault_id} is closed")

    async def __aexit__(self, *_: object) -> None:
        self.lock.release()

    def end(self) -> None:
        """The vault is being closed: only `lock` is left."""
        self._is_over = True
