"""Wilder's average directional index, from completed bars only."""


class WilderAdx:
    """The average directional index over `period` bars, 0 to 100: how strongly a market goes one way, whichever.

    Up move = high - high before, down move = low before - low; +DM is the up move where it is above 0 and the larger,
    -DM the down move likewise. Both are summed over `period` bars, each later sum is sum - sum / period + new. DX =
    100 x |+DM - -DM| / (+DM + -DM), 0 where there was neither (the true range, by which Wilder divides both, falls out
    of the ratio); the ADX is the mean of `period` DX, each later one (before x (period - 1) + DX) / period.

    Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
    Raises `ValueError` for a period under 1.

    >>> adx = WilderAdx(2)
    >>> bars = ((10, 9), (11, 10), (12, 11), (11, 10), (10, 9))
    >>> [adx.update(*bar) for bar in bars][2:]
    [None, 50.0, 50.0]
    """

    def __init__(self, period: int) -> None:
        if period < 1:
            raise ValueError(f"period: {period} was given, 1 or more is allowed")
        self._period = period
        self._before: tuple[float, float] | None = None
        self._plus = self._minus = 0.0
        self._steps = 0
        self._sum = 0.0
        self._value: float | None = None

    @property
    def value(self) -> float | None:
        """The index now; None until twice `period` bars were seen."""
        return self._value

    def update(self, high: float, low: float) -> float | None:
        """Take the next completed bar and return the index."""
        before, self._before = self._before, (high, low)
        if before is None:
            return None
        up, down = high - before[0], before[1] - low
        self._steps += 1
        keep = 1.0 if self._steps <= self._period else 1 - 1 / self._period
        self._plus = self._plus * keep + (up if up > down and up > 0 else 0.0)
        self._minus = self._minus * keep + (down if down > up and down > 0 else 0.0)
        if self._steps >= self._period:
            self._average(self._dx())
        return self._value

    def _dx(self) -> float:
        both = self._plus + self._minus
        return 100 * abs(self._plus - self._minus) / both if both else 0.0

    def _average(self, dx: float) -> None:
        if self._value is not None:
            self._value = (self._value * (self._period - 1) + dx) / self._period
            return
        self._sum += dx
        if self._steps == 2 * self._period - 1:
            self._value = self._sum / self._period
