"""Money paid in: credited at the venue and booked at the gate, once for each transfer."""

import json
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from gxrisk._native import Gate, VaultError
from gxrisk.venues.protocol import Account

TOPIC: Final = "deposit"
KEPT: Final = 200
AMOUNT_MAX: Final = Decimal(10**15)
_UNIT: Final = Decimal("1e-9")


class Deposits:
    """A vault's deposits, one after the other.

    Before a deposit is booked its note says what the collateral was, so that after a crash it is known whether it was
    booked: only one deposit is ever open, and nothing else changes the collateral meanwhile. The last 200 transfers are
    known again; one still older the venue would not credit again, so that reconciliation finds it.

    `is_open` says whether a deposit began and is not known to be booked.
    """

    def __init__(self, gate: Gate, account: Account) -> None:
        self._gate = gate
        self._account = account
        self.is_open = self._kept()["open"] is not None

    async def book(self, transfer_id: str, amount: Decimal) -> None:
        """Credit and book; a known transfer again changes nothing, with another amount it is a `VaultError`."""
        _check(transfer_id, amount)
        await self.finish()
        kept = self._kept()
        known = kept["done"].get(_key(transfer_id))
        if known is None:
            before = self._gate.snapshot().collateral
            kept["open"] = {"transfer_id": transfer_id, "amount": str(amount), "before": str(before)}
            self._keep(kept)
            await self.finish()
        elif Decimal(known) != amount:
            raise VaultError(f"transfer {transfer_id} was of {known}, now it is said to be of {amount}")

    async def finish(self) -> None:
        """Bring a deposit that a crash or an unreachable venue left open to its end."""
        begun = self._kept()["open"]
        if begun is None:
            return
        amount = Decimal(begun["amount"])
        await self._account.deposit(begun["transfer_id"], amount)
        kept = self._kept()
        if kept["open"] != begun:
            return  # somebody else finished it meanwhile
        if self._gate.snapshot().collateral == Decimal(begun["before"]):
            self._gate.deposit(amount)
        done = {**kept["done"], _key(begun["transfer_id"]): begun["amount"]}
        self._keep({"open": None, "done": dict(list(done.items())[-KEPT:])})

    def _keep(self, kept: dict[str, Any]) -> None:
        self._gate.note(TOPIC, json.dumps(kept))
        self.is_open = kept["open"] is not None

    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = json.loads(self._gate.notes.get(TOPIC, '{"open": null, "done": {}}'))
        return kept


def _check(transfer_id: str, amount: Decimal) -> None:
    """Refuse what venue or gate would refuse, before anything of it is written down."""
    if not isinstance(transfer_id, str) or not 1 <= len(transfer_id) <= 128:
        raise VaultError(f"transfer_id: {transfer_id!r} was given, 1 to 128 characters are allowed")
    if not isinstance(amount, Decimal) or not amount.is_finite() or not 0 < amount <= AMOUNT_MAX or amount % _UNIT:
        raise VaultError(
            f"amount: {amount!r} was given, a Decimal above 0, at most {AMOUNT_MAX}, with at most nine digits after "
            "the point is allowed"
        )


def _key(transfer_id: str) -> str:
    return sha256(transfer_id.encode()).hexdigest()[:16]
