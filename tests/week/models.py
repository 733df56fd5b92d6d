"""Models of the paper week, beside the package's own momentum."""

from decimal import Decimal

from gxrisk.agent import Action, Hold, Momentum, Open, View


class Contrary:
    """Momentum the other way round: it sells what rose. Its stop lies as far on the other side."""

    def __init__(self) -> None:
        self._momentum = Momentum()

    def decide(self, view: View) -> Action:
        """The momentum's answer, turned."""
        action = self._momentum.decide(view)
        if not isinstance(action, Open) or action.stop_loss is None:
            return action
        price = view.candles[-1].close
        stop_loss = round(2 * price - Decimal(str(action.stop_loss)), 2)
        side = "sell" if action.side == "buy" else "buy"
        return Open(side, action.quantity, action.confidence, action.reasoning, stop_loss=stop_loss, resize=True)


class Patient:
    """Does nothing, and says so."""

    def decide(self, view: View) -> Action:
        """Hold."""
        return Hold(1.0, "nothing is sure")
