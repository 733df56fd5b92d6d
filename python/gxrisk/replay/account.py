"""A perpetual-style account: what an exchange keeps when there is no gate."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from gxrisk.replay.costs import Side

_COST_UNIT: Final = Decimal("1e-18")
_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class _Holding:
    quantity: Decimal = _ZERO  # signed
    cost: Decimal = _ZERO  # signed sum of quantity x price
    trip: Decimal = _ZERO  # P&L of the round trip so far, net of fees


class Account:
    """Collateral, positions at average cost, realised P&L and fees in exact decimals; no limits whatever.

    Equity = collateral + realised + unrealised - fees, at the last marks. A fill through zero closes the old position
    and opens the rest at the fill price; a partial close takes its share of the cost, rounded against the trader.
    Funding is left out.

    >>> account = Account(Decimal(1000))
    >>> account.apply("BTC", "buy", Decimal(2), Decimal(100), Decimal(1))
    >>> account.mark("BTC", Decimal(110))
    >>> account.equity, account.quantity("BTC")
    (Decimal('1019'), Decimal('2'))
    >>> account.apply("BTC", "sell", Decimal(2), Decimal(105), Decimal(1))
    Decimal('8.000000000000000000')
    """

    def __init__(self, collateral: Decimal) -> None:
        self.collateral = collateral
        self.realised = _ZERO
        self.fees = _ZERO
        self._holdings: dict[str, _Holding] = {}
        self._marks: dict[str, Decimal] = {}

    @property
    def equity(self) -> Decimal:
        """What the account is worth at the last marks; a position without a mark counts at its cost."""
        return self.collateral + self.realised - self.fees + sum(map(self._unrealised, self._holdings), _ZERO)

    @property
    def positions(self) -> dict[str, Decimal]:
        """The signed quantity of every asset that is not flat."""
        return {asset: held.quantity for asset, held in self._holdings.items() if held.quantity}

    def quantity(self, asset: str) -> Decimal:
        """The signed quantity of `asset`, 0 when flat."""
        held = self._holdings.get(asset)
        return held.quantity if held else _ZERO

    def mark(self, asset: str, price: Decimal) -> None:
        """Take the newest price of `asset`."""
        self._marks[asset] = price

    def last_mark(self, asset: str) -> Decimal:
        """The newest price of `asset`; `KeyError` before the first."""
        return self._marks[asset]

    def apply(self, asset: str, side: Side, quantity: Decimal, price: Decimal, fee: Decimal) -> Decimal | None:
        """Book a fill; the P&L of the round trip that it ended, net of fees, or None when it ended none."""
        held = self._holdings.setdefault(asset, _Holding())
        signed = quantity if side == "buy" else -quantity
        self.fees += fee
        closed = min(quantity, abs(held.quantity)) if held.quantity * signed < 0 else _ZERO
        closing_fee = fee * closed / quantity
        ended = self._close(held, closed, price, closing_fee) if closed else None
        if rest := quantity - closed:
            held.quantity += rest.copy_sign(signed)
            held.cost += rest.copy_sign(signed) * price
            held.trip -= fee - closing_fee
        return ended

    def _close(self, held: _Holding, closed: Decimal, price: Decimal, fee: Decimal) -> Decimal | None:
        whole = closed == abs(held.quantity)
        share = held.cost if whole else held.cost * closed / abs(held.quantity)
        share = share.quantize(_COST_UNIT, rounding=ROUND_CEILING)
        profit = closed.copy_sign(held.quantity) * price - share
        self.realised += profit
        held.quantity -= closed.copy_sign(held.quantity)
        held.cost -= share
        held.trip += profit - fee
        if not whole:
            return None
        ended, held.trip = held.trip, _ZERO
        return ended

    def _unrealised(self, asset: str) -> Decimal:
        held = self._holdings[asset]
        mark = self._marks.get(asset)
        return _ZERO if mark is None or not held.quantity else held.quantity * mark - held.cost
