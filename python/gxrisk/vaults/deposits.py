"""Money paid in: credited at the venue and booked at the gate, once for each transfer."""

import json
from decimal import Decimal
from typing import Final

from gxrisk._native import Gate, VaultError
from gxrisk.venues.protocol import Account

TOPIC: Final = "deposit"


class Deposits:
    """A vault's deposits, one after the other.

    Before a deposit is booked its note says what the collateral was, so that after a crash it is known whether it was
    booked: only one deposit is ever open, and nothing else adds to the collateral.
    """

    def __init__(self, gate: Gate, account: Account) -> None:
        self._gate = gate
        self._account = account

    async def book(self, transfer_id: str, amount: Decimal) -> None:
        """Credit and book; the last transfer again changes nothing, with another amount it is a `VaultError`."""
        kept = json.loads(self._gate.notes.get(TOPIC, "{}"))
        if kept.get("transfer_id") != transfer_id:
            before = self._gate.snapshot().collateral
            kept = {"transfer_id": transfer_id, "amount": str(amount), "before": str(before)}
            self._gate.note(TOPIC, json.dumps(kept))
        elif Decimal(kept["amount"]) != amount:
            raise VaultError(f"transfer {transfer_id} was of {kept['amount']}, now it is said to be of {amount}")
        await self.finish()

    async def finish(self) -> None:
        """Bring a deposit that a crash left open to its end."""
        kept = json.loads(self._gate.notes.get(TOPIC, "{}"))
        if "before" not in kept:
            return
        amount = Decimal(kept["amount"])
        await self._account.deposit(kept["transfer_id"], amount)
        if self._gate.snapshot().collateral == Decimal(kept["before"]):
            self._gate.deposit(amount)
        del kept["before"]
        self._gate.note(TOPIC, json.dumps(kept))
