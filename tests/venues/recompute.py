"""An account worked out anew from its reports alone, in fractions: nothing of the venue's code is used."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from gxrisk.venues import Filled, FundingPaid, Report


class Recomputed:
    """Cash is what came in and went out; a position's cost is at average entry, its closing gain realised."""

    def __init__(self, deposited: Decimal, reports: Iterable[Report]) -> None:
        self.cash = self.balance = Fraction(deposited)
        self.quantities: dict[str, Fraction] = {}
        self.averages: dict[str, Fraction] = {}
        self.closes = 0
        for report in reports:
            if isinstance(report, FundingPaid):
                self.cash += Fraction(report.amount)
                self.balance += Fraction(report.amount)
            elif isinstance(report, Filled):
                self._fill(report)

    def _fill(self, fill: Filled) -> None:
        quantity = self.quantities.get(fill.asset, Fraction(0))
        average = self.averages.get(fill.asset, Fraction(0))
        price, fee = Fraction(fill.price), Fraction(fill.fee)
        change = Fraction(fill.quantity) if fill.side == "buy" else -Fraction(fill.quantity)
        self.cash -= change * price + fee
        self.balance -= fee
        after = quantity + change
        if quantity * change >= 0:
            average = (quantity * average + change * price) / after
        else:
            self.closes += 1
            closed = quantity if abs(change) >= abs(quantity) else -change
            self.balance += closed * (price - average)
            if quantity * after < 0:
                average = price
        self.quantities[fill.asset], self.averages[fill.asset] = after, average

    def agrees(self, balance: Decimal, positions: dict[str, Decimal]) -> None:
        """Assert that a statement says the same: positions exactly; the balance exactly when flat, else to rounding."""
        assert {asset: Fraction(one) for asset, one in positions.items()} == {
            asset: one for asset, one in self.quantities.items() if one
        }
        assert abs(Fraction(balance) - self.balance) <= self.closes * Fraction(1, 10**18)
        if not positions:
            assert Fraction(balance) == self.cash
