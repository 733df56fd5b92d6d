"""Round trips from a journal's fills: what each earned, and why it was opened.

The accounting is `gxrisk.history.round_trips`, the gate's own to the last digit: from flat to flat in one asset; a fill
through zero closes one and opens the next at its price, and its fee is shared by quantity. `profit` is net of fees;
funding is left out, since it is paid on what is held and not on what is traded (equity has it).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Any

from gxrisk.history.orders import decision_of
from gxrisk.history.round_trips import Position, book
from gxrisk.vaults.performance import EXACT

_AMOUNTS = frozenset({"quantity", "cost", "profit", "fees", "entered", "entry_value", "exit_value"})


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One round trip of `quantity` base units; money in the quote currency, `profit` net of fees.

    `opened` and `closed` are the records of the first and last fill, `decision` that of the decision that opened it:
    None where nobody approved it. `reasoning` is that decision's.
    """

    asset: str
    side: str
    quantity: Decimal
    entry_value: Decimal
    exit_value: Decimal
    profit: Decimal
    fees: Decimal
    fills: int
    opened: int
    opened_ns: int
    closed: int
    closed_ns: int
    decision: int | None
    reasoning: str | None = None

    @property
    def duration_s(self) -> float:
        """Seconds from the first fill to the last."""
        return (self.closed_ns - self.opened_ns) / 1e9


class RoundTrips:
    """The fold of fill events: takes each once, in the journal's order, and keeps what is still held."""

    def __init__(self) -> None:
        self._held: dict[str, Position] = {}

    @property
    def held(self) -> Mapping[str, Position]:
        """What is held by asset, with the round trip so far."""
        return MappingProxyType(self._held)

    def fold(self, fill: Mapping[str, Any]) -> RoundTrip | None:
        """Take a `fill` event; the round trip that it ended, still without its reasoning."""
        decision = decision_of(fill["order_id"]) if fill["approved"] else None
        with localcontext(EXACT):
            booked = book(self._held.pop(fill["asset"], None), fill, decision)
        if booked.held is not None:
            self._held[fill["asset"]] = booked.held
        if booked.trade is None:
            return None
        trade = dict(booked.trade)
        return RoundTrip(closed=trade.pop("sequence"), closed_ns=trade.pop("time_ns"), **trade)

    def to_rows(self) -> list[dict[str, Any]]:
        """What is held, for JSON: amounts as exact text."""
        rows = [self._held[asset].row() for asset in sorted(self._held)]
        return [{name: str(one) if name in _AMOUNTS else one for name, one in row.items()} for row in rows]

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]]) -> "RoundTrips":
        """The inverse of `to_rows`."""
        made = cls()
        for row in rows:
            fields: dict[str, Any] = {name: Decimal(one) if name in _AMOUNTS else one for name, one in row.items()}
            position = Position(**fields)
            made._held[position.asset] = position
        return made


def round_trips(events: Iterable[Mapping[str, Any]]) -> Iterator[RoundTrip]:
    """The finished round trips among a vault's events from its first one on, each with its reasoning.

    >>> from gxrisk import Gate, Limits, ManualClock, order
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    >>> gate.deposit(10_000)
    >>> _ = gate.mark("BTC", 100, atr=1)
    >>> opening = gate.authorize(order("BTC", "buy", 2, confidence=1, reasoning="cheap", stop_loss=98))
    >>> _ = gate.apply_fill(opening.order_id, "1", 2, 100, fee=1)
    >>> closing = gate.authorize(order("BTC", "sell", 2, confidence=1, reasoning="dear", reduce_only=True))
    >>> _ = gate.apply_fill(closing.order_id, "2", 2, 103, fee=1)
    >>> [(trip.side, str(trip.profit), trip.reasoning) for trip in round_trips(gate.events())]
    [('long', '4', 'cheap')]
    """
    fold = RoundTrips()
    reasons: dict[int, str] = {}
    for event in events:
        if event["kind"] == "decision" and event["outcome"] == "approved":
            reasons[event["sequence"]] = event["order"]["reasoning"]
        elif event["kind"] == "fill" and (trip := fold.fold(event)) is not None:
            reason = None if trip.decision is None else reasons.get(trip.decision)
            yield replace(trip, reasoning=reason)
