"""The same client order id after a crash: the first decision again, and never a second reservation."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from gxrisk import ApprovalError, Decision, Gate, JournalReader, ManualClock, Order, order

NOON = "2020-03-12T12:00:00Z"

# A vault whose process dies at once after what was done with one order, without closing anything.
CRASH = """
import json, os, signal, sys
from gxrisk import Gate, Limits, ManualClock, order
file, passphrase, fate, fields = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
clock = ManualClock("2020-03-12T12:00:00Z")
gate = Gate("repeats", Limits.for_tier("growth"), clock=clock, journal=file, passphrase_file=passphrase or None)
gate.deposit(10_000)
gate.mark("BTC", 100, atr=1)
first = gate.authorize(order("BTC", "buy", **fields))
if fate in ("redeemed", "filled"):
    gate.redeem(first.approval)
if fate == "filled":
    gate.apply_fill(first.order_id, "f-1", fields["quantity"], 100)
elif fate == "cancelled":
    gate.order_cancelled(first.order_id)
elif fate == "failed":
    gate.order_failed(first.order_id, "no answer")
elif fate == "killed":
    gate.kill("enough")
elif fate == "expired":
    clock.advance(5)
    gate.snapshot()
    gate.hold(1, "a record of that time")
token = first.approval.token.hex() if first.approval else None
print(json.dumps({"sequence": first.sequence, "order_id": first.order_id, "token": token}), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Fate(NamedTuple):
    """What became of an order before the crash, and what a repeat of it then is."""

    name: str
    outcome: str
    redeems: str | None  # what redeeming the repeat's approval says; None where there is none
    working: int  # orders that hold a reservation
    position: int
    fields: tuple[tuple[str, str], ...] = ()


FATES = [
    Fate("asked", "approved", "ok", 1, 0),
    Fate("redeemed", "approved", "used", 1, 0),
    Fate("filled", "approved", "used", 0, 1),
    Fate("cancelled", "approved", "ended", 0, 0),
    Fate("failed", "approved", "ended", 0, 0),
    Fate("killed", "approved", "cancel_requested", 1, 0),
    Fate("expired", "approved", None, 0, 0),
    Fate("rejected", "rejected", None, 0, 0, (("quantity", "1000"),)),
    Fate("held", "held", None, 0, 0, (("confidence", "0.1"),)),
]


def fields_of(fate: Fate) -> dict[str, Any]:
    """The order of a fate."""
    sound = {"quantity": "1", "confidence": "0.9", "reasoning": "a lost answer", "stop_loss": "98"}
    return {**sound, "client_order_id": "mine", **dict(fate.fields)}


def crashed(file: Path, fate: Fate, passphrase: Path | str = "") -> dict[str, Any]:
    """Let a process do all that and die; gives what it was told."""
    command = [sys.executable, "-c", CRASH, str(file), str(passphrase), fate.name, json.dumps(fields_of(fate))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def asked_for(fate: Fate) -> Order:
    """The same order, made anew."""
    return order("BTC", "buy", **fields_of(fate))


def redeemed(gate: Gate, decision: Decision) -> str | None:
    """What redeeming its approval says."""
    if decision.approval is None:
        return None
    try:
        gate.redeem(decision.approval)
    except ApprovalError as error:
        code: str = error.code
        return code
    return "ok"


def holds(gate: Gate) -> tuple[int, Decimal]:
    """How many reservations there are, and the position."""
    snapshot = gate.snapshot()
    return len(snapshot.working), Decimal(snapshot.positions.get("BTC", 0))


@pytest.mark.parametrize("fate", FATES, ids=[fate.name for fate in FATES])
def test_a_repeat_after_a_crash_is_the_first_decision(tmp_path: Path, fate: Fate) -> None:
    """Twice, and with a second crash between: the same ids, no record, no reservation, no second use."""
    file = tmp_path / "vault.gxr"
    told = crashed(file, fate)
    kept = next(event for event in JournalReader(file).events() if event["kind"] == "decision")
    clock = ManualClock(JournalReader(file).events()[-1]["time"])
    for redeems in (fate.redeems, "used" if fate.redeems == "ok" else fate.redeems):
        with Gate.open(file, clock=clock) as gate:
            assert holds(gate) == (fate.working, fate.position)
            records = len(gate.events())
            again = [gate.authorize(asked_for(fate)) for _ in range(2)]
            for one in again:
                assert (one.outcome, one.sequence, one.order_id) == (fate.outcome, told["sequence"], told["order_id"])
                violations = [(v.rule, v.limit, v.observed, v.message) for v in one.violations]
                assert violations == [tuple(v.values()) for v in kept["violations"]]
                assert (one.approval is None) == (fate.redeems is None)
            assert len(gate.events()) == records
            assert redeemed(gate, again[0]) == redeems
            assert redeemed(gate, again[1]) == ("used" if redeems == "ok" else redeems)
            assert holds(gate) == (fate.working, fate.position)
    assert JournalReader(file).verify()["decisions"] == 1


def test_sealed_keys_give_the_same_approval(tmp_path: Path) -> None:
    """To the last byte, so that it may have reached a venue already; and it passes once, in either form."""
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse battery staple\n")
    file, fate = tmp_path / "vault.gxr", FATES[0]
    told = crashed(file, fate, passphrase)
    with Gate.open(file, clock=ManualClock(NOON), passphrase_file=passphrase) as gate:
        again = gate.authorize(asked_for(fate))
        assert again.approval is not None
        assert again.approval.token.hex() == told["token"]
        gate.redeem(bytes.fromhex(told["token"]))
        assert redeemed(gate, again) == "used"
        assert holds(gate) == (1, 0)


@pytest.mark.parametrize("fate", FATES, ids=[fate.name for fate in FATES])
def test_another_order_under_that_id_is_refused_after_a_crash(tmp_path: Path, fate: Fate) -> None:
    """Whatever field differs, the origin too; it reserves nothing, and the id goes on to name the first order."""
    file = tmp_path / "vault.gxr"
    told, wanted = crashed(file, fate), asked_for(fate)
    others = [
        (wanted.replace(quantity="0.5"), "agent"),
        (wanted.replace(confidence="0.95"), "agent"),
        (wanted.replace(reasoning="another reason"), "agent"),
        (wanted.replace(stop_loss="97.5"), "agent"),
        (wanted, "owner"),
    ]
    clock = ManualClock(JournalReader(file).events()[-1]["time"])
    with Gate.open(file, clock=clock) as gate:
        for other, origin in others:
            decision = gate.authorize(other, origin=origin)
            assert not decision.approved
            assert decision.approval is None
            assert "duplicate_order" in {violation.rule for violation in decision.violations}
            assert decision.sequence != told["sequence"]
    with Gate.open(file, clock=clock) as gate:
        assert holds(gate) == (fate.working, fate.position)
        again = gate.authorize(wanted)
        assert (again.outcome, again.sequence, again.order_id) == (fate.outcome, told["sequence"], told["order_id"])
        assert redeemed(gate, again) == fate.redeems
        assert holds(gate) == (fate.working, fate.position)
    assert JournalReader(file).verify()["decisions"] == 1 + len(others)


def test_an_approval_runs_out_over_a_crash(tmp_path: Path) -> None:
    """Where the time passed while nothing ran: the decision stands, its approval and its reservation do not."""
    file, fate = tmp_path / "vault.gxr", FATES[0]
    told = crashed(file, fate)
    clock = ManualClock(NOON)
    clock.advance(5)
    with Gate.open(file, clock=clock) as gate:
        again = gate.authorize(asked_for(fate))
        assert (again.approved, again.sequence, again.approval) == (True, told["sequence"], None)
        assert holds(gate) == (0, 0)
        gate.mark("BTC", 100, atr=1)
        anew = gate.authorize(asked_for(fate).replace(client_order_id="mine-2"))
        assert redeemed(gate, anew) == "ok"
        assert holds(gate) == (1, 0)
