"""How a strategy did: returns free of deposits and withdrawals, and the field's statistics of them.

Money and fractions are exact `Decimal`s (returns to the eighteenth digit); what needs a square root is a float. The
definitions are those of Bacon, Practical Portfolio Performance Measurement and Attribution (2nd ed., 2008), the Sharpe
ratio that of Sharpe, The Sharpe Ratio (Journal of Portfolio Management, 1994).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from math import sqrt
from typing import Final

EXACT: Final = Context(prec=100)
HOURS_A_YEAR: Final = 24 * 365  # markets that never close
_DIGITS: Final = Decimal("1e-18")
_INDEX_DIGITS: Final = Decimal("1e-36")
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Sample:
    """Equity at `at_ms` (UTC, feed time), and what was earned since the sample before.

    `gain` = equity - equity before - deposits + withdrawals; `capital` is what it was earned with: equity before plus
    each flow weighted by the share of the time that it was there. `drawdown` is the gate's, a fraction.
    """

    at_ms: int
    equity: Decimal
    gain: Decimal
    capital: Decimal
    drawdown: Decimal
    gross_exposure: Decimal

    @property
    def returned(self) -> Decimal:
        """The period's return, `gain / capital` (Modified Dietz): a flow alone returns nothing.

        Linked with `Curve`, these are the time-weighted return. Without capital it is 0, or -1 where money was lost.

        >>> Sample(3_600_000, Decimal(1510), Decimal(10), Decimal(1250), Decimal(0), Decimal(0)).returned
        Decimal('0.008000000000000000')
        """
        if self.capital <= 0:
            return -_ONE if self.gain < 0 else _ZERO
        return EXACT.divide(self.gain, self.capital).quantize(_DIGITS, ROUND_HALF_EVEN, EXACT)


@dataclass(frozen=True, slots=True)
class Curve:
    """Running statistics of returns: exact sums, so that the order of folding and a restart change nothing.

    >>> curve = Curve.of(Decimal(r) for r in ("0.01", "-0.02", "0.03"))
    >>> curve.total_return, curve.max_drawdown
    (Decimal('0.019494000000000000'), Decimal('0.020000000000000000'))
    """

    count: int = 0
    total: Decimal = _ZERO
    squares: Decimal = _ZERO
    index: Decimal = _ONE
    peak: Decimal = _ONE
    max_drawdown: Decimal = _ZERO

    @classmethod
    def of(cls, returns: Iterable[Decimal]) -> "Curve":
        """The statistics of `returns`, oldest first."""
        curve = cls()
        for returned in returns:
            curve = curve.after(returned)
        return curve

    def after(self, returned: Decimal) -> "Curve":
        """One return more."""
        with localcontext(EXACT):
            index = (self.index * (1 + returned)).quantize(_INDEX_DIGITS, ROUND_HALF_EVEN)
            peak = max(self.peak, index)
            fall = ((peak - index) / peak).quantize(_DIGITS, ROUND_HALF_EVEN)
            return Curve(
                self.count + 1,
                self.total + returned,
                self.squares + returned * returned,
                index,
                peak,
                max(self.max_drawdown, fall),
            )

    @property
    def total_return(self) -> Decimal:
        """The time-weighted return: product of (1 + r), less 1."""
        return EXACT.subtract(self.index, _ONE).quantize(_DIGITS, ROUND_HALF_EVEN, EXACT)

    @property
    def variance(self) -> Decimal | None:
        """Sample variance of a period's return (divided by n - 1); None below two returns."""
        if self.count < 2:
            return None
        with localcontext(EXACT):
            return (self.squares - self.total * self.total / self.count).quantize(_INDEX_DIGITS) / (self.count - 1)

    @property
    def volatility(self) -> float | None:
        """Annualised standard deviation of hourly returns: s x sqrt(24 x 365); None below two returns."""
        variance = self.variance
        return None if variance is None else sqrt(variance) * sqrt(HOURS_A_YEAR)

    @property
    def sharpe(self) -> float | None:
        """Annualised Sharpe ratio of hourly returns: mean / s x sqrt(24 x 365), the risk-free rate taken as 0.

        None below two returns, or where they do not vary.
        """
        variance = self.variance
        if not variance:
            return None
        return float(self.total) / self.count / sqrt(variance) * sqrt(HOURS_A_YEAR)


@dataclass(frozen=True, slots=True)
class Trades:
    """Round trips counted: `won` and `lost` are the sums of the profits and of the losses, both not negative.

    >>> trades = Trades().after(Decimal(30)).after(Decimal(-10)).after(Decimal(0))
    >>> trades.count, trades.win_rate, trades.profit_factor, trades.average
    (3, Decimal('0.333333333333333333'), Decimal('3.000000000000000000'), Decimal('6.666666666666666667'))
    """

    count: int = 0
    winners: int = 0
    losers: int = 0
    won: Decimal = _ZERO
    lost: Decimal = _ZERO

    def after(self, profit: Decimal) -> "Trades":
        """One round trip more; `profit` net of fees."""
        won, lost = max(profit, _ZERO), max(-profit, _ZERO)
        return self + Trades(1, int(profit > 0), int(profit < 0), won, lost)

    def __add__(self, other: "Trades") -> "Trades":
        """Both together."""
        return Trades(
            self.count + other.count,
            self.winners + other.winners,
            self.losers + other.losers,
            EXACT.add(self.won, other.won),
            EXACT.add(self.lost, other.lost),
        )

    @property
    def win_rate(self) -> Decimal | None:
        """The share of round trips with a profit above 0; one that ends at 0 is not won. None without any."""
        return _ratio(Decimal(self.winners), Decimal(self.count))

    @property
    def profit_factor(self) -> Decimal | None:
        """Sum of profits / sum of losses; None where nothing was lost."""
        return _ratio(self.won, self.lost)

    @property
    def average(self) -> Decimal | None:
        """Average profit of a round trip in the quote currency; None without any."""
        return _ratio(EXACT.subtract(self.won, self.lost), Decimal(self.count))


@dataclass(frozen=True, slots=True)
class Performance:
    """A stretch of a vault's life: `profit` in the quote currency, all else as `Curve` and `Trades` define it.

    `exposure` is the average of gross exposure / equity over the samples; `from_ms` to `until_ms` are UTC, feed time.
    """

    from_ms: int
    until_ms: int
    profit: Decimal
    exposure: Decimal | None
    curve: Curve
    trades: Trades


def exposure(samples: Iterable[Sample]) -> Decimal | None:
    """The average of gross exposure / equity over `samples`; None where no sample has equity.

    >>> exposure([Sample(0, Decimal(100), Decimal(0), Decimal(100), Decimal(0), Decimal(50))])
    Decimal('0.500000000000000000')
    """
    with localcontext(EXACT):
        shares = [sample.gross_exposure / sample.equity for sample in samples if sample.equity > 0]
        return _ratio(sum(shares, _ZERO), Decimal(len(shares)))


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return EXACT.divide(part, whole).quantize(_DIGITS, ROUND_HALF_EVEN, EXACT) if whole else None
