"""A strategy moves from a process to a server by one line: the same decisions, the same words, the same types."""

from __future__ import annotations

import asyncio
import inspect
import time
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from gxrisk import AgentGate, AsyncClient, Client, Gate, Limits, Order, VaultError, order
from gxrisk.client import Agent, Conflict, DecisionLike, InvalidRequest

from .serving import WIDE, Serving


def decide(agent: Agent) -> list[Any]:
    """A strategy that looks, asks, proposes and holds; all that it learned."""
    learned: list[Any] = [agent.state, agent.headroom("BTC", "buy")]
    for number, (asset, side, quantity, more) in enumerate(ORDERS):
        idea = order(asset, side, quantity, confidence=0.8, reasoning=f"idea {number}", **more)
        learned += [told(agent.validate_order(idea)), agent.max_quantity(idea), told(agent.authorize(idea))]
    learned.append(told(agent.hold(0.7, "nothing is sure", asset="BTC")))
    learned.append(agent.validate_batch(BATCH).tolist())
    seen = agent.snapshot()
    learned += [seen.equity, seen.gross_exposure, seen.positions, dict(seen.exposures), seen.state]
    learned += [(one.order.replace(client_order_id=None), one.remaining) for one in seen.working]
    return learned


def told(decision: DecisionLike) -> tuple[Any, ...]:
    """What a decision says, but for the numbers of records."""
    broken = [(one.rule, one.limit, one.observed, one.message) for one in decision.violations]
    return decision.outcome, decision.approved, bool(decision), broken, decision.order_id is None


STOP: dict[str, Any] = {"stop_loss": 98}
ORDERS: list[tuple[str, Any, Any, dict[str, Any]]] = [
    ("BTC", "buy", "0.5", STOP),
    ("BTC", "buy", 0.1, {**STOP, "price": 99.5, "take_profit": "110", "leverage": 2}),
    ("BTC", "buy", 1_000, STOP),
    ("BTC", "buy", 1, {}),
    ("BTC", "buy", 1, {"stop_loss": 101}),
    ("BTC", "sell", 2, {"stop_loss": 102, "leverage": 40}),
    ("BTC", "sell", 1, {"reduce_only": True}),
    ("ETH", "buy", 1, STOP),
    ("BTC", "buy", "0.000000001", STOP),
    ("BTC", "buy", "0.3", {**STOP, "client_order_id": "mine"}),
    ("BTC", "buy", "0.3", {**STOP, "client_order_id": "mine"}),
]
BATCH = {
    "asset": ["BTC", "BTC", "ETH", "BTC"],
    "side": ["buy", "sell", "buy", "buy"],
    "quantity": [0.1, 0.3, 1, 1e4],
    "confidence": [0.9, 0.2, 0.9, 1],
    "stop_loss": [98, 102.5, 98, np.nan],
    "reduce_only": [0, 0, 0, np.nan],
}


def in_process() -> Gate:
    """The same vault with the same market, in this process: a range of 1 a second is an ATR of 1."""
    gate = Gate("ann", Limits.for_tier("growth").replace(**WIDE))
    gate.deposit(10_000)
    gate.mark("BTC", 101 if int(time.time()) % 2 else 100, atr=1)
    return gate


def test_the_same_strategy_decides_the_same(server: Serving) -> None:
    """Every decision, with its rules, figures and sentences; every size; what is left at the end."""
    with server.agent() as agent:
        mark = agent.snapshot().marks["BTC"]
        gate = in_process()
        gate.mark("BTC", mark, atr=1)
        here, there = decide(gate.agent()), decide(agent)
    assert here == there
    outcomes = [one[0] for one in here if isinstance(one, tuple) and isinstance(one[0], str)]
    assert {"approved", "rejected", "held"} <= set(outcomes)


def test_the_methods_are_those_of_a_gate_s_handle() -> None:
    """Name by name, parameter by parameter; what a client has beyond them is optional."""
    names = {name for name in dir(AgentGate) if not name.startswith("_")}
    for kind in (Client, AsyncClient):
        assert {name for name in dir(kind) if not name.startswith("_")} - names == {"close", "events"}
        for name in names - {"state"}:
            theirs = inspect.signature(getattr(AgentGate, name)).parameters
            ours = inspect.signature(getattr(kind, name)).parameters
            assert list(ours)[: len(theirs)] == list(theirs), name
            more = list(ours.values())[len(theirs) :]
            assert all(one.kind is one.KEYWORD_ONLY and one.default is None for one in more), name


def test_awaited_it_is_the_same(server: Serving) -> None:
    """`AsyncClient` against `Client`, beside each other."""
    idea = order("BTC", "buy", "0.2", confidence=0.8, reasoning="both", stop_loss=98, client_order_id="both")

    async def asked() -> list[Any]:
        async with AsyncClient("ann", server.url, server.keys["propose"]) as client:
            first = await asyncio.gather(*(client.authorize(idea) for _ in range(8)))
            rest = await asyncio.gather(
                client.validate_order(idea),
                client.max_quantity(idea),
                client.headroom("BTC", "sell"),
                client.hold("0.5", "waits"),
                client.validate_batch(BATCH),
                client.snapshot(),
            )
            return [first, *rest, await client.state]

    (first, checked, most, room, held, masks, seen, state) = asyncio.run(asked())
    assert len({one.order_id for one in first}) == 1
    assert all(first)
    with server.agent() as agent:
        assert agent.authorize(idea) == first[0]
        assert (told(agent.validate_order(idea)), agent.max_quantity(idea)) == (told(checked), most)
        assert (agent.headroom("BTC", "sell"), agent.state) == (room, state)
        assert held.sequence is not None
        assert agent.validate_batch(BATCH).tolist() == masks.tolist()
        now = agent.snapshot()
    assert [one.order_id for one in now.working] == [one.order_id for one in seen.working]
    assert isinstance(now.equity, Decimal)
    assert isinstance(now.working[0].order, Order)


def test_many_rows_are_many_requests(server: Serving) -> None:
    """And the masks are one array, in the order of the rows."""
    rows = 4_500
    columns = {
        "asset": np.arange(rows) % 2,
        "assets": ["BTC", "ETH"],
        "side": np.where(np.arange(rows) % 3 == 0, 1.0, -1.0),
        "quantity": np.full(rows, 1e-9),
        "confidence": np.linspace(0, 1, rows),
        "stop_loss": np.where(np.arange(rows) % 3 == 0, 98.0, 103.0),
    }
    with server.agent() as agent:
        mark = agent.snapshot().marks["BTC"]
        masks = agent.validate_batch(columns)
        fine = agent.validate_batch({**columns, "confidence": np.ones(rows)})
    gate = in_process()
    gate.mark("BTC", mark, atr=1)
    assert (masks.dtype, len(masks)) == (np.uint32, rows)
    assert fine.tolist() == gate.validate_batch({**columns, "confidence": np.ones(rows)}).tolist()
    assert masks.tolist() == gate.validate_batch(columns).tolist()


def test_what_is_wrong_is_the_same_error(server: Serving) -> None:
    """A strategy's `except` holds on both sides: `ValueError` for malformed, `VaultError` for the vault's state."""
    with server.agent() as agent:
        for broken in (
            lambda: agent.hold(1.5, "too sure"),
            lambda: agent.hold("nan", "no number"),
            lambda: agent.hold(0.5, ""),
            lambda: agent.headroom("not an asset", "buy"),
            lambda: agent.validate_batch({"asset": ["BTC"], "side": ["buy"], "quantity": [np.nan], "confidence": [1]}),
        ):
            with pytest.raises(ValueError, match=r".") as caught:
                broken()
            assert not isinstance(caught.value, VaultError)
        with pytest.raises(InvalidRequest) as refused:
            agent.hold(1.5, "too sure")
        assert (refused.value.code, refused.value.status, len(refused.value.request_id or "")) == (
            "invalid_request",
            422,
            32,
        )
    with server.operator() as operator, pytest.raises(VaultError) as conflict:
        operator.cancel("ann", "gx-999999")
    assert isinstance(conflict.value, Conflict)
    assert "no order that works here" in conflict.value.detail
