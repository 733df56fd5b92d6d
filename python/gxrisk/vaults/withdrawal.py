"""A withdrawal from request to payment: close everything, wait for the fills, release, pay, each step once.

What was asked for and how far it came is a note in the journal; each step can be repeated, so a crash anywhere goes on.
"""

import json
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from gxrisk._native import Gate, GxriskError, WithdrawalError
from gxrisk.snapshot import Snapshot
from gxrisk.vaults.notices import Notices
from gxrisk.vaults.proposals import exit_order, send
from gxrisk.venues.protocol import Account, InsufficientFunds

TOPIC: Final = "withdrawal"
RETRY_MS: Final = 5_000
TRIES_TOLD: Final = 12
OPERATORS_BREAKERS: Final = frozenset({"execution_failure", "fill_mismatch"})  # `resume` would end them


@dataclass(frozen=True, slots=True)
class Pending:
    """A withdrawal on its way: `closing` until the vault is flat and the gate has released it, then `paying`."""

    request: str
    nonce: str
    amount: str
    destination: str
    stage: Literal["closing", "paying"]
    was_paused: bool
    tries: int = 0
    unpaid_told: bool = False


class Withdrawals:
    """One vault's withdrawals, one at a time."""

    def __init__(self, gate: Gate, account: Account, notices: Notices) -> None:
        self._gate = gate
        self._account = account
        self._notices = notices
        kept = gate.notes.get(TOPIC)
        self.pending: Pending | None = Pending(**json.loads(kept)) if kept else None
        self._asked_ms = 0

    def request(self, request: bytes | str) -> Pending:
        """Take what the owner signed; from here on it goes its way. The same request again changes nothing.

        Raises `WithdrawalError` as `Gate.check_withdrawal` does, with the code `busy` while another one is on its way,
        and with `overdrawn` for more than the vault's equity now.
        """
        asked = self._gate.check_withdrawal(request)
        if self.pending is not None:
            if self.pending.nonce == asked["nonce"]:
                return self.pending
            raise _refused("busy", f"a withdrawal of {self.pending.amount} is on its way; wait until it is paid")
        snapshot = self._gate.snapshot()
        if asked["amount"] > snapshot.equity:
            raise _refused("overdrawn", f"the vault's equity is {snapshot.equity}; no more than that can be withdrawn")
        text = request if isinstance(request, str) else request.hex()
        pending = Pending(text, asked["nonce"], str(asked["amount"]), asked["destination"], "closing", snapshot.paused)
        self._keep(pending)
        return pending

    def stay_paused(self) -> None:
        """The owner pauses: a withdrawal on its way leaves the vault paused when it is paid."""
        if self.pending is not None and not self.pending.was_paused:
            self._keep(replace(self.pending, was_paused=True))

    async def settle(self) -> Decimal:
        """For reconciliation: what the gate has released and the venue, asked once more, could not pay."""
        if self.pending is not None and self.pending.stage == "closing" and self._is_released():
            self._keep(replace(self.pending, stage="paying"))
        if self.pending is None or self.pending.stage == "closing":
            return Decimal(0)
        amount = Decimal(self.pending.amount)
        try:
            await self._account.withdraw(self.pending.nonce, self.pending.destination, amount)
        except InsufficientFunds:
            return amount
        return Decimal(0)

    def must_end(self, snapshot: Snapshot) -> list[str]:
        """The orders that must be cancelled before the vault can be flat: all that do not reduce it for this."""
        if self.pending is None or self.pending.stage != "closing":
            return []
        return [one.order_id for one in snapshot.working if not _is_ours(one.order.client_order_id)]

    async def look(self, snapshot: Snapshot, now_ms: int) -> None:
        """Do what is next."""
        if self.pending is None:
            return
        if self.pending.stage == "closing":
            if not snapshot.paused:
                self._gate.pause()
            if snapshot.working:
                return
            if snapshot.positions:
                await self._close_positions(snapshot, now_ms)
                return
            self._release(snapshot)
        if self.pending is not None and self.pending.stage == "paying":
            await self._pay(snapshot)

    async def _close_positions(self, snapshot: Snapshot, now_ms: int) -> None:
        """Market orders for all that is held; again after five seconds where the venue did not take one."""
        if self.pending is None or (self.pending.tries and now_ms - self._asked_ms < RETRY_MS):
            return
        self._asked_ms = now_ms
        self._keep(replace(self.pending, tries=self.pending.tries + 1))
        if self.pending.tries == TRIES_TOLD:
            held = ", ".join(snapshot.positions)
            text = f"after {TRIES_TOLD} tries the venue has not closed {held}; it is asked on"
            self._notices.add(snapshot.time.isoformat(), "warning", "withdrawal_slow", text)
        for asset, position in snapshot.positions.items():
            known = f"withdraw-{self.pending.nonce[:12]}-{self.pending.tries}-{asset}"[:64]
            reasoning = f"the owner withdraws {self.pending.amount}: positions close first"
            decision = self._gate.authorize(exit_order(asset, position, 1, reasoning, known), origin="owner")
            await send(decision, self._account)

    def _is_released(self) -> bool:
        """Whether a crash came between the gate's release and the note of it."""
        try:
            self._gate.check_withdrawal(self.pending.request if self.pending else "")
        except WithdrawalError as error:
            return error.code == "replayed"
        return False

    def _release(self, snapshot: Snapshot) -> None:
        if self.pending is None:
            return
        try:
            self._gate.withdraw(self.pending.request)
        except WithdrawalError as error:
            if error.code != "replayed":  # else it was released just before a crash
                self._end(snapshot, "warning", "withdrawal_refused", f"the withdrawal ended unpaid: {error}")
                return
        self._keep(replace(self.pending, stage="paying"))

    async def _pay(self, snapshot: Snapshot) -> None:
        if self.pending is None:
            return
        amount = Decimal(self.pending.amount)
        try:
            await self._account.withdraw(self.pending.nonce, self.pending.destination, amount)
        except InsufficientFunds as error:
            if not self.pending.unpaid_told:
                self._notices.add(snapshot.time.isoformat(), "critical", "withdrawal_unpaid", str(error))
                self._keep(replace(self.pending, unpaid_told=True))
            return
        except GxriskError:
            return  # the venue is asked again at the next moment
        self._end(snapshot, "info", "withdrawal_paid", f"{amount} went to {self.pending.destination}")

    def _end(self, snapshot: Snapshot, severity: Literal["info", "warning"], code: str, text: str) -> None:
        if self.pending is not None and not self.pending.was_paused:
            ending = sorted({trip.breaker for trip in self._gate.trips} & OPERATORS_BREAKERS)
            if ending:
                text += f"; the vault stays paused, for the operator to look at {' and '.join(ending)}"
            else:
                self._gate.resume()
        self._notices.add(snapshot.time.isoformat(), severity, code, text)
        self._keep(None)

    def _keep(self, pending: Pending | None) -> None:
        self._gate.note(TOPIC, json.dumps(asdict(pending), sort_keys=True) if pending else "")
        self.pending = pending


def _is_ours(client_order_id: str | None) -> bool:
    return client_order_id is not None and client_order_id.startswith("withdraw-")


def _refused(code: str, text: str) -> WithdrawalError:
    error = WithdrawalError(text)
    error.code = code
    return error
