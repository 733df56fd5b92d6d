"""A reader of a long journal: it can be stopped and asked while it works, and says limits as `Limits` does."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Gate, JournalReader, Limits, ManualClock

RECORDS, THREADS = 1_200, 16  # more than between two looks at the signals

# All in C, without a step of the interpreter: only the reader itself can notice the signal. Where it does not, it reads
# again and again without end.
READ_ON = """
import functools, itertools, operator, os, signal, sys, gxrisk
signal.signal(signal.SIGINT, signal.default_int_handler)
reader, done = gxrisk.JournalReader(sys.argv[1]), []
say = functools.partial(os.write, 1, b"reading\\n")
try:
    done.extend(map(operator.call, itertools.chain([say], itertools.repeat(getattr(reader, sys.argv[2])))))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of more than a thousand records."""
    file = tmp_path_factory.mktemp("reader") / "vault.gxr"
    with (
        Gate("reader", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"), journal=file) as gate,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        for _ in pool.map(lambda number: gate.hold("0.5", f"waits {number}"), range(RECORDS)):
            pass
    return file


@pytest.mark.parametrize("work", ["verify", "head"])
def test_ctrl_c_stops_a_reader(long: Path, work: str) -> None:
    """At once, in the middle of its work, with no progress wanted."""
    command = [sys.executable, "-c", READ_ON, str(long), work]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        try:
            told, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert (told, errors, process.returncode) == ("interrupted\n", "", 0)


def test_progress_that_fails_ends_the_verification(long: Path) -> None:
    """With its own exception; the reader is as good as before."""
    reader, told = JournalReader(long), []

    def stop(done: int) -> None:
        told.append(done)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reader.verify(progress=stop)
    assert len(told) == 1
    assert 0 < told[0] < RECORDS
    assert reader.verify()["records"] == reader.head().sequence > RECORDS


def test_a_reader_may_be_asked_while_it_works(long: Path) -> None:
    """By whoever is told of the progress, and by another thread at that moment."""
    reader, seen = JournalReader(long), []

    def ask() -> tuple[str, int]:
        return reader.vault_id, reader.events(2, 1)[0]["sequence"]

    with ThreadPoolExecutor(1) as pool:
        others = []

        def look(done: int) -> None:
            others.append(pool.submit(ask))
            seen.append((*ask(), done))

        verified = reader.verify(progress=look)
        assert [other.result(timeout=60) for other in others] == [("reader", 3)] * len(others)
    assert seen
    assert all(one[:2] == ("reader", 3) for one in seen)
    assert verified["records"] > RECORDS


def test_limits_in_a_record_are_those_of_to_dict(tmp_path: Path) -> None:
    """The same values of the same types, in memory and from the file: counts are `int`, lists are tuples."""
    changes: dict[str, Any] = {"assets": ["ETH", "BTC"], "max_order_notional": "12.5", "max_daily_trades": 7}
    limits = Limits.for_tier("growth")
    clock, file = ManualClock("2020-03-12T00:00:00Z"), tmp_path / "vault.gxr"
    tighter = limits.replace(**changes)
    with Gate("limits", limits, clock=clock, journal=file) as durable:
        memory = Gate("limits", limits, clock=clock)
        for gate in (durable, memory):
            gate.set_limits(tighter)
            told = [event["limits"] for event in gate.events() if "limits" in event]
            assert told == [limits.to_dict(), tighter.to_dict()]
            for one, expected in zip(told, (limits, tighter), strict=True):
                assert {name: type(value) for name, value in one.items()} == {
                    name: type(value) for name, value in expected.to_dict().items()
                }
                assert Limits.for_tier("high_octane").replace(**one) == expected
    assert [e["limits"] for e in JournalReader(file).events() if "limits" in e] == [limits.to_dict(), tighter.to_dict()]
