"""gxrisk: a pre-trade risk engine for AI trading vaults.

The gate decides every order against exact limits; only what it approves can reach a venue.

>>> from gxrisk import Gate, Limits, ManualClock, order
>>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
>>> gate.deposit(10_000)
>>> gate.mark("BTC", 7_900, atr=50)
True
>>> decision = gate.validate_order(order("BTC", "buy", 1, confidence=0.9, reasoning="all in", stop_loss=7_800))
>>> decision.outcome, [violation.rule for violation in decision.violations]
('rejected', ['position_size', 'concentration'])
"""

import typing

from gxrisk._native import (
    BREAKERS,
    MASK_ARITHMETIC_OVERFLOW,
    MASK_ENGINE_HALTED,
    MASK_HELD,
    RULES,
    TIERS,
    AgentGate,
    Approval,
    ApprovalError,
    CustodyError,
    Decision,
    Gate,
    GxriskError,
    Head,
    InvalidOrder,
    JournalError,
    JournalReader,
    Limits,
    ManualClock,
    Order,
    ReactivationError,
    SystemClock,
    Trip,
    VaultError,
    Violation,
    WithdrawalError,
    __version__,
    order,
    verify_approval,
    verify_note,
)
from gxrisk.snapshot import Position, Snapshot, WorkingOrder

if typing.TYPE_CHECKING:
    from gxrisk.client import AsyncClient, Client

__all__ = [
    "BREAKERS",
    "MASK_ARITHMETIC_OVERFLOW",
    "MASK_ENGINE_HALTED",
    "MASK_HELD",
    "RULES",
    "TIERS",
    "AgentGate",
    "Approval",
    "ApprovalError",
    "AsyncClient",
    "Client",
    "CustodyError",
    "Decision",
    "Gate",
    "GxriskError",
    "Head",
    "InvalidOrder",
    "JournalError",
    "JournalReader",
    "Limits",
    "ManualClock",
    "Order",
    "Position",
    "ReactivationError",
    "Snapshot",
    "SystemClock",
    "Trip",
    "VaultError",
    "Violation",
    "WithdrawalError",
    "WorkingOrder",
    "__version__",
    "order",
    "verify_approval",
    "verify_note",
]


def __getattr__(name: str) -> typing.Any:
    """The clients are imported when they are asked for: HTTP takes longer to load than all the rest."""
    if name not in ("AsyncClient", "Client"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gxrisk import client

    globals()[name] = found = getattr(client, name)
    return found
