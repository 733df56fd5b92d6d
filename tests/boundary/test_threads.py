"""Many threads on one gate, and on many: totals are exact, and what happens once happens once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from gxrisk import ApprovalError, Gate, Limits, ManualClock

from .arguments import START, proposal

WIDE = Limits.for_tier("high_octane").replace(
    order_burst=1_000_000, max_daily_trades=1_000_000, max_open_orders=1_000_000, stop_risk_budget=None
)


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns a thousand times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def vault(name: str = "threads") -> Gate:
    """A vault with a million."""
    gate = Gate(name, WIDE, clock=ManualClock(START))
    gate.deposit(1_000_000)
    gate.mark("BTC", 100, atr=1)
    return gate


def together(count: int, act: Callable[[int], Any]) -> list[Any]:
    """What `count` threads return that all begin at once."""
    barrier = threading.Barrier(count)

    def run(index: int) -> Any:
        barrier.wait()
        return act(index)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def check_sequence(gate: Gate) -> None:
    """The records are numbered without a gap, in the order of time."""
    events = gate.events()
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    times = [event["time_ns"] for event in events]
    assert times == sorted(times)


@pytest.mark.usefixtures("often")
def test_totals_are_exact() -> None:
    gate = vault()
    handle = gate.agent()
    rounds, count = 25, 8

    def trade(index: int) -> int:
        approved = 0
        for number in range(rounds):
            gate.deposit("0.000000001")
            gate.mark("BTC", 100, atr=1)
            assert handle.validate_order(proposal(quantity=1)).approved
            decision = handle.authorize(proposal(quantity="0.5", client_order_id=f"{index}-{number}"))
            approved += decision.approved
            order = gate.redeem(decision.approval)
            assert gate.apply_fill(decision.order_id, "a", "0.3", 100, "0.01")
            assert gate.apply_fill(decision.order_id, "b", order.quantity - Decimal("0.3"), 100, "0.01")
            assert not gate.apply_fill(decision.order_id, "a", "0.3", 100, "0.01")
            assert handle.snapshot().equity <= 1_000_001
        return approved

    assert sum(together(count, trade)) == rounds * count
    done = gate.snapshot()
    assert done.positions["BTC"] == rounds * count * Decimal("0.5")
    assert done.fees == rounds * count * Decimal("0.02")
    assert done.collateral == 1_000_000 + rounds * count * Decimal("0.000000001")
    assert done.equity == done.collateral - done.fees
    assert done.daily_trades == rounds * count
    assert done.working == ()
    assert gate.trips == ()
    check_sequence(gate)


@pytest.mark.usefixtures("often")
def test_an_approval_is_redeemed_once_by_64_threads() -> None:
    gate = vault()
    approval = gate.authorize(proposal()).approval

    def redeem(_: int) -> bool:
        try:
            gate.redeem(approval)
        except ApprovalError:
            return False
        return True

    assert sorted(together(64, redeem))[-2:] == [False, True]
    assert [event["kind"] for event in gate.events()].count("redeemed") == 1


@pytest.mark.usefixtures("often")
def test_one_client_order_id_takes_one_reservation() -> None:
    gate = vault()
    decisions = together(32, lambda _: gate.authorize(proposal(client_order_id="only")))
    assert len({decision.order_id for decision in decisions}) == 1
    assert all(decision.approved and decision.approval is not None for decision in decisions)
    assert len(gate.snapshot().working) == 1
    assert gate.snapshot().exposures["BTC"] == 100
    check_sequence(gate)


@pytest.mark.usefixtures("often")
def test_one_id_with_different_orders_passes_one_of_them() -> None:
    gate = vault()
    decisions = together(32, lambda index: gate.authorize(proposal(quantity=index + 1, client_order_id="only")))
    assert sum(decision.approved for decision in decisions) == 1
    refused = [decision for decision in decisions if not decision.approved]
    assert {decision.violations[0].rule for decision in refused} == {"duplicate_order"}


@pytest.mark.usefixtures("often")
def test_the_last_room_is_given_once() -> None:
    gate = vault()
    gate.set_limits(WIDE.replace(max_concentration="0.001"))
    decisions = together(32, lambda _: gate.authorize(proposal(quantity=3)))
    assert sum(decision.approved for decision in decisions) == 3  # 10 units fit
    assert gate.snapshot().exposures["BTC"] == 900


@pytest.mark.usefixtures("often")
def test_one_fill_counts_once_from_many_threads() -> None:
    gate = vault()
    order_id = gate.authorize(proposal(quantity=5)).order_id
    assert sum(together(32, lambda _: gate.apply_fill(order_id, "same", 5, 100))) == 1
    assert gate.snapshot().positions["BTC"] == 5


@pytest.mark.usefixtures("often")
def test_after_a_kill_returns_nothing_passes() -> None:
    gate = vault()
    killed = threading.Event()

    def act(index: int) -> list[bool]:
        if index == 0:
            gate.kill("enough")
            killed.set()
            return []
        answers = []
        for _ in range(50):
            was_killed = killed.is_set()
            approved = gate.agent().authorize(proposal()).approved
            answers.append(was_killed and approved)
        return answers

    assert not any(answer for answers in together(8, act) for answer in answers)
    check_sequence(gate)


@pytest.mark.usefixtures("often")
def test_many_gates_do_not_mix() -> None:
    gates = [vault(f"v-{index}") for index in range(16)]

    def trade(index: int) -> None:
        for _ in range(20):
            order_id = gates[index].authorize(proposal(quantity=index + 1)).order_id
            gates[index].apply_fill(order_id, "f", index + 1, 100)

    together(16, trade)
    for index, gate in enumerate(gates):
        assert gate.snapshot().positions["BTC"] == 20 * (index + 1)
        check_sequence(gate)


def test_a_batch_lets_other_threads_run() -> None:
    gate = vault()
    rows = 400_000
    quantity, sure = np.ones(rows), np.ones(rows)
    columns = {"asset": "BTC", "side": "buy", "quantity": quantity, "confidence": sure, "stop_loss": sure * 98}
    before = sys.getswitchinterval()
    begun, ran = threading.Event(), threading.Event()

    def other() -> None:
        begun.wait()
        ran.set()

    # No thread has to give way now: the other one runs only if the batch itself lets go.
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=other)
        thread.start()
        begun.set()
        for _ in range(20):
            assert not gate.validate_batch(columns).any()
            if ran.is_set():
                break
        has_run = ran.is_set()
    finally:
        sys.setswitchinterval(before)
        thread.join()
    assert has_run
