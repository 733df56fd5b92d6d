"""The gate's account against the venue's: balance, positions, open orders."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk._native import Gate
from gxrisk.agent.strategy import REASONING_CHARS_MAX
from gxrisk.snapshot import Snapshot
from gxrisk.vaults.booking import Booking
from gxrisk.vaults.notices import Notices, printable
from gxrisk.venues.protocol import Account, Statement

TOPIC: Final = "reconciliation"
DIFFERENCES_MAX: Final = 50  # that are named; all are counted
DIFFERENCE_CHARS_MAX: Final = 200
STATEMENTS_MAX: Final = 10
BALANCE_TOLERANCE: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing of which the gate and the venue do not say the same: `what` is `balance`, an asset or an order id."""

    what: str
    gate: str
    venue: str

    def __str__(self) -> str:
        return f"{self.what}: the gate has {self.gate}, the venue {self.venue}"


async def reconcile(
    gate: Gate, booking: Booking, account: Account, notices: Notices, owed: Decimal
) -> tuple[Difference, ...]:
    """Compare gate and venue; what differs is noted, restricts the vault and is told. `owed` as in `differences`.

    What was redeemed and never reached the venue, since a crash came between, is ended first.
    """
    statement = await statement_at_rest(booking, account)
    sent = [one.order_id for one in gate.snapshot().working if one.status != "approved"]
    lost = [order_id for order_id in sent if order_id not in statement.open_orders]
    for order_id in lost:
        await account.cancel(order_id)
    if lost:
        statement = await statement_at_rest(booking, account)
    found = differences(gate.snapshot(), statement, owed=owed)
    told = [printable(str(one))[:DIFFERENCE_CHARS_MAX] for one in found[:DIFFERENCES_MAX]]
    if (noted := json.dumps(told, ensure_ascii=False)) != gate.notes.get(TOPIC, "[]"):
        if not found:
            text = "gate and venue agree again; what was restricted for it, an operator's resume ends"
            notices.add(statement.at.isoformat(), "info", "reconciled", text)
        gate.note(TOPIC, noted)
    if found:
        left = f"; and {len(found) - len(told)} more" if len(found) > len(told) else ""
        text = "; ".join(told) + left
        gate.report_mismatch(text[:REASONING_CHARS_MAX])
        notices.add(statement.at.isoformat(), "critical", "reconciliation", text)
    return found


async def statement_at_rest(booking: Booking, account: Account) -> Statement:
    """A statement and the reports as of one instant: taken anew while more was reported in between, ten times at most.

    Otherwise a fill that came between the two would be told as a difference.
    """
    await booking.catch_up()
    for _ in range(STATEMENTS_MAX):
        statement = await account.statement()
        if not await booking.catch_up():
            break
    return statement


def differences(
    snapshot: Snapshot,
    statement: Statement,
    *,
    owed: Decimal = Decimal(0),
    balance_tolerance: Decimal = BALANCE_TOLERANCE,
) -> tuple[Difference, ...]:
    """What differs, once all the venue's reports are booked: the balance first, then assets and orders by name.

    The balance is money without unrealised profit and may differ by `balance_tolerance`, in the quote currency;
    `owed` is what the gate has released and the venue has not paid yet. Positions and open orders may not differ at
    all. Approvals that nobody redeemed are not at the venue.

    >>> from datetime import UTC, datetime
    >>> from gxrisk import Gate, Limits, ManualClock
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    >>> gate.deposit(10_000)
    >>> at = datetime(2020, 3, 12, tzinfo=UTC)
    >>> theirs = Statement(at, Decimal("10000.01"), {"BTC": Decimal(1)}, frozenset())
    >>> [str(one) for one in differences(gate.snapshot(), theirs)]
    ['BTC: the gate has 0, the venue 1']
    """
    found = []
    balance = snapshot.collateral + snapshot.realised - snapshot.fees + snapshot.funding + owed
    if abs(balance - statement.balance) > balance_tolerance:
        found.append(Difference("balance", str(balance), str(statement.balance)))
    for asset in sorted(snapshot.positions.keys() | statement.positions.keys()):
        ours = Decimal(snapshot.positions.get(asset, 0))
        theirs = statement.positions.get(asset, Decimal(0))
        if ours != theirs:
            found.append(Difference(asset, str(ours), str(theirs)))
    sent = {one.order_id for one in snapshot.working if one.status != "approved"}
    for order_id in sorted(sent ^ statement.open_orders):
        here, there = ("working", "not working") if order_id in sent else ("not working", "working")
        found.append(Difference(order_id, here, there))
    return tuple(found)
