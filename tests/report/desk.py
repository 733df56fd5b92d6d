"""Vaults that a test drives by hand, minute by minute."""

from pathlib import Path
from typing import Any

from gxrisk import Decision, Gate, Limits, ManualClock, order

MONDAY = "2020-03-09T00:00:00Z"
WEEK = "2020-W11"


class Desk:
    """A gate with a journal, at which every approved order fills at once and whole."""

    def __init__(self, journal: Path, start: str = MONDAY, **limits: Any) -> None:
        self.journal = journal
        self.clock = ManualClock(start)
        chosen = Limits.for_tier("growth").replace(**limits)
        self.gate = Gate("demo", chosen, clock=self.clock, journal=journal)
        self.fills = 0

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.close()

    def wait(self, seconds: int = 60) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def mark(self, price: Any, asset: str = "BTC", atr: Any = 50) -> None:
        """The market's price."""
        self.gate.mark(asset, price, atr=atr)

    def ask(self, side: str, quantity: Any, **more: Any) -> Decision:
        """What a model asks for; a refusal changes nothing."""
        terms = {"confidence": "0.8", "reasoning": "why not", "asset": "BTC", **more}
        return self.gate.agent().authorize(order(side=side, quantity=quantity, **terms))

    def trade(self, side: str, quantity: Any, price: Any, fee: Any = 0, **more: Any) -> str:
        """Ask, and be filled."""
        decision = self.ask(side, quantity, **more)
        assert decision.order_id is not None
        assert decision.approval is not None, decision.violations
        self.gate.redeem(decision.approval)
        self.fills += 1
        self.gate.apply_fill(decision.order_id, f"f-{self.fills}", quantity, price, fee=fee)
        return decision.order_id

    def sample(self) -> None:
        """What the vault's service notes each hour."""
        now = self.gate.snapshot()
        gross = now.gross_exposure
        self.gate.note(
            "equity", f'{{"equity": "{now.equity}", "drawdown": "{now.drawdown}", "gross_exposure": "{gross}"}}'
        )
