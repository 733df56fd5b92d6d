"""What the venue reports, told to the gate: each report as often as it comes, with the effect of once."""

from typing import Final, assert_never

from gxrisk._native import Gate, InvalidOrder, Order, VaultError
from gxrisk.agent.strategy import REASONING_CHARS_MAX
from gxrisk.venues.protocol import Accepted, Account, Cancelled, Failed, Filled, FundingPaid, Report

TOPIC: Final = "venue"


class Booking:
    """From a venue's reports to the gate. The cursor is noted now and then; what comes again changes nothing."""

    def __init__(self, gate: Gate, account: Account) -> None:
        self._gate = gate
        self._account = account
        self._noted = self.cursor = int(gate.notes.get(TOPIC, "0"))

    async def catch_up(self) -> int:
        """Book all new reports; how many there were. Raises `VenueError` when they cannot be had."""
        reports = await self._account.reports(self.cursor)
        for report in reports:
            if report.sequence > self.cursor + 1:
                self._gate.report_mismatch(f"the venue's reports go from {self.cursor} to {report.sequence}")
            self._book(report)
            self.cursor = max(self.cursor, report.sequence)
        return len(reports)

    def note(self) -> None:
        """Keep the cursor, so that a restart need not begin with the first report."""
        if self.cursor != self._noted:
            self._gate.note(TOPIC, str(self.cursor))
            self._noted = self.cursor

    def _book(self, report: Report) -> None:
        gate = self._gate
        try:
            match report:
                case Accepted():
                    gate.order_accepted(report.order_id)
                case Filled(leg="order"):
                    gate.apply_fill(
                        report.order_id,
                        report.fill_id,
                        report.quantity,
                        report.price,
                        report.fee,
                        asset=report.asset,
                        side=report.side,
                    )
                case Filled():
                    self._book_leg(report)
                case Cancelled():
                    gate.order_cancelled(report.order_id)
                case Failed():
                    gate.order_failed(report.order_id, report.reason)
                case FundingPaid():
                    gate.funding(report.asset, report.amount, at=report.at)
                case _:
                    assert_never(report)
        except (VaultError, InvalidOrder) as error:
            # The venue tells nonsense, or of what this gate never approved: no reason to stop listening, but to trade
            # no further.
            gate.report_mismatch(f"the venue's report {report.sequence} does not fit: {error}"[:REASONING_CHARS_MAX])

    def _book_leg(self, report: Filled) -> None:
        """An exit that the opening order's approval named: authorized as protection, then booked as its fill.

        The fill is the proof of redemption. Refused, or expired since a crash, it is booked all the same.
        """
        exit_order = Order(
            report.asset,
            report.side,
            report.quantity,
            confidence=1,
            reasoning=f"{report.leg} of {report.order_id}, executed at the venue at {report.price}",
            reduce_only=True,
            client_order_id=f"{report.leg}-{report.fill_id}"[:64],
        )
        decision = self._gate.authorize(exit_order, origin="protection")
        order_id = decision.order_id if decision else exit_order.client_order_id
        self._gate.apply_fill(
            order_id or report.fill_id,
            report.fill_id,
            report.quantity,
            report.price,
            report.fee,
            asset=report.asset,
            side=report.side,
        )
