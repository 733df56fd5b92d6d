"""A venue that must answer in time: one that hangs holds up its own vault for seconds, and no other vault at all."""

import asyncio
from collections.abc import Coroutine, Sequence
from decimal import Decimal
from time import monotonic
from typing import Any, Final, TypeVar

from gxrisk._native import Approval
from gxrisk.venues.protocol import Account, Report, Statement, VenueError

ANSWER_S: Final = 5.0
REST_S: Final = 30.0
_T = TypeVar("_T")


class Patience:
    """How long a venue is waited for: calls raise `VenueError` when no answer came within `answer_s` seconds.

    After that the venue is not asked for the same vault for `rest_s` seconds; calls fail at once. What such a call did
    at the venue is not known, as with any `VenueError`.

    >>> import asyncio
    >>> asyncio.run(Patience(answer_s=0.01).in_time("ann", asyncio.Event().wait()))
    Traceback (most recent call last):
        ...
    gxrisk.venues.protocol.VenueError: the venue gave no answer within 0.01 s; it is asked again in 30 s
    """

    def __init__(self, *, answer_s: float = ANSWER_S, rest_s: float = REST_S) -> None:
        self._answer_s = answer_s
        self._rest_s = rest_s
        self._resting: dict[str, float] = {}  # by vault: until when

    async def account(self, vault_id: str, opening: Coroutine[Any, Any, Account]) -> Account:
        """The account that is being opened for a vault, each of its calls so bounded, as the opening itself is."""
        return BoundedAccount(self, vault_id, await self.in_time(vault_id, opening))

    async def in_time(self, vault_id: str, call: Coroutine[Any, Any, _T]) -> _T:
        """The answer to a call for a vault."""
        left_s = self._resting.get(vault_id, 0.0) - monotonic()
        if left_s > 0:
            call.close()
            raise VenueError(f"the venue gave no answer; it is asked again in {left_s:.0f} s")
        try:
            async with asyncio.timeout(self._answer_s):
                return await call
        except TimeoutError as error:
            self._resting[vault_id] = monotonic() + self._rest_s
            raise VenueError(
                f"the venue gave no answer within {self._answer_s:g} s; it is asked again in {self._rest_s:g} s"
            ) from error


class BoundedAccount:
    """An account whose every call goes through `Patience.in_time`."""

    def __init__(self, patience: Patience, vault_id: str, account: Account) -> None:
        self._patience = patience
        self._vault_id = vault_id
        self._account = account

    async def submit(self, approval: Approval) -> None:
        """As `Account.submit`."""
        await self._patience.in_time(self._vault_id, self._account.submit(approval))

    async def cancel(self, order_id: str) -> None:
        """As `Account.cancel`."""
        await self._patience.in_time(self._vault_id, self._account.cancel(order_id))

    async def reports(self, after: int) -> Sequence[Report]:
        """As `Account.reports`."""
        return await self._patience.in_time(self._vault_id, self._account.reports(after))

    async def statement(self) -> Statement:
        """As `Account.statement`."""
        return await self._patience.in_time(self._vault_id, self._account.statement())

    async def deposit(self, transfer_id: str, amount: Decimal) -> None:
        """As `Account.deposit`."""
        await self._patience.in_time(self._vault_id, self._account.deposit(transfer_id, amount))

    async def withdraw(self, transfer_id: str, destination: str, amount: Decimal) -> None:
        """As `Account.withdraw`."""
        await self._patience.in_time(self._vault_id, self._account.withdraw(transfer_id, destination, amount))

    async def close(self) -> None:
        """As `Account.close`, asked in any case."""
        async with asyncio.timeout(ANSWER_S):
            await self._account.close()
