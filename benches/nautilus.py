"""NautilusTrader's RiskEngine in units of an empty call, where `nautilus_trader` is installed.

Its checks are others than the gate's: price and quantity precision and bounds, notional per order, balance, trading
state, rate. It knows neither leverage nor drawdown nor concentration, its order is a richer object, and its answer
travels over a message bus. So the ratio says what an approval costs there, not that one does the other's work.

`python -m benches.nautilus [--quick] [--json OUT]`, in any environment: `gxrisk` is not imported here.
"""

import argparse
import importlib.util
import json
from collections import deque
from pathlib import Path
from typing import Any

from benches.rounds import Ratio, Rounds, Subject

CALLS = 2_000


def is_installed() -> bool:
    """Whether it can be measured here."""
    return importlib.util.find_spec("nautilus_trader") is not None


class Desk:
    """A risk engine with a cash account and one instrument; what it lets through and what it denies end in queues."""

    def __init__(self, notional_max: int | None = None) -> None:
        from nautilus_trader.common.component import MessageBus, TestClock
        from nautilus_trader.common.factories import OrderFactory
        from nautilus_trader.config import RiskEngineConfig
        from nautilus_trader.model.objects import Price, Quantity
        from nautilus_trader.portfolio.portfolio import Portfolio
        from nautilus_trader.risk.engine import RiskEngine
        from nautilus_trader.test_kit.providers import TestInstrumentProvider
        from nautilus_trader.test_kit.stubs.component import TestComponentStubs
        from nautilus_trader.test_kit.stubs.data import TestDataStubs
        from nautilus_trader.test_kit.stubs.events import TestEventStubs
        from nautilus_trader.test_kit.stubs.identifiers import TestIdStubs

        clock, self.trader = TestClock(), TestIdStubs.trader_id()
        self.instrument = TestInstrumentProvider.default_fx_ccy("AUD/USD")
        bus = MessageBus(trader_id=self.trader, clock=clock)
        self.cache = TestComponentStubs.cache()
        portfolio = Portfolio(msgbus=bus, cache=self.cache, clock=clock)
        caps = {} if notional_max is None else {self.instrument.id.value: notional_max}
        config = RiskEngineConfig(max_order_submit_rate="2000000000/00:00:01", max_notional_per_order=caps)
        self.engine = RiskEngine(portfolio=portfolio, msgbus=bus, cache=self.cache, clock=clock, config=config)
        self.passed: deque[Any] = deque(maxlen=1)
        self.denied: deque[Any] = deque(maxlen=1)
        bus.register(endpoint="ExecEngine.execute", handler=self.passed.append)
        bus.register(endpoint="ExecEngine.process", handler=self.denied.append)
        portfolio.update_account(TestEventStubs.cash_account_state())
        self.cache.add_instrument(self.instrument)
        self.cache.add_quote_tick(TestDataStubs.quote_tick(instrument=self.instrument))
        self.strategy = TestIdStubs.strategy_id()
        self.orders = OrderFactory(trader_id=self.trader, strategy_id=self.strategy, clock=clock, cache=None)
        self.quantity, self.price = Quantity.from_int(100_000), Price.from_str("1.00001")

    def command(self, *, cached: bool) -> Any:
        """An order to be judged; a denial writes to the cache's copy of it."""
        from nautilus_trader.core.uuid import UUID4
        from nautilus_trader.execution.messages import SubmitOrder
        from nautilus_trader.model.enums import OrderSide

        order = self.orders.limit(self.instrument.id, OrderSide.BUY, self.quantity, self.price)
        if cached:
            self.cache.add_order(order)
        return SubmitOrder(
            trader_id=self.trader,
            strategy_id=self.strategy,
            position_id=None,
            order=order,
            command_id=UUID4(),
            ts_init=0,
        )


def empty(_command: object) -> None:
    """The unit."""


def prepared(notional_max: int | None) -> dict[str, Any]:
    """A new engine and new orders for one round: an order can be submitted once."""
    desk, cached = Desk(notional_max), notional_max is not None
    desk.engine.execute(desk.command(cached=cached))
    assert (len(desk.passed), len(desk.denied)) == ((0, 1) if cached else (1, 0))
    return {"judge": desk.engine.execute, "commands": [desk.command(cached=cached) for _ in range(CALLS)]}


def measure(rounds: int) -> dict[str, Ratio]:
    """Approve and refuse, in units of an empty call of the same run; the loop is in both."""
    every = "for command in commands: judge(command)"
    times = Rounds(
        {
            "empty": Subject(every, {"judge": empty, "commands": list(range(CALLS))}, calls=20),
            "approve": Subject(every, calls=1, prepare=lambda: prepared(None)),
            "refuse": Subject(every, calls=1, prepare=lambda: prepared(50_000)),
        },
        rounds,
    )
    return {name: times.ratio(name, "empty") for name in ("approve", "refuse")}


def main() -> None:
    """Prints the ratios, or writes them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    if not is_installed():
        parser.exit(1, "nautilus_trader is not installed here\n")
    from nautilus_trader import __version__ as version

    found = measure(5 if options.quick else 15)
    for name, ratio in found.items():
        print(f"RiskEngine of nautilus_trader {version}, {name}: {ratio} x an empty call")
    if options.json:
        rows = {name: [ratio.median, ratio.least, ratio.most] for name, ratio in found.items()}
        options.json.write_text(json.dumps({"version": version} | rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
