"""The same model without a gate: every order goes through."""

from decimal import Decimal

from gxrisk._native import Order
from gxrisk.agent.strategy import Hold
from gxrisk.feeds.candles import Candle
from gxrisk.replay.desk import Desk, Working
from gxrisk.replay.result import VaultResult


class UngatedDesk(Desk):
    """A plain account at the venue. Only the venue itself ends it, when equity is gone."""

    def advance(self, at_ms: int) -> None:
        """Nothing here depends on the clock."""

    def equity(self) -> Decimal:
        """Equity at the last marks, 0 once liquidated."""
        return Decimal(0) if self.tally.liquidated is not None else self.account.equity

    def result(self) -> VaultResult:
        """What the model came to alone."""
        return self.tally.result(self.name, self.equity(), self.account.fees)

    def _state(self) -> str:
        return "active"

    def _is_consensus_required(self) -> bool:
        return False

    def _mark(self, candle: Candle, atr: float | None) -> None:
        pass

    def _propose(self, order: Order, resize: bool) -> Working | None:
        self.tally.approved += 1
        return Working(f"{self.name}-{self.tally.proposals}", order)

    def _protect(self, order: Order) -> Working:
        return Working(f"{self.name}-stop-{self.tally.stops}", order)

    def _note_hold(self, asset: str, action: Hold) -> None:
        pass

    def _book(self, working: Working, fill_id: str, price: Decimal, fee: Decimal) -> None:
        pass

    def _is_cancelled(self, working: Working) -> bool:
        return False
