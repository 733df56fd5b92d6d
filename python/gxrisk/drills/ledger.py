"""A vault's account worked out anew from its journal, by cash in and out: none of the gate's own sums is used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any, Final

_DIGITS: Final = 60  # so that nothing is rounded here
_ZERO: Final = Decimal(0)
_UNKNOWN: Final = Decimal("Infinity")
_ENDED: Final = ("cancelled", "failed", "expired")


@dataclass(slots=True)
class _Working:
    asset: str
    side: str
    left: Decimal
    price: Decimal | None
    is_reduction: bool


@dataclass(frozen=True, slots=True)
class Worst:
    """An approved opening order, with every working order filled on the side that hurts.

    `used` are the fractions that it used, by the limit that holds them (the risk scale is taken out again);
    `restricted_by` are the breakers and controls that restricted the vault then.
    """

    sequence: int
    time: str
    used: Mapping[str, Decimal]
    equity: Decimal
    restricted_by: tuple[str, ...]


@dataclass(slots=True)
class Ledger:
    """Takes the journal's records one after the other; `take` returns what an approved opening order came to.

    `groups` are the correlation groups; an asset in none is a group of its own.
    """

    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cash: Decimal = _ZERO
    positions: dict[str, Decimal] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)
    restrictions: dict[str, None] = field(default_factory=dict)
    _working: dict[str, _Working] = field(default_factory=dict)
    _scale: Decimal = Decimal(1)
    _deposited: Decimal = _ZERO
    _day_opening: Decimal | None = None
    _openings: int = 0

    def take(self, record: Mapping[str, Any]) -> Worst | None:
        """Book a record."""
        with localcontext() as context:
            context.prec = _DIGITS
            return self._take(record)

    @property
    def equity(self) -> Decimal:
        """Cash and what the positions are worth at the marks."""
        with localcontext() as context:
            context.prec = _DIGITS
            worth = (held * self.marks.get(asset, _ZERO) for asset, held in self.positions.items())
            return self.cash + sum(worth, _ZERO)

    def _take(self, record: Mapping[str, Any]) -> Worst | None:
        kind = record["kind"]
        if kind == "market":
            self.marks |= {tick["asset"]: tick["price"] for tick in record["marks"]}
        elif kind == "flow":
            self.cash += record["amount"]
            self._deposited += record["amount"]
        elif kind == "fill":
            self._fill(record)
        elif kind == "funding":
            self.cash += record["amount"]
        elif kind in _ENDED:
            self._working.pop(record["order_id"], None)
        elif kind == "risk_scale":
            self._scale = record["scale"]
        elif kind == "day":
            self._day_opening, self._openings = self.equity, 0
        elif kind == "decision" and record["outcome"] == "approved":
            return self._approved(record)
        else:
            self._restrict(record)
        return None

    def _restrict(self, record: Mapping[str, Any]) -> None:
        match record["kind"]:
            case "trip":
                self.restrictions[record["breaker"]] = None
            case "end":
                self.restrictions.pop(record["breaker"], None)
            case "paused" | "killed":
                self.restrictions[record["kind"]] = None
            case "resumed":
                self.restrictions.pop("paused", None)
            case "reactivated":
                self.restrictions.pop("killed", None)

    def _fill(self, record: Mapping[str, Any]) -> None:
        signed = record["quantity"] if record["side"] == "buy" else -record["quantity"]
        asset = record["asset"]
        self.cash -= signed * record["price"] + record["fee"]
        held = self.positions.pop(asset, _ZERO) + signed
        if held:
            self.positions[asset] = held
        working = self._working.get(record["order_id"])
        if working is not None:
            working.left -= record["quantity"]
            if working.left <= 0:
                del self._working[record["order_id"]]

    def _approved(self, record: Mapping[str, Any]) -> Worst | None:
        order = record["order"]
        self._working[record["order_id"]] = _Working(
            order["asset"], order["side"], order["quantity"], order["price"], order["reduce_only"]
        )
        if order["reduce_only"]:
            return None
        self._openings += 1
        equity = self.equity
        mark = self.marks.get(order["asset"], _UNKNOWN)
        exposures = {asset: self._exposure(asset) for asset in {*self.positions, *self._open_assets()}}
        group = next((one for one in self.groups.values() if order["asset"] in one), (order["asset"],))
        opening = self._deposited if self._day_opening is None else self._day_opening
        used = {
            "max_position_fraction": _part(order["quantity"] * max(order["price"] or mark, mark), equity) / self._scale,
            "max_leverage": max(order["leverage"], _part(sum(exposures.values(), _ZERO), equity)),
            "max_concentration": _part(exposures[order["asset"]], equity) / self._scale,
            "max_correlated_exposure": _part(sum((exposures.get(one, _ZERO) for one in group), _ZERO), equity)
            / self._scale,
            "max_daily_loss": _part(opening - equity, opening),
            "max_drawdown": _part(self._deposited - equity, self._deposited),
            "max_daily_trades": Decimal(self._openings),
            "max_open_orders": Decimal(len(self._working)),
        }
        return Worst(record["sequence"], record["time"], used, equity, tuple(self.restrictions))

    def _open_assets(self) -> set[str]:
        return {one.asset for one in self._working.values() if not one.is_reduction}

    def _exposure(self, asset: str) -> Decimal:
        """The larger of worst long and worst short, at the mark."""
        held = self.positions.get(asset, _ZERO)
        sides = {"buy": _ZERO, "sell": _ZERO}
        for one in self._working.values():
            if one.asset == asset and not one.is_reduction:
                sides[one.side] += one.left
        worst = max(_ZERO, held + sides["buy"], -held + sides["sell"])
        return worst * self.marks.get(asset, _UNKNOWN) if worst else _ZERO


def _part(amount: Decimal, whole: Decimal) -> Decimal:
    """A gate that approves without any money, or without a price, has broken every limit: that is to be told."""
    return amount / whole if whole > 0 else _UNKNOWN


def openings(records: list[dict[str, Any]], groups: Mapping[str, Sequence[str]]) -> list[Worst]:
    """Every approved opening order of a journal."""
    ledger = Ledger(groups)
    return [found for found in map(ledger.take, records) if found is not None]
