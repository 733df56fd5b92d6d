"""Views of real candles, and the answers that tests have models give to them."""

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from gxrisk import Decision, Gate, Limits, ManualClock, Order
from gxrisk.agent.llm import LlmStrategy
from gxrisk.agent.strategy import Action, Portfolio, Verdict, View
from gxrisk.feeds import Candle, WilderAtr, read_candles

FILE = "btcusdt-5m-2020-03-01_2020-03-13-binance.csv.gz"
CRASH_MS = 1_584_010_500_000  # 2020-03-12 10:55 UTC, the end of the bar before -10 %

HOLD = ("hold", {"confidence": 0.6, "reasoning": "no clear move"})
CLOSE = ("close_position", {"confidence": 0.8, "reasoning": "the move has turned"})
OPEN = (
    "open_position",
    {"side": "buy", "quantity": 0.01, "stop_loss": 7000, "confidence": 0.7, "reasoning": "a higher low"},
)


def opening(**more: Any) -> tuple[str, dict[str, Any]]:
    """An opening with some fields another way."""
    return OPEN[0], {**OPEN[1], **more}


@cache
def candles() -> tuple[Candle, ...]:
    """The bars before the crash of 12 March 2020, as they were recorded."""
    series = read_candles(Path(os.environ["GXRISK_DATA_DIR"]) / FILE, asset="BTC")
    return tuple(one for one in series.candles if one.end_ms <= CRASH_MS)[-60:]


@cache
def view() -> View:
    """What a model sees then, flat, with 10,000."""
    bars = candles()
    atr = WilderAtr()
    value = None
    for bar in bars:
        value = atr.update(float(bar.high), float(bar.low), float(bar.close))
    at = datetime.fromtimestamp(bars[-1].end_ms / 1000, UTC)
    return View("BTC", at, bars, value, Portfolio(Decimal(10_000)))


def refused(**terms: Any) -> tuple[View, Decision]:
    """The view with the refusal that a real gate gave to an order of these terms."""
    now = view()
    gate = Gate("v", Limits.for_tier("growth"), clock=ManualClock(now.at))
    gate.deposit(10_000)
    gate.mark("BTC", now.candles[-1].close, atr=now.atr)
    close = float(now.candles[-1].close)
    order = Order(
        "BTC", "buy", **{"quantity": 1, "stop_loss": close - 100, "confidence": 0.9, "reasoning": "all in", **terms}
    )
    decision = gate.authorize(order)
    most = gate.max_quantity(order)
    return replace(now, verdict=Verdict(order, decision.outcome, decision.violations, most)), decision


def ask(strategy: LlmStrategy, *views: View) -> Action:
    """The last answer to these views, one after the other in one event loop; nothing is left behind in it."""

    async def asked() -> Action:
        action = None
        async with strategy:
            for one in views or (view(),):
                action = await strategy.decide(one)
            if left := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(left)
        usage = strategy.usage
        assert usage.questions == usage.answers + usage.timeouts + usage.over_budget + usage.failures
        assert action is not None
        return action

    return asyncio.run(asked())
