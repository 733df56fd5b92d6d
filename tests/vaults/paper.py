"""A real gate whose vault writes hourly samples, and the record that is kept of it."""

from __future__ import annotations

import json
from decimal import Decimal

from gxrisk import Gate, Limits, ManualClock
from gxrisk.vaults.evidence import DAY_MS, HOUR_MS, PaperRecord
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.version import StrategyVersion

D = Decimal
START_MS = 1_583_971_200_000  # 2020-03-12 00:00 UTC
VERSION = StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1")
SETTINGS = VaultSettings("growth", VERSION, bar_s=60)
GROWTH = Limits.for_tier("growth")
BAR_MS = 60_000


class Paper:
    """Goes through feed time minute by minute; what the gate holds is said by the test, in notes and fills."""

    def __init__(self, settings: VaultSettings = SETTINGS) -> None:
        self.clock = ManualClock(START_MS * 1_000_000)
        self.gate = Gate("paper", GROWTH, clock=self.clock)
        self.gate.deposit(10_000)
        self.gate.note("vault", settings.to_json())
        self.record = PaperRecord.resume(self.gate, settings)
        self.now_ms = START_MS
        self.fills = 0

    def see(self, at_ms: int) -> None:
        """A moment of the feed."""
        self.now_ms = at_ms
        self.clock.set(at_ms * 1_000_000)
        self.record.saw(at_ms)

    def run(self, until_ms: int, step_ms: int = 5 * BAR_MS) -> None:
        """See the feed until then, both ends included."""
        for at_ms in (*range(self.now_ms, until_ms, step_ms), until_ms):
            self.see(at_ms)

    def sample(self, equity: object, drawdown: object = 0, gross: object = 0) -> None:
        """The hourly note."""
        told = {"at_ms": self.now_ms, "equity": str(equity), "drawdown": str(drawdown), "gross_exposure": str(gross)}
        self.gate.note("equity", json.dumps(told))

    def trip(self, profit: object, asset: str = "BTC") -> None:
        """A round trip with that profit."""
        for side, price in (("buy", D(100)), ("sell", 100 + D(str(profit)))):
            self.fills += 1
            assert self.gate.apply_fill("elsewhere", self.fills, 1, price, asset=asset, side=side)  # type: ignore[arg-type]

    def week(self, *, profit: object = 10, trips: int = 10, last_ms: int = 7 * DAY_MS) -> None:
        """Seven days from the start with hourly samples: the profit comes in the last one."""
        for hour in range(168):
            self.run(START_MS + hour * HOUR_MS)
            self.sample(10_000)
            if hour == 0:
                for _ in range(trips):
                    self.trip(1)
        self.run(START_MS + last_ms)
        self.sample(10_000 + D(str(profit)))
        self.record.catch_up(self.gate)
