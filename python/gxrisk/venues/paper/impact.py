"""How far an order moves the market: the square-root law on a trailing window of bars."""

from collections import deque
from decimal import ROUND_CEILING, Decimal
from math import fsum, isfinite
from typing import Final

RETURNS_MIN: Final = 20  # under so many returns the volatility is not known
_FRACTION: Final = Decimal("1e-12")


def traded(volume: float) -> float:
    """A bar's volume; what is no finite number counts as none."""
    return volume if isfinite(volume) and volume > 0 else 0.0


class TrailingWindow:
    """Volatility and volume a bar, from the last `bars` completed bars of an asset.

    Impact = Y x sigma x sqrt(quantity / volume), as a fraction of the price: sigma is the root mean square of
    close-to-close returns, volume the mean volume of a bar. The law holds for any length of bar alike, since sigma
    grows with its square root and volume with itself.

    Source: Toth et al., Anomalous price impact and the critical nature of liquidity in financial markets, Physical
    Review X 1, 021006 (2011); Y is of order one. Almgren et al., Direct estimation of equity market impact, Risk 18
    (2005), measured an exponent of 3/5 instead of 1/2 and the same scaling with sigma and volume.

    >>> window = TrailingWindow(60)
    >>> for number in range(21):
    ...     window.add(Decimal(100 + number % 2), 50.0)
    >>> window.impact(Decimal(2), Decimal(1)), window.volume
    (Decimal('0.001990123640'), 50.0)
    """

    def __init__(self, bars: int) -> None:
        self._volumes: deque[float] = deque(maxlen=bars)
        self._returns: deque[float] = deque(maxlen=bars)
        self._close: float | None = None
        self._known: tuple[float | None, float | None] | None = None
        self.last_volume = 0.0

    def add(self, close: Decimal, volume: float) -> None:
        """Take the next completed bar."""
        self.last_volume = traded(volume)
        self._volumes.append(self.last_volume)
        price = float(close)
        if self._close is not None:
            self._returns.append(price / self._close - 1)
        self._close = price
        self._known = None

    @property
    def has_bars(self) -> bool:
        """Whether any bar was seen."""
        return self._close is not None

    @property
    def volume(self) -> float | None:
        """The mean volume of a bar; None when no bar of the window had any."""
        return self._measured()[1]

    def impact(self, quantity: Decimal, factor: Decimal) -> Decimal | None:
        """The impact of `quantity` with Y = `factor`, as a fraction rounded up; None when it cannot be known."""
        variance, volume = self._measured()
        if variance is None or volume is None:
            return None
        square = factor * factor * Decimal(variance) * quantity / Decimal(volume)
        return square.sqrt().quantize(_FRACTION, rounding=ROUND_CEILING)

    def _measured(self) -> tuple[float | None, float | None]:
        if self._known is None:
            variance = volume = None
            if len(self._returns) >= RETURNS_MIN:
                variance = fsum(one * one for one in self._returns) / len(self._returns)
            if any(self._volumes):
                volume = fsum(self._volumes) / len(self._volumes)
            self._known = variance, volume
        return self._known
