"""How near an account is to being taken over by the venue, position by position and as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal

from gxrisk._native import Limits
from gxrisk.protection.bounds import Number, decimal_of, percent, plain, setting
from gxrisk.protection.risk import RISK_LEVELS, RiskLevel, worst
from gxrisk.snapshot import Position, Snapshot
from gxrisk.venues.paper.exact import UNIT, ZERO, down, exact, up

AdviceCode = Literal["reduce", "diversify", "stop"]


@dataclass(frozen=True, slots=True)
class PositionRisk:
    """One position: signed `quantity`, `worth` at the mark (at cost where there is none), `profit` unrealised.

    `isolated` and `cross` are liquidation prices: by the leverage of the position alone, and by the account's equity
    with other prices as they are. None where the leverage is unknown, or no price above zero liquidates. `distance`
    is how far the nearer one is from the mark, as a fraction of it and in ATR, 0 once passed. `risk` is what is lost
    at the first of these, as a fraction of equity: the stop, liquidation, a move by the whole price (a long to zero, a
    short to twice the mark); None where it is unknown.
    """

    asset: str
    quantity: Decimal
    mark: Decimal | None
    worth: Decimal
    profit: Decimal
    isolated: Decimal | None
    cross: Decimal | None
    distance: Decimal | None
    distance_atr: Decimal | None
    risk: Decimal | None
    level: RiskLevel
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do: `reduce` the assets' positions, `diversify` away from them, or `stop` opening anything."""

    code: AdviceCode
    assets: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class PortfolioRisk:
    """The account as a whole; money in the account's currency, fractions of equity (None where equity is not above 0).

    `margin_use` is the maintenance margin over equity: at 1 the venue takes the account over. `risk` is the sum of the
    positions'. An account without positions has zeros and the level `low`.
    """

    equity: Decimal
    gross: Decimal
    profit: Decimal
    leverage: Decimal | None
    maintenance: Decimal
    margin_use: Decimal | None
    risk: Decimal | None
    level: RiskLevel
    reason: str
    positions: tuple[PositionRisk, ...]
    advice: tuple[Advice, ...]


@exact
def cross_price(quantity: Decimal, mark: Decimal, equity: Decimal, gross: Decimal, margin: Decimal) -> Decimal | None:
    """The price at which equity = margin x gross exposure, other prices as they are; None where none above 0 is.

    mark + (margin x gross - equity) / (quantity - margin x |quantity|), rounded as the paper venue rounds it, whose
    convention this is: equity at or under the maintenance margin of the gross exposure is liquidated.

    >>> cross_price(Decimal(90), Decimal(100), Decimal(1000), Decimal(9000), Decimal("0.01"))
    Decimal('89.786756453')
    """
    missing, slope = margin * gross - equity, quantity - margin * abs(quantity)
    if not slope:  # a long at a margin of 1: no price changes what is missing
        return mark if missing >= 0 else None
    price = mark + missing / slope
    rounded = down(price) if quantity > 0 else up(price)
    return rounded if rounded > 0 else None


@exact
def isolated_price(quantity: Decimal, entry: Decimal, leverage: Decimal, margin: Decimal) -> Decimal | None:
    """The liquidation price of a position by its leverage alone: entry x (1 -+ (1/leverage - margin)).

    The convention of the gate's `liquidation_buffer` rule; None where no price above 0 is.

    >>> isolated_price(Decimal(1), Decimal(100), Decimal(10), Decimal("0.01"))
    Decimal('91.000000000')
    """
    away = entry * (1 / leverage - margin)
    rounded = down(entry - away) if quantity > 0 else up(entry + away)
    return rounded if rounded > 0 else None


class LiquidationRisk:
    """Watches how near a vault is to liquidation, under its `limits` (maintenance margin, concentration, correlation).

    Each of the level settings has three thresholds, for elevated, high and critical. A position's level is the worst
    of: its `distance` under `distance_levels` (a fraction) or `atr_levels` (in ATR), its `risk` over `risk_levels`; the
    account's is the worst of its positions' and of `margin_use` over `margin_levels`. A position without a price,
    and any with equity at or under 0, is critical. `groups` are correlation groups as `set_correlation_groups` has
    them.

    Raises `ValueError` for thresholds out of range or order. Source: the formulas are the gate's and the paper venue's.

    >>> from gxrisk import Gate, Limits, order
    >>> limits = Limits.for_tier("growth")
    >>> gate = Gate("demo", limits)
    >>> guard = LiquidationRisk(limits)
    >>> empty = guard.assess(gate.snapshot())
    >>> str(empty.gross), empty.level, empty.advice
    ('0', 'low', ())
    >>> gate.deposit(1_000)
    >>> _ = gate.mark("BTC", 100, atr=1)
    >>> _ = gate.apply_fill("elsewhere", "1", 90, 100, asset="BTC", side="buy")
    >>> found = guard.assess(gate.snapshot(), atr={"BTC": 1})
    >>> [str(one.cross) for one in found.positions], found.level, [one.code for one in found.advice]
    (['89.786756453'], 'critical', ['reduce', 'diversify', 'stop'])
    """

    def __init__(
        self,
        limits: Limits,
        *,
        distance_levels: Sequence[Number] = ("0.2", "0.1", "0.05"),
        atr_levels: Sequence[Number] = (10, 5, 2),
        risk_levels: Sequence[Number] = ("0.05", "0.1", "0.25"),
        margin_levels: Sequence[Number] = ("0.25", "0.5", "0.8"),
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.limits = limits
        self.distance_levels = _levels("distance_levels", distance_levels, 1, falling=True)
        self.atr_levels = _levels("atr_levels", atr_levels, 1000, falling=True)
        self.risk_levels = _levels("risk_levels", risk_levels, 1000, falling=False)
        self.margin_levels = _levels("margin_levels", margin_levels, 1, falling=False)
        self.groups = {name: tuple(assets) for name, assets in (groups or {}).items()}

    @exact
    def assess(
        self,
        snapshot: Snapshot,
        *,
        atr: Mapping[str, Number] | None = None,
        leverage: Mapping[str, Number] | None = None,
        stops: Mapping[str, Number] | None = None,
    ) -> PortfolioRisk:
        """The risk of the vault in `snapshot`; `atr`, `leverage` (of isolated positions) and `stops` are by asset.

        What is missing is unknown: no distance in ATR, no isolated price; of stops, those of the orders that built the
        position stand (the furthest of them), so give `stops` where they were moved since.
        Raises `ValueError` for one that is no number above 0.
        """
        gross = sum((worth_of(one) for one in snapshot.positions.values()), ZERO)
        maintenance = self.limits.maintenance_margin * gross
        positions = tuple(
            self._position(snapshot, asset, gross, _of(atr, asset), _of(leverage, asset), _of(stops, asset))
            for asset in sorted(snapshot.positions)
        )
        solvent, risks = snapshot.equity > 0, [one.risk for one in positions]
        known = [one for one in risks if one is not None]
        use = _rounded(maintenance / snapshot.equity, ROUND_CEILING) if solvent else None
        level, reason = self._level(positions, use)
        return PortfolioRisk(
            equity=snapshot.equity,
            gross=gross,
            profit=sum((one.profit for one in positions), ZERO),
            leverage=_rounded(gross / snapshot.equity, ROUND_CEILING) if solvent else None,
            maintenance=maintenance,
            margin_use=use,
            risk=sum(known, ZERO) if solvent and len(known) == len(risks) else None,
            level=level,
            reason=reason,
            positions=positions,
            advice=tuple(self._advice(snapshot, positions, level, reason)),
        )

    def _position(
        self,
        snapshot: Snapshot,
        asset: str,
        gross: Decimal,
        atr: Decimal | None,
        leverage: Decimal | None,
        stop: Decimal | None,
    ) -> PositionRisk:
        held, margin = snapshot.positions[asset], self.limits.maintenance_margin
        stop = held.stop_loss if stop is None else stop
        quantity, mark, equity = held.quantity, held.mark, snapshot.equity
        isolated = cross = distance = in_atr = risk = None
        if leverage is not None:
            isolated = isolated_price(quantity, abs(held.cost / quantity), leverage, margin)
        if mark is not None:
            cross = cross_price(quantity, mark, equity, gross, margin)
            end = _nearer(quantity, isolated, cross)
            if end is not None:
                away = max(ZERO, (mark - end) if quantity > 0 else (end - mark))
                distance = _rounded(away / mark, ROUND_FLOOR)
                in_atr = None if atr is None else _rounded(away / atr, ROUND_FLOOR)
            if equity > 0:
                risk = _rounded(_loss(quantity, mark, stop, end) / equity, ROUND_CEILING)
        level, reason = self._position_level(asset, mark, equity, distance, in_atr, risk)
        profit = held.unrealised
        return PositionRisk(
            asset, quantity, mark, worth_of(held), profit, isolated, cross, distance, in_atr, risk, level, reason
        )

    def _position_level(
        self,
        asset: str,
        mark: Decimal | None,
        equity: Decimal,
        distance: Decimal | None,
        in_atr: Decimal | None,
        risk: Decimal | None,
    ) -> tuple[RiskLevel, str]:
        if mark is None:
            return "critical", f"{asset} has no price: how near it is cannot be known"
        if equity <= 0:
            return "critical", f"equity is {equity}: the account is past its liquidation"
        found: list[tuple[RiskLevel, str]] = [("low", f"{asset} is far from liquidation")]
        if distance is not None:
            text = f"{asset} is {percent(distance)} from its liquidation"
            found.append((_under(distance, self.distance_levels), text))
        if in_atr is not None:
            found.append((_under(in_atr, self.atr_levels), f"{asset} is {in_atr:.3g} ATR from its liquidation"))
        if risk is not None:
            found.append((_over(risk, self.risk_levels), f"{asset} risks {percent(risk)} of equity"))
        return max(found, key=lambda one: RISK_LEVELS.index(one[0]))

    def _level(self, positions: Sequence[PositionRisk], use: Decimal | None) -> tuple[RiskLevel, str]:
        if not positions:
            return "low", "nothing is held"
        level = worst([one.level for one in positions])
        reason = next(one.reason for one in positions if one.level == level)
        by_margin: RiskLevel = "critical" if use is None else _over(use, self.margin_levels)
        if RISK_LEVELS.index(by_margin) > RISK_LEVELS.index(level):
            return by_margin, f"the maintenance margin takes {percent(use or ZERO)} of equity"
        return level, reason

    def _advice(
        self, snapshot: Snapshot, positions: Sequence[PositionRisk], level: RiskLevel, reason: str
    ) -> list[Advice]:
        found = [
            Advice("reduce", (one.asset,), f"Reduce {one.asset}: {one.reason}.")
            for one in positions
            if one.level in ("high", "critical")
        ]
        equity, worths = snapshot.equity, {one.asset: one.worth for one in positions}
        caps: list[tuple[tuple[str, ...], str, Decimal]]
        caps = [((asset,), asset, self.limits.max_concentration) for asset in worths]
        caps += [(assets, name, self.limits.max_correlated_exposure) for name, assets in self.groups.items()]
        for assets, name, cap in caps:
            held = tuple(asset for asset in assets if asset in worths)
            worth = sum((worths[asset] for asset in held), ZERO)
            if held and worth > cap * equity:
                text = f"Diversify: {name} makes {plain(worth)}, over {percent(cap)} of equity ({plain(equity)})."
                found.append(Advice("diversify", held, text))
        if level == "critical":
            found.append(Advice("stop", tuple(worths), f"Stop opening positions: {reason}."))
        return found


def worth_of(position: Position) -> Decimal:
    """What a position is worth at its mark, at cost where it has none."""
    return abs(position.cost) if position.mark is None else abs(position.quantity * position.mark)


def _nearer(quantity: Decimal, isolated: Decimal | None, cross: Decimal | None) -> Decimal | None:
    ends = [one for one in (isolated, cross) if one is not None]
    if not ends:
        return None
    return max(ends) if quantity > 0 else min(ends)


def _loss(quantity: Decimal, mark: Decimal, stop: Decimal | None, end: Decimal | None) -> Decimal:
    """What is lost from the mark to whichever comes first: stop, liquidation, a move by the whole price."""
    whole_move = ZERO if quantity > 0 else 2 * mark
    ends = [one for one in (stop, end, whole_move) if one is not None]
    last = max(ends) if quantity > 0 else min(ends)
    return max(ZERO, quantity * (mark - last))


def _of(values: Mapping[str, Number] | None, asset: str) -> Decimal | None:
    value = None if values is None else values.get(asset)
    if value is None:
        return None
    number = decimal_of(value)
    if number is None or number <= 0:
        raise ValueError(f"{asset}: {value} was given, a number above 0 is allowed")
    return number


def _rounded(value: Decimal, rounding: str) -> Decimal:
    return value.quantize(UNIT, rounding=rounding) + ZERO


def _levels(name: str, values: Sequence[Number], high: int, *, falling: bool) -> tuple[Decimal, ...]:
    found = tuple(setting(name, one, 0, high) for one in values)
    if len(found) != len(RISK_LEVELS) - 1 or list(found) != sorted(found, reverse=falling):
        order = "falling" if falling else "rising"
        raise ValueError(f"{name}: {tuple(values)} was given, three {order} numbers are allowed")
    return found


def _under(value: Decimal, levels: Sequence[Decimal]) -> RiskLevel:
    return RISK_LEVELS[sum(value < one for one in levels)]


def _over(value: Decimal, levels: Sequence[Decimal]) -> RiskLevel:
    return RISK_LEVELS[sum(value > one for one in levels)]
