"""The average true range, from completed bars only."""

from typing import Final

PERIOD: Final = 14


class WilderAtr:
    """Wilder's average true range over `period` bars, in the price's unit.

    True range = max(high, close before) - min(low, close before), for the first bar high - low. The first average is
    the mean of `period` true ranges, each later one (before x (period - 1) + true range) / period.

    Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
    Raises `ValueError` for a period under 1.

    >>> atr = WilderAtr(2)
    >>> [atr.update(high, low, close) for high, low, close in ((12, 10, 11), (15, 11, 14), (14, 9, 10))]
    [None, 3.0, 4.0]
    """

    def __init__(self, period: int = PERIOD) -> None:
        if period < 1:
            raise ValueError(f"period: {period} was given, 1 or more is allowed")
        self._period = period
        self._seen = 0
        self._sum = 0.0
        self._close = 0.0
        self._value: float | None = None

    @property
    def value(self) -> float | None:
        """The average now; None until `period` bars were seen."""
        return self._value

    def update(self, high: float, low: float, close: float) -> float | None:
        """Take the next completed bar and return the average."""
        true_range = high - low
        if self._seen:
            true_range = max(high, self._close) - min(low, self._close)
        self._seen += 1
        self._close = close
        if self._value is not None:
            self._value = (self._value * (self._period - 1) + true_range) / self._period
        else:
            self._sum += true_range
            if self._seen == self._period:
                self._value = self._sum / self._period
        return self._value
