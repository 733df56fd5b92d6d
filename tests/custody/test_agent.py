"""What the AI holds leads to no key, no money and no control."""

from __future__ import annotations

from pathlib import Path

import pytest
from gxrisk import AgentGate, Gate, JournalError, Limits, ManualClock, order

# What only the operator, the venue and the owner do.
WITHHELD = {
    "apply_fill", "attest", "check_withdrawal", "close", "deposit", "events", "funding", "head", "kill", "limits",
    "mark", "note", "notes", "open", "order_accepted", "order_cancelled", "order_failed", "owner_key", "pause",
    "reactivate", "recovery", "redeem", "report_mismatch", "resume", "rotate_keys", "rotate_owner_key", "sequence",
    "set_correlation_groups", "set_limits", "set_lot_steps", "set_risk_scale", "set_volatility", "stopped_by", "trips",
    "vault_id", "wallet_key", "withdraw",
}  # fmt: skip


def names(kind: type) -> set[str]:
    """The public names of a class."""
    return {name for name in dir(kind) if not name.startswith("_")}


def test_the_handle_withholds_all_that_is_not_the_agent_s(journal: Path, clock: ManualClock, passphrase: Path) -> None:
    """Of a sealed, durable gate, too; the list is of every name, so that a new one must be put on a side."""
    assert names(Gate) - names(AgentGate) - {"agent"} == WITHHELD
    with Gate("v", Limits.for_tier("growth"), clock=clock, journal=journal, passphrase_file=passphrase) as gate:
        handle = gate.agent()
        for name in [*WITHHELD, "agent", "__enter__", "__exit__", "wallet", "keys", "gate", "_gate"]:
            with pytest.raises(AttributeError):
                getattr(handle, name)
            with pytest.raises((AttributeError, TypeError)):
                setattr(handle, name, None)
            with pytest.raises((AttributeError, TypeError)):
                getattr(Gate, name, Gate.pause).__get__(handle)()


def test_the_handle_keeps_no_gate_open(journal: Path, clock: ManualClock) -> None:
    """An agent that keeps its handle neither keeps the vault from closing nor goes on after it."""
    with Gate("v", Limits.for_tier("growth"), clock=clock, journal=journal) as gate:
        handle = gate.agent()
        gate.deposit(10_000)
        gate.mark("BTC", 100, atr=1)
        wanted = order("BTC", "buy", 1, confidence=1, reasoning="an agent", stop_loss=98)
        approval = handle.authorize(wanted).approval
        assert approval is not None
        with pytest.raises(AttributeError):
            handle.redeem(approval)
    assert handle.state == "halted"
    assert not handle.validate_order(wanted).approved
    with pytest.raises(JournalError, match="closed"):
        handle.authorize(wanted)
    with Gate.open(journal, clock=clock) as gate:
        assert gate.redeem(approval) == wanted
        assert not handle.validate_order(wanted).approved
