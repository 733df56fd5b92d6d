"""A vault that is closed and opened at any time decides as one in memory that never stops."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from gxrisk import Gate, GxriskError, JournalReader, Limits, ManualClock
from hypothesis import given
from hypothesis import strategies as st

from tests.property.vaults import ASSETS, BOUNDED, START, Vault, carry_out, histories, limits, orders


def funded(gate: Gate, clock: ManualClock) -> Vault:
    """A vault with 10,000 and marks of 100."""
    gate.deposit(10_000)
    for asset in ASSETS:
        gate.mark(asset, 100, atr=1)
    return Vault(gate, clock)


def told(vault: Vault, step: Any) -> str:
    """What a step comes to, as the caller sees it."""
    before = len(vault.approvals)
    try:
        carry_out(vault, step)
    except GxriskError as error:
        return f"{type(error).__name__} {getattr(error, 'code', error)}"
    return "approved" if len(vault.approvals) > before else "done"


def uses(vault: Vault) -> list[str]:
    """What redeeming each approval says, the last ones first: used, expired, ended, or now."""
    found = []
    for approval in reversed(vault.approvals[-6:]):
        try:
            vault.gate.redeem(approval)
            found.append("ok")
        except GxriskError as error:
            found.append(getattr(error, "code", str(error)))
    return found


def seen(vault: Vault) -> dict[str, Any]:
    """All that a vault shows, with its orders by their place, as a restart is a record and moves the ids."""
    gate, snapshot = vault.gate, vault.gate.snapshot()
    places = {approval.order_id: place for place, approval in enumerate(vault.approvals)}
    fields = {name: value for name, value in snapshot.to_dict().items() if name not in ("sequence", "working")}
    working = [
        (places[w.order_id], w.order.to_dict(), w.remaining, w.status, w.cancel_requested) for w in snapshot.working
    ]
    trips = [(trip.breaker, trip.since, trip.until, trip.limit, trip.observed) for trip in gate.trips]
    costs = {name: (position.cost, position.unrealised) for name, position in snapshot.positions.items()}
    return {**fields, "working": working, "trips": trips, "costs": costs, "limits": gate.limits.to_dict()}


@BOUNDED
@given(
    some_limits=limits(),
    steps=histories(30),
    stops=st.lists(st.booleans(), min_size=30, max_size=30),
    questions=st.lists(orders(), max_size=4),
)
def test_a_restart_changes_nothing(
    some_limits: Limits, steps: list[Any], stops: list[bool], questions: list[Any]
) -> None:
    """The same steps, at random points with a restart between: the same answers, states, trips and numbers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vault.gxr"
        clocks = ManualClock(START), ManualClock(START)
        memory = funded(Gate("property", some_limits, clock=clocks[0]), clocks[0])
        durable = funded(Gate("property", some_limits, clock=clocks[1], journal=file), clocks[1])
        for step, stop in zip(steps, stops, strict=False):
            if stop:
                durable.gate.close()
                durable.gate = Gate.open(file, clock=clocks[1])
            assert told(durable, step) == told(memory, step), step
            assert seen(durable) == seen(memory), step
        for question in questions:
            answers = [vault.gate.validate_order(question) for vault in (durable, memory)]
            kept = [(d.outcome, [(v.rule, v.limit, v.observed, v.message) for v in d.violations]) for d in answers]
            assert kept[0] == kept[1]
            assert durable.gate.max_quantity(question) == memory.gate.max_quantity(question)
        assert uses(durable) == uses(memory)
        durable.gate.close()
        verified = JournalReader(file).verify()
        assert verified["signatures"] == len(
            [1 for event in JournalReader(file).events() if event["kind"] == "redeemed"]
        )
