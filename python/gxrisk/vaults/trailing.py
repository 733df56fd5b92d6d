"""Stops that follow the market: the leg at the venue stays, and the vault leaves once a nearer stop was crossed.

Legs cannot be moved at a venue, and taking one away to put another would leave a moment without. So the leg of the
opening order stays as the last resort, while this stop is watched here, at each mark.
"""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Final

from gxrisk._native import Gate
from gxrisk.protection.bounds import plain
from gxrisk.protection.regime import Regime, RegimeDetector
from gxrisk.protection.stops import DynamicStops
from gxrisk.snapshot import Snapshot
from gxrisk.vaults.dealings import Dealings
from gxrisk.vaults.market import Bars
from gxrisk.vaults.notices import Notices
from gxrisk.vaults.proposals import exit_order
from gxrisk.vaults.protecting import Protection
from gxrisk.vaults.track_record import Opening
from gxrisk.venues.protocol import Side

TOPIC: Final = "trailing"
RETRY_MS: Final = 5_000
_PREFIX: Final = "trail-"
_log = logging.getLogger("gxrisk.vaults")


@dataclass(frozen=True, slots=True)
class Trailed:
    """The stop of the position that the record `opened` began; once it is `crossed`, that position is left."""

    opened: int
    side: Side
    stop: Decimal
    crossed: bool = False

    def is_crossed_at(self, mark: Decimal) -> bool:
        """Whether the market is at the stop, or beyond it.

        >>> long, short = Trailed(1, "buy", Decimal(99)), Trailed(1, "sell", Decimal(101))
        >>> [(long.is_crossed_at(mark), short.is_crossed_at(mark)) for mark in map(Decimal, (98, 99, 100, 101, 102))]
        [(True, False), (True, False), (False, False), (False, True), (False, True)]
        """
        return mark <= self.stop if self.side == "buy" else mark >= self.stop


class TrailingStops:
    """A vault's trailed stops, by asset; the note `trailing` has them, so a restart goes on where it was.

    `held` says which opening a position comes from, None where that is not known; `stops` places them. A stop moves at
    completed bars, towards the market only, and only for positions that have one at the venue. It is crossed by marks:
    by closes of candles and by trades, not by what lies between them. Then the position is closed by a market order of
    the origin `protection`, which no halt holds back; again after five seconds where the venue did not take it.
    """

    def __init__(
        self,
        gate: Gate,
        dealings: Dealings,
        stops: DynamicStops,
        held: Callable[[str], Opening | None],
        notices: Notices,
    ) -> None:
        self._dealings = dealings
        self._gate = gate
        self._stops = stops
        self._held = held
        self._notices = notices
        self._asked_ms: dict[str, int] = {}
        self._regimes: dict[str, RegimeDetector] = {}  # told of each bar: of the whole history it takes too long here
        self.trailed = _read(gate)

    def move(self, assets: Iterable[str], bars: Bars) -> None:
        """Bars of these assets were completed: draw their stops nearer, where the market went on."""
        self._stops.limits = self._gate.limits
        before = dict(self.trailed)
        snapshot = self._gate.snapshot()
        self.trailed = {asset: one for asset, one in self.trailed.items() if asset in snapshot.positions}
        for asset in assets:
            detector = self._regimes.setdefault(asset, RegimeDetector())
            regime = detector.update(bars.history(asset)[-1]).regime
            if asset in snapshot.positions:
                self._move(asset, regime, snapshot, bars)
        if self.trailed != before:
            self._keep()

    async def watch(self, now_ms: int) -> None:
        """Leave what is beyond its stop. Raises `VenueError` where it is not known whether the order arrived."""
        if not self.trailed or not self._dealings.is_reconciled:
            return
        snapshot = self._gate.snapshot()
        for asset, one in tuple(self.trailed.items()):
            opening, mark = self._held(asset), snapshot.marks.get(asset)
            if asset not in snapshot.positions or opening is None or opening.sequence != one.opened:
                continue  # another position than it was for
            if not one.crossed and mark is not None and one.is_crossed_at(mark):
                one = replace(one, crossed=True)
                self.trailed[asset] = one
                self._keep()  # first, since after a crash the market may be back
                text = (
                    f"{asset} is at {plain(mark)}, beyond the stop that followed it to {plain(one.stop)}: it is closed"
                )
                self._notices.add(snapshot.time.isoformat(), "info", "trailed_stop", text)
            if one.crossed:
                await self._leave(asset, one, snapshot, now_ms)

    def _move(self, asset: str, regime: Regime | None, snapshot: Snapshot, bars: Bars) -> None:
        opening, position = self._held(asset), snapshot.positions[asset]
        known, last = self.trailed.get(asset), bars.history(asset)[-1]
        if opening is None:
            return
        if known is not None and known.opened != opening.sequence:
            known = None
        at_venue = position.stop_loss
        if (known is not None and known.crossed) or (at_venue is None and known is None):
            return  # it is being closed already, or never had one
        side: Side = "buy" if position.quantity > 0 else "sell"
        present = _nearer(side, at_venue, None if known is None else known.stop)
        plan = self._stops.trail(
            side,
            present,
            last.close,
            atr=bars.atr(asset),
            confidence=opening.confidence or 0,
            regime=regime,
        )
        if plan.price is not None:
            self.trailed[asset] = Trailed(opening.sequence, side, plan.price)

    async def _leave(self, asset: str, one: Trailed, snapshot: Snapshot, now_ms: int) -> None:
        is_leaving = any(
            each.order.asset == asset and (each.order.client_order_id or "").startswith(_PREFIX)
            for each in snapshot.working
        )
        if is_leaving or now_ms - self._asked_ms.get(asset, -RETRY_MS) < RETRY_MS:
            return
        self._asked_ms[asset] = now_ms
        reasoning = f"the market is beyond the stop that followed it to {plain(one.stop)}"
        known = f"{_PREFIX}{self._gate.sequence}-{asset}"[:64]
        order = exit_order(asset, Decimal(snapshot.positions[asset]), 1, reasoning, known)
        await self._dealings.send(self._gate.authorize(order, origin="protection"))

    def _keep(self) -> None:
        kept = {asset: asdict(one) | {"stop": str(one.stop)} for asset, one in self.trailed.items()}
        self._gate.note(TOPIC, json.dumps(kept, sort_keys=True) if kept else "")


def trailing(gate: Gate, dealings: Dealings, protection: Protection | None, notices: Notices) -> TrailingStops | None:
    """The trailed stops of a vault whose guards are set up to have them."""
    stop = None if protection is None else protection.settings.stop
    if protection is None or stop is None or not stop.trail:
        return None
    return TrailingStops(gate, dealings, stop.guard(gate.limits), protection.opening, notices)


def _read(gate: Gate) -> dict[str, Trailed]:
    try:
        kept = json.loads(gate.notes.get(TOPIC) or "{}")
        return {
            asset: Trailed(int(one["opened"]), one["side"], Decimal(one["stop"]), bool(one["crossed"]))
            for asset, one in kept.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        _log.warning("%s: the note %r is of no use, stops begin anew: %s", gate.vault_id, TOPIC, error)
        return {}


def _nearer(side: Side, one: Decimal | None, other: Decimal | None) -> Decimal:
    """Of two stops, of which one at least is known, that nearer to the market."""
    known = [each for each in (one, other) if each is not None]
    return max(known) if side == "buy" else min(known)
