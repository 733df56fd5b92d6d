"""A vault's dealings with its venue: reports booked, orders sent and ended, money moved, the two accounts compared."""

from time import time_ns

from gxrisk._native import Decision, Gate
from gxrisk.snapshot import Snapshot
from gxrisk.vaults.booking import Booking
from gxrisk.vaults.cancelling import Cancelling
from gxrisk.vaults.deposits import Deposits
from gxrisk.vaults.notices import Notices
from gxrisk.vaults.proposals import send
from gxrisk.vaults.reconciliation import Difference, reconcile
from gxrisk.vaults.withdrawal import Withdrawals
from gxrisk.venues.protocol import Account


class Dealings:
    """Everything that goes over one account, which may be opened anew. All of it in the vault's turn.

    `is_busy` says that there may be something to do which no record of the gate shows, `reconciled_ns` when gate and
    venue were compared last, by the computer's clock.
    """

    def __init__(self, gate: Gate, account: Account, notices: Notices) -> None:
        self._gate = gate
        self._notices = notices
        self.reconciled_ns: int | None = None
        self.connect(account)

    def connect(self, account: Account) -> None:
        """Go on over this account; nothing else is done with it before it is reconciled."""
        self.account = account
        self.booking = Booking(self._gate, account)
        self.withdrawals = Withdrawals(self._gate, account, self._notices)
        self.deposits = Deposits(self._gate, account)
        self._cancelling = Cancelling(account)
        self.is_reconciled = False
        self.is_busy = True

    async def catch_up(self) -> None:
        """Book what was reported, or reconcile first; then finish a deposit. Raises `VenueError`."""
        if not self.is_reconciled:
            await self.reconcile()
        elif await self.booking.catch_up():
            self.is_busy = True
        if self.deposits.is_open:
            await self.deposits.finish()

    async def reconcile(self) -> tuple[Difference, ...]:
        """Finish what money was on its way, then compare gate and venue."""
        await self.deposits.finish()
        owed = await self.withdrawals.settle()
        found = await reconcile(self._gate, self.booking, self.account, self._notices, owed)
        self.is_reconciled = True
        self.reconciled_ns = time_ns()
        self.is_busy = True
        return found

    async def send(self, decision: Decision) -> None:
        """Take what was approved to the venue."""
        await send(decision, self.account)
        self.is_busy = True

    async def cancel(self, order_id: str) -> None:
        """Ask the venue for the end of an order, once."""
        await self.account.cancel(order_id)
        self.is_busy = True

    async def attend(self, snapshot: Snapshot, now_ms: int) -> None:
        """End the orders that must end, until the venue confirms, and go on with a withdrawal."""
        ending = {one.order_id for one in snapshot.working if one.cancel_requested}
        ending |= set(self.withdrawals.must_end(snapshot))
        if ending:
            await self._cancelling.cancel(sorted(ending), now_ms)
        if self.is_reconciled:
            await self.withdrawals.look(snapshot, now_ms)
        if ending or self.withdrawals.pending is not None:
            self.is_busy = True
