"""The market's volatility, told to the gate when it has moved enough to matter, since each time is a record."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from gxrisk._native import Gate

STEP: Final = Decimal("0.1")  # of the limit
_LARGEST: Final = 1000  # that a gate takes


class Volatility:
    """Tells one vault's gate the highest of its assets' volatilities (fractions of a day).

    Told are each crossing of the limit, either way, and each move by more than a tenth of the limit since the last
    time; before the first time it is 0. While nothing is known the gate keeps what it was told last, also over a
    restart.

    >>> from gxrisk import Limits, ManualClock
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock(0))
    >>> volatility = Volatility(gate)
    >>> for btc, eth in ((None, None), (0.04, None), (0.05, 0.06), (0.05, 0.31), (0.29, 0.301), (0.3, 0.3)):
    ...     volatility.look([btc, eth])
    ...     print(gate.snapshot().volatility, gate.state)
    0 active
    0.04 active
    0.04 active
    0.31 halted
    0.31 halted
    0.3 active
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._told = gate.snapshot().volatility

    def look(self, volatilities: Iterable[float | None]) -> None:
        """Take what is known of each asset now."""
        known = [one for one in volatilities if one is not None]
        if not known:
            return
        now = round(Decimal(min(max(known), _LARGEST)), 9)
        limit = self._gate.limits.volatility_max
        if (now > limit) != (self._told > limit) or abs(now - self._told) > limit * STEP:
            self._gate.set_volatility(now)
            self._told = now
