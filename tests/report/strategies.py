"""Strategies whose answers a report must tell of."""

from gxrisk.agent.strategy import Action, Hold, Open, View

HOSTILE = '<script>alert("1")</script><img src="https://evil.example/x"> &amp; \x1b[2J\x9b\x07 \u202egnp\u200f שלום'


class Unsure:
    """Buys at every fourth bar, half of the time too unsure for the gate; raises and answers nonsense in between."""

    count = 0

    def decide(self, view: View) -> Action:
        """By the number of the bar."""
        self.count += 1
        if view.atr is None:
            return Hold(0.5, HOSTILE)
        match self.count % 4:
            case 0:
                raise RuntimeError("no <b>idea</b>")
            case 1:
                return "buy"  # type: ignore[return-value]
            case 2:
                return Hold(0.6, HOSTILE)
        close = view.candles[-1].close
        quantity = view.portfolio.equity / 20 / close
        sure = 0.2 if self.count % 8 == 3 else 0.4
        return Open("buy", float(quantity), sure, HOSTILE, stop_loss=float(close) - 2 * view.atr)
