"""Where a stop belongs: by confidence and regime, inside what the gate allows, and trailing one way only."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, Literal

from gxrisk._native import Limits
from gxrisk.protection.bounds import Number, decimal_of, percent, setting
from gxrisk.protection.regime import REGIMES, Regime
from gxrisk.venues.paper.exact import UNIT, exact

Side = Literal["buy", "sell"]

MULTIPLIERS: Final[Mapping[Regime, Decimal]] = {
    "trending": Decimal("1.2"),
    "choppy": Decimal("0.8"),
    "volatile": Decimal("1.5"),
    "stable": Decimal("0.7"),
}


@dataclass(frozen=True, slots=True)
class StopPlan:
    """A stop-loss price, or None with the `reason` why there is none: then there is no order either.

    `distance` is from the entry, or for a trailing stop from the market (below 0 once passed), in price; `wished` the
    fraction of the entry that confidence and regime asked for.
    """

    price: Decimal | None
    distance: Decimal | None
    wished: Decimal | None
    reason: str


class DynamicStops:
    """Stops for a vault under `limits`: a fraction of the entry, held inside the gate's range.

    The wish is (base_min + (base_max - base_min) x confidence) x the regime's multiplier, 2 to 5 % of the entry: an
    unsure idea is given little room. Confidence sets room here, never size. A trend is given more room (1.2), a
    volatile market most (1.5), so that noise does not end the trade; a choppy (0.8) and a stable one (0.7) less, since
    a move of that size is news there. An unknown regime multiplies by 1.

    The price is then held between `stop_atr_min` and `stop_atr_max` ATR from the entry and, on leverage, before the
    `liquidation_buffer`, compared as the gate compares: exactly, both ends included. It lies on the venue's `tick`,
    rounded towards the entry where the range leaves the choice. Where the range is empty there is no stop.

    Raises `ValueError` for settings out of range.

    >>> from gxrisk import Limits
    >>> stops = DynamicStops(Limits.for_tier("growth"))
    >>> plan = stops.stop("buy", 100, atr="1.5", confidence=0.5, regime="trending")
    >>> str(plan.price), str(plan.wished), plan.reason
    ('95.800000000', '0.042', '4.2 % of the entry')
    >>> plan = stops.stop("buy", 100, atr="0.5", confidence=0.5, regime="volatile")
    >>> str(plan.price), plan.reason
    ('98.000000000', '5.25 % of the entry, drawn in to 4 ATR')
    >>> stops.stop("buy", 100, atr=None, confidence=0.5, regime="stable").reason
    'the ATR is None: without one above 0 no stop can be placed'
    """

    def __init__(
        self,
        limits: Limits,
        *,
        base_min: Number = Decimal("0.02"),
        base_max: Number = Decimal("0.05"),
        multipliers: Mapping[Regime, Number] = MULTIPLIERS,
        tick: Number = UNIT,
    ) -> None:
        self.limits = limits
        self.base_min = setting("base_min", base_min, "0.0001", "0.5")
        self.base_max = setting("base_max", base_max, self.base_min, "0.5")
        if sorted(multipliers) != sorted(REGIMES):
            raise ValueError(f"multipliers: {sorted(multipliers)} was given, one for each of {REGIMES} is allowed")
        self.multipliers = {name: setting(f"multipliers[{name}]", one, "0.1", 10) for name, one in multipliers.items()}
        self.tick = setting("tick", tick, UNIT, 10**18)

    @exact
    def stop(
        self,
        side: Side,
        entry: Number,
        *,
        atr: Number | None,
        confidence: Number,
        regime: Regime | None,
        leverage: Number = 1,
    ) -> StopPlan:
        """The stop of an order on `side` at `entry` (its limit price, else the mark), with the gate's ATR of the asset.

        `regime` is None where it is not known. A number that is missing or out of range gives no stop and the reason;
        a `side` or `regime` that does not exist raises `ValueError`.
        """
        sign = _sign(side)
        factor = self._factor(regime)
        price, unit, sure, geared = (decimal_of(one) for one in (entry, atr, confidence, leverage))
        if price is None or price <= 0:
            return _none(f"the entry is {entry}: a price above 0 is needed")
        if unit is None or unit <= 0:
            return _none(f"the ATR is {atr}: without one above 0 no stop can be placed")
        if sure is None or not 0 <= sure <= 1:
            return _none(f"the confidence is {confidence}: 0 to 1 is allowed")
        if geared is None or geared < 1:
            return _none(f"the leverage is {leverage}: 1 or more is allowed")
        wished = (self.base_min + (self.base_max - self.base_min) * sure) * factor
        return self._placed(sign, price, unit, geared, wished.normalize())

    @exact
    def trail(
        self,
        side: Side,
        stop: Number,
        price: Number,
        *,
        atr: Number | None,
        confidence: Number,
        regime: Regime | None,
        leverage: Number = 1,
    ) -> StopPlan:
        """The stop of a position that was opened on `side`, with the market at `price`: never further than `stop`.

        The stop that `stop` would place now where that is nearer, else the present one: up only for a long, down only
        for a short. Where none can be placed the present one stays: a stop is never taken away. Raises `ValueError`
        for a present stop that is no price.

        >>> from gxrisk import Limits
        >>> stops, one = DynamicStops(Limits.for_tier("growth")), Decimal(96)
        >>> for price in (100, 104, 101):
        ...     one = stops.trail("buy", one, price, atr=2, confidence=0.5, regime=None).price
        ...     print(one)
        96.500000000
        100.360000000
        100.360000000
        """
        present = decimal_of(stop)
        if present is None or present <= 0:
            raise ValueError(f"stop: {stop} was given, a price above 0 is allowed")
        plan = self.stop(side, price, atr=atr, confidence=confidence, regime=regime, leverage=leverage)
        market = decimal_of(price)
        away = None if market is None else (market - present) * _sign(side)
        if plan.price is None:
            return StopPlan(present, away, None, f"the stop stays: {plan.reason}")
        if (plan.price - present) * _sign(side) > 0:
            return plan
        return StopPlan(present, away, plan.wished, "the stop stays: it only moves towards the market")

    def _factor(self, regime: Regime | None) -> Decimal:
        if regime is None:
            return Decimal(1)
        if regime not in self.multipliers:
            raise ValueError(f"regime: {regime!r} was given, one of {REGIMES} or None is allowed")
        return self.multipliers[regime]

    def _placed(self, sign: int, entry: Decimal, atr: Decimal, leverage: Decimal, wished: Decimal) -> StopPlan:
        """The wish, held between the nearest and the furthest that the gate lets through."""
        limits, distance = self.limits, entry * wished
        nearest, furthest, bound = limits.stop_atr_min * atr, limits.stop_atr_max * atr, f"{limits.stop_atr_max} ATR"
        if leverage > 1:
            room = entry * limits.liquidation_share * (1 - limits.maintenance_margin * leverage) / leverage
            if room < furthest:
                furthest, bound = room, f"{percent(limits.liquidation_share)} of the way to liquidation"
        ends = self._inside(entry, sign, nearest, furthest)
        if ends is None:
            far = f"{furthest:.9f}".rstrip("0").rstrip(".")
            return _none(
                f"no stop lies {limits.stop_atr_min} ATR or more from the entry ({nearest:f}), "
                f"within {bound} ({far}) and above 0"
            )
        low, high = ends
        toward = ROUND_CEILING if sign > 0 else ROUND_FLOOR
        price = min(max(self._on_tick(entry - sign * distance, toward), low), high)
        reason = f"{percent(wished)} of the entry"
        if distance > furthest:
            reason += f", drawn in to {bound}"
        elif distance < nearest:
            reason += f", moved out to {limits.stop_atr_min} ATR"
        return StopPlan(price.quantize(UNIT), abs(entry - price).quantize(UNIT), wished, reason)

    def _inside(self, entry: Decimal, sign: int, nearest: Decimal, furthest: Decimal) -> tuple[Decimal, Decimal] | None:
        """The lowest and highest price on a tick within the range, on the losing side; None where there is none."""
        least = max(nearest, UNIT)
        near, far = entry - sign * least, entry - sign * furthest
        low = max(self._on_tick(min(near, far), ROUND_CEILING), self.tick)
        high = self._on_tick(max(near, far), ROUND_FLOOR)
        return (low, high) if least <= furthest and low <= high else None

    def _on_tick(self, price: Decimal, rounding: str) -> Decimal:
        return (price / self.tick).to_integral_value(rounding) * self.tick


def _sign(side: Side) -> int:
    if side not in ("buy", "sell"):
        raise ValueError(f"side: {side!r} was given, 'buy' or 'sell' is allowed")
    return 1 if side == "buy" else -1


def _none(reason: str) -> StopPlan:
    return StopPlan(None, None, None, reason)
