"""The gate in thirty seconds: deposit, mark, one order approved, one refused, and why."""

from gxrisk import Gate, Limits, ManualClock, Order
from rich.console import Console

say = Console(highlight=False, soft_wrap=True).print

gate = Gate("hello", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
gate.deposit(10_000)
gate.mark("BTC", "7900", atr="60")
agent = gate.agent()  # all that an AI ever gets to hold

small = Order("BTC", "buy", "0.3", stop_loss="7800", confidence=0.8, reasoning="a quarter of equity, stop near")
large = Order("BTC", "buy", "3", leverage=8, stop_loss="7000", confidence=0.9, reasoning="all in")

for order in (small, large):
    decision = agent.authorize(order)
    say(f"buy {order.quantity} BTC: {decision.outcome}")
    for violation in decision.violations:
        say(f"  {violation.rule}: {violation.message}")

say(f"the most that would pass now: {agent.max_quantity(small)} BTC")
