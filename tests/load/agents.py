"""The load: agents that ask at their own pace, whether or not the server keeps up, and one market."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress

from gxrisk import AsyncClient, order
from gxrisk.client import ClientError, Operator, Retries

from tests.api.desk import market

from .plan import Asked, Plan, Run, Sample

# Longer than any restart: an agent that gives up could not say what became of its order.
STUBBORN = Retries(attempts_max=100_000, deadline_s=300, backoff_s=0.05, backoff_max_s=1)
TIMEOUT_S = 60.0


class Load:
    """Every agent of a plan, against one server, until the time is over."""

    def __init__(self, plan: Plan, url: str, keys: dict[str, str], run: Run, now_s: Callable[[], float]) -> None:
        self._plan = plan
        self._url = url
        self._keys = keys
        self._run = run
        self._now_s = now_s

    async def go(self) -> None:
        """All of them at once."""
        feeding = asyncio.create_task(self._feed())
        try:
            await asyncio.gather(*(self._agent(number, one) for number, one in enumerate(self._run.asked)))
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding

    async def _agent(self, number: int, asked: Asked) -> None:
        """Ask when it is due. What is late because the one before took long is counted from when it was due."""
        rng = random.Random(self._plan.seed * 1_000_003 + number)
        due_s = rng.random() / self._plan.rate
        key = self._keys[asked.vault_id]
        async with AsyncClient(asked.vault_id, self._url, key, retries=STUBBORN, timeout_s=TIMEOUT_S) as client:
            step = 0
            while due_s < self._plan.seconds:
                await asyncio.sleep(max(0.0, due_s - self._now_s()))
                life = len(self._run.lives)
                await self._ask(client, asked, step, rng)
                self._run.samples.append(Sample(due_s, self._now_s() - due_s, life))
                due_s += 1 / self._plan.rate
                step += 1

    async def _ask(self, client: AsyncClient, asked: Asked, step: int, rng: random.Random) -> None:
        kind = rng.random()
        if kind < 0.1:
            asked.holds[step] = None
            asked.holds[step] = (await client.hold(0.5, str(step))).sequence
            return
        side, stop = ("buy", 98) if step % 2 else ("sell", 103)
        quantity = "1000" if rng.random() < 0.2 else "0.01"  # each fifth is too large
        idea = order("BTC", side, quantity, confidence=0.8, reasoning=str(step), stop_loss=stop)  # type: ignore[arg-type]
        if kind < 0.2:
            await client.validate_order(idea)
            return
        asked.decisions[step] = None
        decision = await client.authorize(idea)
        asked.decisions[step] = (decision.outcome, decision.sequence, decision.order_id)

    async def _feed(self) -> None:
        """A second's candle each second; while the server is away, what was missed comes with the next one."""
        with Operator(self._url, self._keys["feed"], retries=Retries(attempts_max=1)) as feed:
            while True:
                candles = market(int(time.time()), seconds=5)["candles"]
                with suppress(ClientError):
                    await asyncio.to_thread(feed.push_marks, candles)
                await asyncio.sleep(1)
