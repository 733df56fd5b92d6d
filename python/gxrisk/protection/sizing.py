"""How much of an order is sane: fractional Kelly under caps, and never more than the gate would pass."""

from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Literal

from gxrisk._native import AgentGate, Gate, Order
from gxrisk.protection.bounds import Number, decimal_of, percent, plain, setting
from gxrisk.snapshot import Snapshot
from gxrisk.venues.paper.exact import UNIT, ZERO, exact

SizeCap = Literal["input", "wish", "kelly", "floor", "fraction", "volatility", "risk", "gate"]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of an order to propose: `quantity` in base units on the lot step, 0 for nothing.

    `fraction` is its notional over equity. `kelly` is the full Kelly fraction before share, buffer and caps, None
    where no edge was known. `cap` is what binds: `wish` (the order asked for no more), `input` (something is missing
    or wrong), else the cap's name; None for an exit, which no cap touches. `reasons` are sentences, the binding one
    first. `own` is the quantity that the caps leave without the gate's.
    """

    quantity: Decimal
    fraction: Decimal
    kelly: float | None
    cap: SizeCap | None
    reasons: tuple[str, ...]
    own: Decimal = ZERO


class PositionSizer:
    """Fractional Kelly with a buffer, a hard cap, a volatility cap, a risk cap, and the gate's own maximum.

    Of an opening order the smallest of these is left, as a fraction of equity in notional:

    - `wish`: the order's own quantity; a guard never enlarges
    - `kelly`: kelly_share x (1 - buffer) x edge / volatility^2; without a known edge `floor` instead
    - `fraction`: `fraction_max`, the hard cap
    - `volatility`: volatility_max / volatility, so that one standard deviation moves equity by `volatility_max`
    - `risk`: `risk_max` / distance to the stop, so that the stop costs at most `risk_max` of equity
    - `gate`: `max_quantity`, exactly

    Volatility under `volatility_floor` counts as that, so a frozen price is no reason for a large size. Settings are
    fractions; `ValueError` says what was given and what is allowed.

    Sources: J. L. Kelly, A New Interpretation of Information Rate, Bell System Technical Journal 35, 1956 (the
    criterion); E. O. Thorp, The Kelly Criterion in Blackjack, Sports Betting and the Stock Market, in Handbook of
    Asset and Liability Management, 2006, section 7 (edge / variance; why a share of it).

    >>> from gxrisk import Gate, Limits, order
    >>> gate = Gate("demo", Limits.for_tier("growth"))
    >>> gate.deposit(10_000)
    >>> _ = gate.mark("BTC", 100, atr=1)
    >>> idea = order("BTC", "buy", 1_000, confidence=0.9, reasoning="breakout", stop_loss=97)
    >>> size = PositionSizer().size(idea, gate, edge=0.002, volatility=0.05)
    >>> str(size.quantity), size.cap, round(size.kelly, 2)
    ('18', 'kelly', 0.8)
    >>> PositionSizer().size(idea, gate, edge=None, volatility=0.05).reasons
    ('no edge is known: 0 % of equity, the floor',)
    """

    def __init__(
        self,
        *,
        kelly_share: Number = Decimal("0.25"),
        buffer: Number = Decimal("0.1"),
        fraction_max: Number = Decimal("0.25"),
        volatility_max: Number = Decimal("0.02"),
        volatility_floor: Number = Decimal("0.001"),
        risk_max: Number = Decimal("0.02"),
        floor: Number = Decimal(0),
    ) -> None:
        self.kelly_share = setting("kelly_share", kelly_share, 0, 1)
        self.buffer = setting("buffer", buffer, 0, 1)
        self.fraction_max = setting("fraction_max", fraction_max, 0, 1000)
        self.volatility_max = setting("volatility_max", volatility_max, 0, 1)
        self.volatility_floor = setting("volatility_floor", volatility_floor, "0.000001", 1)
        self.risk_max = setting("risk_max", risk_max, 0, "0.05")
        self.floor = setting("floor", floor, 0, "0.05")

    @exact
    def size(
        self,
        order: Order,
        gate: Gate | AgentGate,
        *,
        edge: float | None,
        volatility: float | None,
        scale: Number = 1,
        lot_step: Number = UNIT,
    ) -> Size:
        """The size of `order`, judged against the vault as it is now.

        `edge` is the return expected of this order in one period, in its own direction and per unit of notional (see
        `estimate_edge`), None where nobody knows; `volatility` is the standard deviation of the return in that same
        period. Where the market moves more than in the record, give the larger of both deviations. `scale` (0 to 1)
        makes all but the gate's maximum smaller; see `AdaptiveLimits`. `lot_step` is the venue's step of quantity.

        Needs a mark of the asset. An edge or volatility that is NaN, infinite or negative, and anything missing,
        gives 0 and the reason. An exit keeps its quantity.
        """
        snapshot = gate.snapshot()
        if order.reduce_only:
            return Size(
                order.quantity, _fraction(order, snapshot), None, None, ("an exit is not sized",), order.quantity
            )
        problem = _problem(order, snapshot, edge, volatility, scale, lot_step)
        if problem is not None:
            return Size(ZERO, ZERO, None, "input", (problem,))
        deviation = max(float(volatility or 0.0), float(self.volatility_floor))
        notes = () if deviation == volatility else (f"the volatility counts as its floor, {percent(deviation)}",)
        kelly = None if edge is None else edge / (deviation * deviation)
        caps = self._caps(order, snapshot, kelly, deviation, decimal_of(scale) or ZERO)
        step = decimal_of(lot_step) or UNIT
        own = plain(min(most for most, _ in caps.values()) // step * step)
        caps["gate"] = (gate.max_quantity(order), "the gate would pass no more (`validate_order` says why)")
        cap = min(caps, key=lambda name: caps[name][0])
        quantity = plain(caps[cap][0] // step * step)
        return Size(quantity, _fraction(order, snapshot, quantity), kelly, cap, (caps[cap][1], *notes), own)

    def _caps(
        self, order: Order, snapshot: Snapshot, kelly: float | None, deviation: float, scale: Decimal
    ) -> dict[SizeCap, tuple[Decimal, str]]:
        """Each cap's quantity and sentence, the gate's left out."""
        entry, price = _prices(order, snapshot)
        scaled = snapshot.equity * scale
        if kelly is None:
            first: SizeCap = "floor"
            wanted, sentence = self.floor, f"no edge is known: {percent(self.floor)} of equity, the floor"
        else:
            first = "kelly"
            # a billion times equity is over every cap; so a quotient that overflowed is finite again
            full = Decimal(min(kelly, 1e9)).quantize(UNIT)
            wanted = self.kelly_share * (1 - self.buffer) * full
            share = f"{percent(self.kelly_share)} of Kelly less a buffer of {percent(self.buffer)}"
            sentence = f"{share}: {percent(wanted)} of equity"
        steady = self.volatility_max / Decimal(deviation)
        caps: dict[SizeCap, tuple[Decimal, str]] = {
            "wish": (order.quantity, "the order asks for no more"),
            first: (wanted * scaled / price, sentence),
            "fraction": (self.fraction_max * scaled / price, f"at most {percent(self.fraction_max)} of equity"),
            "volatility": (
                steady * scaled / price,
                f"at {percent(deviation)} volatility at most {percent(steady)} of equity",
            ),
        }
        if order.stop_loss is not None and order.stop_loss != entry:
            risked = self.risk_max * scaled / abs(entry - order.stop_loss)
            caps["risk"] = (risked, f"at most {percent(self.risk_max)} of equity may be lost at the stop")
        return caps


def _prices(order: Order, snapshot: Snapshot) -> tuple[Decimal, Decimal]:
    """Entry and price of notional, as the gate has them; 0 without a mark."""
    mark = snapshot.marks.get(order.asset, ZERO)
    entry = mark if order.price is None else order.price
    return entry, max(entry, mark)


def _fraction(order: Order, snapshot: Snapshot, quantity: Decimal | None = None) -> Decimal:
    worth = (order.quantity if quantity is None else quantity) * _prices(order, snapshot)[1]
    return plain((worth / snapshot.equity).quantize(UNIT)) if snapshot.equity > 0 else ZERO


def _is_finite(value: float) -> bool:
    return not isinstance(value, bool) and isfinite(value)


def _problem(
    order: Order, snapshot: Snapshot, edge: float | None, volatility: float | None, scale: Number, lot_step: Number
) -> str | None:
    """Why nothing can be sized."""
    if order.asset not in snapshot.marks:
        return f"{order.asset} has no mark"
    if snapshot.equity <= 0:
        return f"equity is {snapshot.equity}: there is nothing to size"
    if volatility is None or not _is_finite(volatility) or volatility < 0:
        return f"the volatility is {volatility}: a finite fraction of 0 or more is needed"
    if edge is not None and (not _is_finite(edge) or edge <= 0):
        return f"the edge is {edge:.4g}: only a finite edge above 0 is worth a position"
    fraction, step = decimal_of(scale), decimal_of(lot_step)
    if fraction is None or not 0 <= fraction <= 1:
        return f"the scale is {scale}: 0 to 1 is allowed"
    if step is None or step <= 0:
        return f"the lot step is {lot_step}: a step above 0 is needed"
    return None
