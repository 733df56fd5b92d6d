"""What was acknowledged is there, and nothing is there twice: through kill -9 under load, through cut connections."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import pytest
from gxrisk import AsyncClient, Client, Order, order
from gxrisk.client import Operator, RemoteDecision, Retries

from .cutting import cutting
from .serving import WITHIN_S, Serving, until

THREADS = 8
STUBBORN = Retries(attempts_max=1_000, deadline_s=WITHIN_S, backoff_s=0.02, backoff_max_s=0.5)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Serving]:
    """A server for one test alone."""
    one = Serving(tmp_path)
    try:
        one.start()
        one.made()
        yield one
    finally:
        one.kill()


def idea(number: int, *, named: bool) -> Order:
    """The order with this number in its reasoning; each third is one that the gate refuses, some have their own id."""
    quantity = "100" if number % 3 == 0 else "0.0001"
    own = f"own-{number}" if named else None
    return order("BTC", "buy", quantity, confidence=0.8, reasoning=f"{number}", stop_loss=98, client_order_id=own)


def check(server: Serving, answered: dict[int, RemoteDecision]) -> None:
    """Each answer is on record as it was given, once; and nothing is on record that nobody asked for."""
    decided = server.decisions()
    counts = Counter(int(one["order"]["reasoning"]) for one in decided)
    assert {number for number, count in counts.items() if count != 1} == set()
    assert counts.keys() == answered.keys()
    for one in decided:
        answer = answered[int(one["order"]["reasoning"])]
        assert (one["sequence"], one["outcome"], one["order_id"]) == (answer.sequence, answer.outcome, answer.order_id)
        assert [broken["rule"] for broken in one["violations"]] == [broken.rule for broken in answer.violations]


def test_killed_and_started_again_under_load(own_server: Serving) -> None:
    """kill -9 twice while eight threads propose: every call is answered in the end, and was done once."""
    answered: dict[int, RemoteDecision] = {}
    numbers, lock, is_over = iter(range(1_000_000)), Lock(), False

    def propose() -> None:
        with own_server.agent(retries=STUBBORN) as agent:
            while not is_over:
                with lock:
                    number = next(numbers)
                decision = agent.authorize(idea(number, named=number % 2 == 0))
                with lock:
                    answered[number] = decision

    with ThreadPoolExecutor(THREADS) as pool:
        tasks = [pool.submit(propose) for _ in range(THREADS)]
        try:
            for wanted in (60, 120):
                until(lambda wanted=wanted: len(answered) >= wanted, f"{wanted} answers")  # type: ignore[misc]
                own_server.kill()
                own_server.start()
            until(lambda: len(answered) >= 180, "180 answers")
        finally:
            is_over = True
        for task in tasks:
            task.result(WITHIN_S)
    own_server.kill()
    check(own_server, answered)
    outcomes = Counter(one.outcome for one in answered.values())
    assert outcomes["approved"] > 60
    assert outcomes["rejected"] > 30


def test_through_a_proxy_that_cuts(own_server: Serving) -> None:
    """Connections that end anywhere: in a request, in an answer, between them; for threads and for tasks."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201
    answered: dict[int, RemoteDecision] = {}
    key = own_server.keys["propose"]

    async def by_tasks(url: str, numbers: range) -> list[RemoteDecision]:
        async with AsyncClient("ann", url, key, retries=STUBBORN) as client:
            return await asyncio.gather(*(client.authorize(idea(one, named=one % 2 == 0)) for one in numbers))

    with cutting(own_server.port, seed) as proxy:
        with Client("ann", proxy.url, key, retries=STUBBORN) as client, ThreadPoolExecutor(THREADS) as pool:
            by_threads = pool.map(lambda one: client.authorize(idea(one, named=one % 2 == 0)), range(100))
            answered.update(enumerate(by_threads))
        answered.update(enumerate(asyncio.run(by_tasks(proxy.url, range(100, 200))), 100))
        print(f"{proxy.cuts} cuts")  # noqa: T201
        assert proxy.cuts > 50
    own_server.kill()
    check(own_server, answered)
    assert len(answered) == 200


def test_controls_through_a_proxy_that_cuts(own_server: Serving) -> None:
    """Money is booked once for each transfer, and pages of the history come whole."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201
    with cutting(own_server.port, seed, 8_000) as proxy:
        with Operator(proxy.url, own_server.keys["operate"], retries=STUBBORN) as operator:
            for number in range(30):
                operator.fund("ann", f"more-{number}", 1)
            assert operator.vault("ann")["collateral"] == "10030"
        assert proxy.cuts > 5
