"""Gates with a journal and a random day's work, and all that a history says of one vault."""

import random
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from gxrisk import Gate, GxriskError, Limits, ManualClock, order
from gxrisk.history import History

ASSETS = ("BTC", "ETH", "DOGE")
START = "2020-03-12T12:00:00Z"
START_NS = 1_584_014_400_000_000_000
LISTS = ("decisions", "orders", "fills", "trades", "equity", "trips", "flows", "controls", "notes", "unknown")


@dataclass
class Desk:
    """A gate, and whoever works with it: every random choice comes from the seed."""

    file: Path
    seed: int
    name: str = "desk"
    gate: Gate = field(init=False)
    clock: ManualClock = field(init=False)
    approvals: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.clock = ManualClock(START)
        limits = Limits.for_tier("high_octane").replace(order_burst=1000, max_daily_trades=1000, losses_in_row_max=3)
        self.gate = Gate(self.name, limits, clock=self.clock, journal=self.file)
        self.gate.deposit(10_000)
        for asset in ASSETS:
            self.gate.mark(asset, 100, atr=1)

    def work(self, steps: int) -> None:
        """Do so many things; what the gate does not take is an answer like any other."""
        for _ in range(steps):
            with suppress(GxriskError):
                self.random.choice(STEPS)(self)

    def close(self) -> None:
        """Close the gate."""
        self.gate.close()

    def _number(self, low: str, high: str, places: int) -> Decimal:
        return Decimal(str(round(self.random.uniform(float(low), float(high)), places)))

    def _propose(self) -> None:
        side = self.random.choice(["buy", "sell"])
        proposal = order(
            self.random.choice(ASSETS),
            side,
            self._number("0.001", "8", 9),
            confidence=self.random.choice(["1", "0.9", "0.1"]),
            reasoning=self.random.choice(["breakout", "=2+5", "nul \0 and € and 🙂", "line\nline"]),
            stop_loss=98 if side == "buy" else 102,
            price=self.random.choice([None, None, "100.5"]),
            leverage=self.random.choice([1, 2, 40]),
            reduce_only=self.random.random() < 0.2,
            client_order_id=self.random.choice([None, None, "a", "b"]),
        )
        decision = self.gate.agent().authorize(proposal)
        if decision.approval is not None:
            self.approvals.append(decision.approval)
            if self.random.random() < 0.7:
                self.gate.redeem(decision.approval)

    def _fill(self) -> None:
        approval = self.random.choice(self.approvals or [None])
        if approval is not None:
            share = self.random.choice(["1", "0.5", "0.333333333"])
            quantity = (approval.order.quantity * Decimal(share)).quantize(Decimal("1e-9"))
            fill_id = self.random.choice(["f-1", "f-2", "f-3"])
            self.gate.apply_fill(approval.order_id, fill_id, quantity, self._number("97", "103", 7), "0.0123")

    def _foreign_fill(self) -> None:
        asset, side = self.random.choice(ASSETS), self.random.choice(["buy", "sell"])
        quantity, price = self._number("0.001", "9", 9), self._number("97", "103", 5)
        self.gate.apply_fill(
            f"x-{self.gate.snapshot().sequence}", "1", quantity, price, "-0.01", asset=asset, side=side
        )

    def _confirm(self) -> None:
        approval = self.random.choice(self.approvals or [None])
        if approval is not None:
            told = self.random.choice(["accept", "cancel", "fail"])
            if told == "accept":
                self.gate.order_accepted(approval.order_id)
            elif told == "cancel":
                self.gate.order_cancelled(approval.order_id)
            else:
                self.gate.order_failed(approval.order_id, "venue says \0 no")

    def _flatten(self) -> None:
        held = {asset: position for asset, position in self.gate.snapshot().positions.items() if position}
        for asset, position in held.items():
            side = "sell" if position > 0 else "buy"
            name = f"flat-{self.gate.snapshot().sequence}"
            self.gate.apply_fill(name, "1", abs(Decimal(position)), 100, "0.5", asset=asset, side=side)
        self.gate.resume()

    def _mark(self) -> None:
        self.gate.mark(self.random.choice(ASSETS), self._number("97", "103", 4), atr=1)

    def _wait(self) -> None:
        self.clock.advance(self.random.choice(["0.000000001", "1", "6", "61", "901", "40000"]))
        for asset in ASSETS:
            self.gate.mark(asset, 100, atr=1)

    def _control(self) -> None:
        gate = self.gate
        self.random.choice(
            [
                gate.pause,
                gate.resume,
                gate.resume,
                lambda: gate.kill("enough \x1b[2J"),
                lambda: gate.reactivate(rebase=True),
                lambda: gate.reactivate(),
                lambda: gate.set_risk_scale(self._number("0.1", "1", 3)),
                lambda: gate.set_volatility(self._number("0", "0.5", 3)),
                lambda: gate.set_limits(gate.limits.replace(price_collar="0.04")),
            ]
        )()

    def _account(self) -> None:
        if self.random.random() < 0.5:
            self.gate.deposit(self._number("1", "500", 9))
        else:
            self.gate.funding(self.random.choice(ASSETS), self._number("-5", "5", 9))

    def _note(self) -> None:
        equity = f'{{"equity": "{self._number("9000", "11000", 9)}", "drawdown": "0.01", "gross_exposure": "2500"}}'
        topic = self.random.choice(["equity", "plan"])
        self.gate.note(topic, self.random.choice([equity, '{"equity": null}', "no JSON \0", '{"equity": "NaN"}']))

    def _hold(self) -> None:
        self.gate.agent().hold(self._number("0", "1", 9), "waits", asset=self.random.choice([None, *ASSETS]))


STEPS = (
    [Desk._propose] * 8
    + [Desk._fill] * 6
    + [Desk._foreign_fill, Desk._flatten, Desk._control, Desk._account, Desk._note, Desk._hold, Desk._wait]
    + [Desk._confirm, Desk._mark] * 2
)


def all_of(history: History, vault: str) -> dict[str, object]:
    """Every row that a history holds of a vault, in order."""
    found: dict[str, object] = {name: list(history.every(getattr(history, name), vault)) for name in LISTS}
    found["positions"] = history.positions(vault)
    found["overview"] = [row for row in history.vaults() if row.name == vault]
    found["totals"] = history.totals(vault)
    return found
