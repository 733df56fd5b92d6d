"""An account that hands everything on to another one: for what changes one thing about it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from gxrisk._native import Approval
from gxrisk.venues.protocol import Account, Report, Statement


class Through:
    """Hands on what it is asked; who overrides one method changes one thing.

    >>> import asyncio
    >>> from gxrisk.venues.paper import PaperVenue
    >>> class Poor(Through):
    ...     async def deposit(self, transfer_id, amount):
    ...         await super().deposit(transfer_id, amount / 2)
    >>> async def paid():
    ...     account = Poor(await PaperVenue().account("demo", None))
    ...     await account.deposit("first", Decimal(10))
    ...     return (await account.statement()).balance
    >>> asyncio.run(paid())
    Decimal('5')
    """

    def __init__(self, account: Account) -> None:
        self.account = account

    async def submit(self, approval: Approval) -> None:
        """Hand on."""
        await self.account.submit(approval)

    async def cancel(self, order_id: str) -> None:
        """Hand on."""
        await self.account.cancel(order_id)

    async def reports(self, after: int) -> Sequence[Report]:
        """Hand on."""
        return await self.account.reports(after)

    async def statement(self) -> Statement:
        """Hand on."""
        return await self.account.statement()

    async def deposit(self, transfer_id: str, amount: Decimal) -> None:
        """Hand on."""
        await self.account.deposit(transfer_id, amount)

    async def withdraw(self, transfer_id: str, destination: str, amount: Decimal) -> None:
        """Hand on."""
        await self.account.withdraw(transfer_id, destination, amount)

    async def close(self) -> None:
        """Hand on."""
        await self.account.close()


if TYPE_CHECKING:
    _through_is_an_account: type[Account] = Through
