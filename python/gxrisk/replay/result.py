"""What a replay found, as values and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

SCHEMA: Final = "gxrisk.replay/1"


@dataclass(frozen=True, slots=True)
class BreakerTrip:
    """One trip of a breaker: when the gate found it, when it ended (None: still tripped at the end), and why."""

    breaker: str
    since: datetime
    ended: datetime | None
    cause: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ISO 8601, UTC."""
        return {
            "breaker": self.breaker,
            "since": iso(self.since),
            "ended": None if self.ended is None else iso(self.ended),
            "cause": self.cause,
        }


@dataclass(frozen=True, slots=True)
class VaultResult:
    """One account after the replay; money in the quote currency, `max_drawdown` a fraction of the peak before it.

    `rejections` counts refused orders by rule (an order can violate several, so they add up to more than `rejected`).
    `resized` orders were refused for their size and passed with a smaller one. `fills` include those of stops.
    """

    name: str
    deposit: Decimal
    equity: Decimal
    max_drawdown: Decimal
    fees: Decimal
    fills: int
    stops: int
    round_trips: int
    winners: int
    proposals: int
    approved: int
    rejected: int
    resized: int
    holds: int
    held: int
    cancelled: int
    rejections: Mapping[str, int]
    trips: tuple[BreakerTrip, ...]
    liquidated: datetime | None
    limits: Mapping[str, str] | None

    @property
    def earned(self) -> Decimal:
        """Equity less the deposit."""
        return self.equity - self.deposit

    @property
    def returned(self) -> Decimal:
        """Earned as a fraction of the deposit."""
        return self.earned / self.deposit

    def to_dict(self) -> dict[str, Any]:
        """For JSON: money and fractions as decimal strings, exact."""
        return {
            "name": self.name,
            "deposit": text(self.deposit),
            "equity": text(self.equity),
            "return": text(self.returned),
            "max_drawdown": text(self.max_drawdown),
            "fees": text(self.fees),
            "fills": self.fills,
            "stops": self.stops,
            "round_trips": self.round_trips,
            "winners": self.winners,
            "proposals": self.proposals,
            "approved": self.approved,
            "rejected": self.rejected,
            "resized": self.resized,
            "holds": self.holds,
            "held": self.held,
            "cancelled": self.cancelled,
            "rejections": dict(self.rejections),
            "trips": [trip.to_dict() for trip in self.trips],
            "liquidated": None if self.liquidated is None else iso(self.liquidated),
            "limits": None if self.limits is None else dict(self.limits),
        }


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The vaults beside the same model without a gate, and what was replayed."""

    model: str
    sources: tuple[str, ...]
    reconstruction: bool
    assets: tuple[str, ...]
    candles: int
    start: datetime
    end: datetime
    interval_s: int
    bar_s: int
    slippage_bp: Decimal
    fee_bp: Decimal
    correlated: bool
    vaults: tuple[VaultResult, ...]
    ungated: VaultResult

    def saved(self, vault: VaultResult) -> Decimal:
        """What the gate saved in `vault` against the ungated run; below zero: what it cost."""
        return vault.equity - self.ungated.equity

    def to_dict(self) -> dict[str, Any]:
        """For JSON, schema `gxrisk.replay/1`: the same for the same input, byte for byte."""
        return {
            "schema": SCHEMA,
            "model": self.model,
            "sources": list(self.sources),
            "reconstruction": self.reconstruction,
            "assets": list(self.assets),
            "candles": self.candles,
            "start": iso(self.start),
            "end": iso(self.end),
            "interval_s": self.interval_s,
            "bar_s": self.bar_s,
            "slippage_bp": text(self.slippage_bp),
            "fee_bp": text(self.fee_bp),
            "correlated": self.correlated,
            "vaults": [self._beside(vault) for vault in self.vaults],
            "ungated": self.ungated.to_dict(),
        }

    def _beside(self, vault: VaultResult) -> dict[str, Any]:
        saved = self.saved(vault)
        return vault.to_dict() | {"saved": text(saved), "saved_fraction": text(saved / vault.deposit)}


def text(value: Decimal) -> str:
    """`value` without an exponent and without trailing zeros.

    >>> text(Decimal("1E+3")), text(Decimal("0.500")), text(Decimal("-0"))
    ('1000', '0.5', '0')
    """
    plain = f"{value:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def iso(time: datetime) -> str:
    """`time` as ISO 8601 in UTC with a Z.

    >>> iso(datetime(2020, 3, 12, 10, 55, tzinfo=UTC))
    '2020-03-12T10:55:00Z'
    """
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
