"""What a venue does to an account while the fault lasts: each wraps the paper account and changes one thing."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from gxrisk._native import Approval, Order
from gxrisk.venues.paper.account import PaperAccount
from gxrisk.venues.paper.exact import exact
from gxrisk.venues.paper.orders import WorkingOrder
from gxrisk.venues.protocol import Cancelled, Failed, Filled, Report, Statement, VenueError
from gxrisk.venues.through import Through

LATE_MS: Final = 180_000
_FEE_AGAIN_BP_FROM: Final = 10_000


class Faulted(Through):
    """A paper account that hands everything on; `lasts` are the UTC milliseconds of the fault."""

    account: PaperAccount

    def __init__(self, account: PaperAccount, lasts: range) -> None:
        super().__init__(account)
        self.lasts = lasts

    @property
    def is_faulty(self) -> bool:
        """Whether the fault lasts now."""
        return self.account.book.now_ms in self.lasts


class Rejecting(Faulted):
    """Takes no order, exits included; stops that it has already still work."""

    async def submit(self, approval: Approval) -> None:
        """Refused, and reported so."""
        await self.account.submit(approval)
        if not self.is_faulty:
            return
        book = self.account.book
        if book.orders.pop(approval.order_id, None) is not None:
            book.pending.append(Failed(book.number(), book.at, approval.order_id, "the venue takes no orders"))
            self.account.commit()


class Hanging(Faulted):
    """Gives no answer: requests run into the adapter's timeout; every other order that was sent arrived."""

    def __init__(self, account: PaperAccount, lasts: range) -> None:
        super().__init__(account, lasts)
        self._sent = 0

    async def submit(self, approval: Approval) -> None:
        """Arrives or not: who asked does not know."""
        if not self.is_faulty:
            await self.account.submit(approval)
            return
        self._sent += 1
        if self._sent % 2:
            await self.account.submit(approval)
        raise VenueError("no answer within the time for it")

    async def cancel(self, order_id: str) -> None:
        """Not there."""
        self._answer()
        await self.account.cancel(order_id)

    async def reports(self, after: int) -> Sequence[Report]:
        """Not there."""
        # An order can only be lost once the vault tries to send one, so what happened before is still told.
        if self._sent:
            self._answer()
        return await self.account.reports(after)

    async def statement(self) -> Statement:
        """Not there."""
        self._answer()
        return await self.account.statement()

    def _answer(self) -> None:
        if self.is_faulty:
            raise VenueError("no answer within the time for it")


class Retelling(Faulted):
    """Tells the inner account's reports under numbers of its own, so that it may tell more, or later."""

    def __init__(self, account: PaperAccount, lasts: range) -> None:
        super().__init__(account, lasts)
        self._heard = 0
        self._told: list[Report] = []

    async def reports(self, after: int) -> Sequence[Report]:
        """What is told by now, from `after` on."""
        for report in await self.account.reports(self._heard):
            self._heard = report.sequence
            self.hear(report)
        self.settle()
        return self._told[after:]

    def hear(self, report: Report) -> None:
        """Take the inner account's next report."""
        self.tell(report)

    def settle(self) -> None:
        """Tell what has become due."""

    def tell(self, report: Report) -> None:
        """Put a report into what is told."""
        self._told.append(replace(report, sequence=len(self._told) + 1))


class Late(Retelling):
    """Says that an order is cancelled which it has filled, and tells of the fill three minutes later."""

    def __init__(self, account: PaperAccount, lasts: range) -> None:
        super().__init__(account, lasts)
        self._held: deque[tuple[int, Report]] = deque()

    def hear(self, report: Report) -> None:
        """Fills wait, and what comes after them waits with them; the false cancel does not."""
        due_ms = self._held[-1][0] if self._held else 0
        if self.is_faulty and isinstance(report, Filled) and report.leg == "order":
            due_ms = max(due_ms, self.account.book.now_ms + LATE_MS)
            self.settle()
            self.tell(Cancelled(0, report.at, report.order_id, "cancelled, says the venue"))
        self._held.append((due_ms, report))

    def settle(self) -> None:
        """Tell what has waited long enough."""
        while self._held and self._held[0][0] <= self.account.book.now_ms:
            self.tell(self._held.popleft()[1])


class Repeating(Retelling):
    """Tells of every fill twice."""

    def hear(self, report: Report) -> None:
        """The same fill again, under the next number."""
        self.tell(report)
        if self.is_faulty and isinstance(report, Filled):
            self.tell(report)


class FillingTwice(Faulted):
    """Executes the first opening order of the fault a second time: the account holds twice what was approved."""

    def __init__(self, account: PaperAccount, lasts: range) -> None:
        super().__init__(account, lasts)
        self._openings: dict[str, Order] = {}
        self._is_done = False

    async def submit(self, approval: Approval) -> None:
        """Remember what it was."""
        if not approval.order.reduce_only:
            self._openings[approval.order_id] = approval.order
        await self.account.submit(approval)

    async def reports(self, after: int) -> Sequence[Report]:
        """With the second execution, as soon as there was a first one."""
        if self.is_faulty and not self._is_done:
            for report in await self.account.reports(after):
                if isinstance(report, Filled) and report.leg == "order" and report.order_id in self._openings:
                    self._is_done = True
                    self._fill_again(report)
                    break
        return await self.account.reports(after)

    @exact
    def _fill_again(self, fill: Filled) -> None:
        book = self.account.book
        order = self._openings[fill.order_id].replace(quantity=fill.quantity)
        again = WorkingOrder.of(fill.order_id, order, book.now_ms, book.now_ms)
        fee_bp = fill.fee * _FEE_AGAIN_BP_FROM / (fill.quantity * fill.price)
        book.fill_order(again, fill.quantity, fill.price, fee_bp, book.now_ms)
        self.account.commit()


VenueFault = Callable[[PaperAccount, range], Faulted]
