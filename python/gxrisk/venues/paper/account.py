"""A vault's account at the paper venue: approvals in, reports out, each change on the disk before it is told."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TypeVar

from gxrisk._native import Approval
from gxrisk.venues.paper.book import Book
from gxrisk.venues.paper.codec import encode_book, restore_book
from gxrisk.venues.paper.costs import PaperError
from gxrisk.venues.paper.exact import UNIT, exact
from gxrisk.venues.paper.orders import WorkingOrder
from gxrisk.venues.paper.store import Connections, Store, Transfer
from gxrisk.venues.protocol import InsufficientFunds, Redeem, Report, Statement, VenueError

_T = TypeVar("_T")


class PaperAccount:
    """One book and its file. A failure of either ends the account until it is opened again, and no other account.

    Everything is done when a call returns; nothing awaits, so calls of one event loop never interleave. Not for use
    from several threads.
    """

    def __init__(
        self,
        book: Book,
        redeem: Redeem,
        connections: Connections,
        marks: Mapping[str, Decimal],
        touched: Callable[["PaperAccount"], None],
    ) -> None:
        self.book = book
        self.failure: VenueError | None = None
        self._redeem = redeem
        self._marks = marks
        self._touched = touched
        self._store = Store(book.vault_id, connections)
        state = self._guarded(self._store.load)
        if state is not None:
            self._guarded(lambda: restore_book(book, state))
        # Moments up to here are in the file: told again, they change nothing.
        self.resumed_ms, self.resumed_count = book.since_ms, book.since_count

    async def submit(self, approval: Approval) -> None:
        """Redeem `approval` and send its order; an order that the venue knows is not sent again."""
        if not isinstance(approval, Approval):
            raise TypeError(f"a venue takes approvals alone, not {type(approval).__name__}")
        self._check()
        order_id = approval.order_id
        if self._guarded(lambda: self._store.order_known(order_id)):
            return
        order = self._redeem(approval)
        sent_ms = self.book.sent_ms
        self.book.orders[order_id] = WorkingOrder.of(order_id, order, sent_ms, sent_ms + self.book.costs.latency_ms)
        self.commit(order_id=order_id)
        self._touched(self)

    async def cancel(self, order_id: str) -> None:
        """Send the cancel of a live order; of any other, report `Cancelled` once."""
        self._check()
        order = self.book.orders.get(order_id)
        if order is not None:
            if order.cancel_ms is None:
                order.cancel_ms = self.book.sent_ms + self.book.costs.latency_ms
                self.commit()
                self._touched(self)
        elif not self._guarded(lambda: self._store.order_cancelled(order_id)):
            self.book.cancel(order_id, "nothing of it works here")
            self.commit()

    async def reports(self, after: int) -> Sequence[Report]:
        """All reports with a sequence above `after`, oldest first."""
        self._check()
        if after >= self.book.sequence:
            return ()
        return self._guarded(lambda: self._store.reports(after))

    async def statement(self) -> Statement:
        """The account now."""
        self._check()
        ledger = self.book.ledger
        positions = {asset: one.quantity for asset, one in ledger.positions.items()}
        return Statement(self.book.at, ledger.balance, positions, frozenset(self.book.orders))

    @exact
    def _transfer(self, wanted: Transfer) -> None:
        if not isinstance(wanted.amount, Decimal) or not wanted.amount.is_finite() or wanted.amount <= 0:
            raise PaperError(f"amount: {wanted.amount!r} was given, a Decimal above 0 is allowed")
        if wanted.amount % UNIT:
            raise PaperError(f"amount: {wanted.amount} was given, at most nine digits after the point are allowed")
        self._check()
        done = self._guarded(lambda: self._store.transfer(wanted.transfer_id))
        if done is not None:
            if done != wanted:
                raise PaperError(f"transfer_id: {wanted.transfer_id} was used for another transfer")
            return
        ledger = self.book.ledger
        if wanted.destination is None:
            ledger.balance += wanted.amount
        else:
            equity = min(ledger.balance, ledger.equity(self._marks))
            free = equity - ledger.gross(self._marks) / self.book.costs.leverage_max
            if wanted.amount > free:
                raise InsufficientFunds(f"{wanted.amount} was asked for, {max(free, Decimal(0)):f} is free")
            ledger.balance -= wanted.amount
        self.commit(transfer=wanted)
        self._touched(self)

    async def deposit(self, transfer_id: str, amount: Decimal) -> None:
        """Credit a deposit, once for each `transfer_id`; the same id with another amount is a `PaperError`."""
        self._transfer(Transfer(transfer_id, amount, None))

    async def withdraw(self, transfer_id: str, destination: str, amount: Decimal) -> None:
        """Take paper money out, as far as no position needs it as margin."""
        self._transfer(Transfer(transfer_id, amount, destination))

    async def close(self) -> None:
        """Let go of the file; orders go on working."""
        self._store.close()

    def renew(self, redeem: Redeem) -> None:
        """The vault was opened anew: redeem with its new gate."""
        self._redeem = redeem

    def commit(self, *, order_id: str | None = None, transfer: Transfer | None = None) -> None:
        """Make the book's changes durable; only then can anyone read their reports."""
        book = self.book
        self._guarded(lambda: self._store.commit(encode_book(book), book.pending, order_id=order_id, transfer=transfer))
        book.pending.clear()
        book.changed = False

    def fail(self, error: Exception) -> VenueError:
        """Give the account up: what is on the disk is the truth, and what was in memory is gone."""
        vault_id = self.book.vault_id
        self.failure = error if isinstance(error, VenueError) else VenueError(f"{vault_id}: {error!r}")
        self._touched(self)
        with suppress(sqlite3.Error):  # the file is given up either way
            self._store.close()
        return self.failure

    def _check(self) -> None:
        if self.failure is not None:
            raise VenueError(f"{self.book.vault_id}: the account failed and was given up: {self.failure}")

    def _guarded(self, step: Callable[[], _T]) -> _T:
        try:
            return step()
        except Exception as error:
            raise self.fail(error) from error
