"""What a gap would leave of an account, and the least that must be closed before it to survive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final, Literal

from gxrisk._native import Limits
from gxrisk.protection.bounds import Number, decimal_of, percent, setting
from gxrisk.snapshot import Position, Snapshot
from gxrisk.venues.paper.exact import UNIT, ZERO, exact

ScenarioKind = Literal["all", "group", "asset"]

GAPS: Final = (Decimal("0.1"), Decimal("0.2"), Decimal("0.3"), Decimal("0.5"))


@dataclass(frozen=True, slots=True)
class Closing:
    """A `quantity` (above 0) of a position to close at the mark, `worth` that much."""

    asset: str
    quantity: Decimal
    worth: Decimal


@dataclass(frozen=True, slots=True)
class StressRow:
    """One gap: `kind` and `name` say what moves (`all`, a group, one asset), `gap` by what signed fraction.

    `loss`, `equity` and `maintenance` are after the gap with nothing closed; the account survives with equity above
    the maintenance margin. `close_first` is the least worth that must be closed before it, the first to close first;
    empty where the account survives. Costs of closing are not in it.
    """

    kind: ScenarioKind
    name: str
    gap: Decimal
    loss: Decimal
    equity: Decimal
    maintenance: Decimal
    survives: bool
    close_first: tuple[Closing, ...]
    reason: str


class StressTest:
    """Gaps of `gaps` (fractions) against a vault: all assets at once, each group, and each asset alone.

    Down where something long moves, up where something short does. A gap is met at once: no stop helps. Positions are
    held cross: the account's equity stands for all, with the limits' maintenance margin of the gross exposure after
    the gap, as the paper venue has it.

    What must be closed first: with loss l, maintenance m and worth w of each position in the gap, closing a part x of
    it saves x (l + m). The least worth closed is reached by closing in the order of (l + m) / w, the last one in part:
    the continuous knapsack (G. B. Dantzig, Discrete-Variable Extremum Problems, Operations Research 5, 1957).

    Raises `ValueError` for gaps outside 0 to 1.

    >>> from gxrisk import Gate, Limits
    >>> limits = Limits.for_tier("growth")
    >>> gate = Gate("demo", limits)
    >>> gate.deposit(1_000)
    >>> _ = gate.mark("BTC", 100)
    >>> _ = gate.apply_fill("elsewhere", "1", 40, 100, asset="BTC", side="buy")
    >>> for row in StressTest(limits).run(gate.snapshot())[:3]:
    ...     print(row.gap, row.survives, [(one.asset, str(one.quantity)) for one in row.close_first])
    -0.1 True []
    -0.2 True []
    -0.3 False [('BTC', '7.426710098')]
    """

    def __init__(
        self, limits: Limits, *, gaps: Sequence[Number] = GAPS, groups: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.margin = limits.maintenance_margin
        self.gaps = tuple(setting("gaps", gap, "0.000001", 1) for gap in gaps)
        self.groups = {name: tuple(assets) for name, assets in (groups or {}).items()}

    @exact
    def run(self, snapshot: Snapshot, *, lot_steps: Mapping[str, Number] | None = None) -> tuple[StressRow, ...]:
        """Every scenario for the vault in `snapshot`; none of an empty one. Quantities to close are on `lot_steps`.

        A position without a mark is counted at cost, and then no row survives: what is unknown is not survived.
        """
        held = snapshot.positions
        steps = {asset: decimal_of((lot_steps or {}).get(asset)) or UNIT for asset in held}
        scenarios: list[tuple[ScenarioKind, str, Sequence[str]]] = [("all", "all", tuple(sorted(held)))]
        scenarios += [("group", name, self.groups[name]) for name in sorted(self.groups)]
        scenarios += [("asset", asset, (asset,)) for asset in sorted(held)]
        rows: list[StressRow] = []
        for kind, name, assets in scenarios:
            moving = [asset for asset in assets if asset in held]
            for sign in (-1, 1):
                if any(held[asset] * sign < 0 for asset in moving):
                    rows += [
                        _row(kind, name, sign * gap, _Account(snapshot, self.margin, moving, sign * gap), steps)
                        for gap in self.gaps
                    ]
        return tuple(rows)


class _Account:
    """A vault in a gap: what a unit of each position loses, and what margin it then needs."""

    def __init__(self, snapshot: Snapshot, margin: Decimal, moving: Sequence[str], gap: Decimal) -> None:
        self.equity_before = snapshot.equity
        self.blind = sorted(asset for asset, held in snapshot.positions.items() if held.mark is None)
        self.sizes = {asset: abs(held.quantity) for asset, held in snapshot.positions.items()}
        self.prices = {asset: _price(held) for asset, held in snapshot.positions.items()}
        moves = {asset: gap if asset in moving else ZERO for asset in self.sizes}
        self.losses = {
            asset: -self.prices[asset] * moves[asset] * (1 if held > 0 else -1)
            for asset, held in snapshot.positions.items()
        }
        self.margins = {asset: margin * self.prices[asset] * (1 + moves[asset]) for asset in self.sizes}

    def after(self, closed: Mapping[str, Decimal]) -> tuple[Decimal, Decimal]:
        """Equity and maintenance margin after the gap, with these quantities closed before it."""
        kept = {asset: size - closed.get(asset, ZERO) for asset, size in self.sizes.items()}
        equity = self.equity_before - sum((kept[asset] * self.losses[asset] for asset in kept), ZERO)
        return equity, sum((kept[asset] * self.margins[asset] for asset in kept), ZERO)

    def closings(self, steps: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """The quantities to close, in the order of what closing saves per unit of worth, larger positions first."""
        saved = {asset: self.losses[asset] + self.margins[asset] for asset in self.sizes}
        worths = {asset: size * self.prices[asset] for asset, size in self.sizes.items()}
        order = sorted(worths, key=lambda one: (-saved[one] / self.prices[one], -worths[one], one))
        closed: dict[str, Decimal] = {}
        equity, maintenance = self.after(closed)
        missing = maintenance - equity
        for asset in order:
            if missing < 0 or saved[asset] <= 0:
                break
            # one step more than is missing: equity at the margin is taken over
            needed = missing / saved[asset]
            closed[asset] = min(self.sizes[asset], (needed // steps[asset] + 1) * steps[asset])
            missing -= closed[asset] * saved[asset]
        return closed


def _price(position: Position) -> Decimal:
    """The mark, or the entry price where there is none."""
    return position.mark if position.mark is not None else position.cost / position.quantity


def _row(kind: ScenarioKind, name: str, gap: Decimal, account: _Account, steps: Mapping[str, Decimal]) -> StressRow:
    equity, maintenance = account.after({})
    is_solvent = account.equity_before > 0
    closed = account.closings(steps) if is_solvent and equity <= maintenance else {}
    first = tuple(
        Closing(asset, quantity, (quantity * account.prices[asset]).quantize(UNIT, ROUND_CEILING))
        for asset, quantity in closed.items()
    )
    survives = is_solvent and equity > maintenance and not account.blind
    if account.blind:
        reason = f"{', '.join(account.blind)} has no price: what is unknown is not survived"
    elif not is_solvent:
        reason = "equity is gone already: closing everything does not bring it back"
    elif survives:
        reason = f"{percent(equity / account.equity_before)} of equity is left, above the maintenance margin"
    else:
        reason = f"close {', '.join(closed)} first"
    return StressRow(kind, name, gap, account.equity_before - equity, equity, maintenance, survives, first, reason)
