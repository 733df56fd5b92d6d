"""Round trips from flat to flat, booked as the gate books them: average cost, rounded against the trader."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from gxrisk.history.amounts import EXACT

_UNIT: Final = Decimal("1e-18")
_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Position:
    """What is held of an asset, and the round trip so far; `profit` is net of fees, funding left out."""

    asset: str
    opened_ns: int
    opened: int  # the record that opened it
    decision: int | None  # the decision that the opening fill was approved by
    quantity: Decimal = _ZERO  # signed
    cost: Decimal = _ZERO  # signed
    profit: Decimal = _ZERO
    fees: Decimal = _ZERO
    entered: Decimal = _ZERO
    entry_value: Decimal = _ZERO
    exit_value: Decimal = _ZERO
    fills: int = 0

    def row(self) -> dict[str, Any]:
        """As a row of `positions`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Booked:
    """What a fill left: the position that is held now, and the round trip that it ended."""

    held: Position | None
    trade: dict[str, Any] | None = None


def book(held: Position | None, fill: Mapping[str, Any], decision: int | None) -> Booked:
    """Book a fill. One through zero ends a round trip and opens the next; its fee is shared by quantity."""
    quantity, price, fee = fill["quantity"], fill["price"], fill["fee"]
    signed = quantity if fill["side"] == "buy" else -quantity
    if held is None or (held.quantity > 0) == (signed > 0):
        held = held or Position(fill["asset"], fill["time_ns"], fill["sequence"], decision)
        _enter(held, signed, price, fee)
        return Booked(held)
    size = abs(held.quantity)
    closed = min(size, quantity)
    closing_fee = _share(fee, closed, quantity)
    _leave(held, closed, price, closing_fee)
    if closed < size:
        return Booked(held)
    trade = _trade(held, fill)
    if closed == quantity:
        return Booked(None, trade)
    rest = Position(fill["asset"], fill["time_ns"], fill["sequence"], decision)
    _enter(rest, (quantity - closed).copy_sign(signed), price, fee - closing_fee)
    return Booked(rest, trade)


def _enter(held: Position, signed: Decimal, price: Decimal, fee: Decimal) -> None:
    held.quantity += signed
    held.cost += signed * price
    held.entered += abs(signed)
    held.entry_value += abs(signed) * price
    held.profit -= fee
    held.fees += fee
    held.fills += 1


def _leave(held: Position, closed: Decimal, price: Decimal, fee: Decimal) -> None:
    share = _share(held.cost, closed, abs(held.quantity))
    out = closed.copy_sign(held.quantity)
    held.profit += out * price - share - fee
    held.fees += fee
    held.cost -= share
    held.exit_value += closed * price
    held.quantity -= out
    held.fills += 1


def _share(whole: Decimal, part: Decimal, total: Decimal) -> Decimal:
    """The whole where it is the whole, so that nothing of a round trip is lost to rounding."""
    if part == total:
        return whole
    return EXACT.divide(whole * part, total).quantize(_UNIT, rounding=ROUND_CEILING, context=EXACT)


def _trade(ended: Position, fill: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sequence": fill["sequence"],
        "time_ns": fill["time_ns"],
        "asset": ended.asset,
        "side": "long" if fill["side"] == "sell" else "short",
        "quantity": ended.entered,
        "entry_value": ended.entry_value,
        "exit_value": ended.exit_value,
        "profit": ended.profit,
        "fees": ended.fees,
        "fills": ended.fills,
        "opened_ns": ended.opened_ns,
        "opened": ended.opened,
        "decision": ended.decision,
    }
