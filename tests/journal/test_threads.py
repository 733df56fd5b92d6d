"""While one thread waits for the disk, the others go on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest
from gxrisk import Gate, JournalError, JournalReader, Limits, ManualClock, order

THREADS, EACH = 16, 10
OPEN = Limits.for_tier("growth").replace(order_burst=1000, max_open_orders=1000, max_daily_trades=1000)
WANTED = order("BTC", "buy", "0.01", confidence=1, reasoning="a thread", stop_loss=98)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A durable vault with room for many orders."""
    made = Gate("threads", OPEN, clock=ManualClock("2020-03-12T12:00:00Z"), journal=tmp_path / "vault.gxr")
    made.deposit(10_000)
    made.mark("BTC", 100, atr=1)
    return made


def test_python_runs_while_approvals_wait_for_the_disk(gate: Gate) -> None:
    """A thread that only counts comes on during the calls: they hold the interpreter no longer than they must."""
    stop, counted = Event(), [0]

    def count() -> None:
        while not stop.is_set():
            counted[0] += 1

    counter = Thread(target=count)
    counter.start()
    advances = []
    with ThreadPoolExecutor(THREADS) as pool:

        def ask(number: int) -> str | None:
            before = counted[0]
            decision = gate.authorize(WANTED.replace(client_order_id=f"o-{number}"))
            advances.append(counted[0] - before)
            return decision.order_id

        ids = list(pool.map(ask, range(THREADS * EACH)))
    stop.set()
    counter.join()
    gate.close()
    assert None not in ids
    assert len(set(ids)) == THREADS * EACH
    # Each wait for the disk is long beside a step of the counter; that most of them let it on is no question of speed.
    assert sum(advance > 0 for advance in advances) > len(advances) // 2


def test_every_operation_at_once(gate: Gate, tmp_path: Path) -> None:
    """Sixteen threads that trade, mark, ask, end their orders: the journal is one sound chain, the vault is whole."""
    barrier = Barrier(THREADS)

    def trade(thread: int) -> int:
        barrier.wait()
        passed = 0
        for number in range(EACH):
            decision = gate.authorize(WANTED.replace(client_order_id=f"t-{thread}-{number}"))
            approval = decision.approval
            assert approval is not None
            assert gate.validate_order(WANTED)
            gate.mark("ETH", 1000 + thread, atr=1)
            gate.redeem(approval.token if number % 2 else approval)
            passed += 1
            if number % 3 == 0:
                gate.apply_fill(approval.order_id, "f", "0.01", 100)
            elif number % 3 == 1:
                gate.order_cancelled(approval.order_id)
        return passed

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(trade, range(THREADS))) == THREADS * EACH
    before = gate.snapshot()
    gate.close()
    verified = JournalReader(tmp_path / "vault.gxr").verify()
    assert (verified["approvals"], verified["signatures"]) == (THREADS * EACH, THREADS * EACH)
    with Gate.open(tmp_path / "vault.gxr", clock=ManualClock("2020-03-12T12:00:00Z")) as again:
        after = again.snapshot()
        assert (after.positions, after.working) == (before.positions, before.working)
        assert (after.equity, after.exposures) == (before.equity, before.exposures)
        filled = len(range(0, EACH, 3)) * THREADS
        assert after.positions["BTC"] * 100 == filled


def test_a_gate_that_closes_under_others_loses_no_answer(gate: Gate, tmp_path: Path) -> None:
    """Whoever got an approval has its record; whoever came too late was told so."""
    barrier = Barrier(THREADS + 1)

    def ask(thread: int) -> list[int]:
        barrier.wait()
        given = []
        for number in range(EACH * 10):
            try:
                decision = gate.authorize(WANTED.replace(client_order_id=f"c-{thread}-{number}"))
            except JournalError:
                break
            assert decision.approved
            assert decision.sequence is not None
            given.append(decision.sequence)
        return given

    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(ask, thread) for thread in range(THREADS)]
        barrier.wait()
        while len(gate.events()) < THREADS:
            pass
        gate.close()
        given = {sequence for future in asked for sequence in future.result()}
    reader = JournalReader(tmp_path / "vault.gxr")
    approved = {event["sequence"] for event in reader.events() if event["kind"] == "decision" and event["order_id"]}
    assert given <= approved
    assert reader.verify()["decisions"] >= len(given)
