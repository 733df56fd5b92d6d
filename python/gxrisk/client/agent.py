"""What an agent may ask: as a protocol that a gate's handle and a client share, and as requests."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from gxrisk._native import Order
from gxrisk.client import answers, columns
from gxrisk.client.answers import RemoteDecision, State
from gxrisk.client.call import Call, new_key, number, vault_path
from gxrisk.snapshot import Snapshot


class ViolationLike(Protocol):
    """A rule that an order breaks: `Violation` in a process, `RemoteViolation` from a server."""

    @property
    def rule(self) -> str:
        """Its name, one of `RULES`."""

    @property
    def limit(self) -> Decimal | int | str | None:
        """What is allowed."""

    @property
    def observed(self) -> Decimal | int | str | None:
        """What was seen."""

    @property
    def message(self) -> str:
        """One sentence."""


class DecisionLike(Protocol):
    """The gate's answer: `Decision` in a process, `RemoteDecision` from a server."""

    @property
    def outcome(self) -> Literal["approved", "rejected", "held"]:
        """What was decided."""

    @property
    def approved(self) -> bool:
        """Whether it may be done."""

    @property
    def violations(self) -> Sequence[ViolationLike]:
        """Every rule that it breaks."""

    @property
    def order_id(self) -> str | None:
        """The approved order's id."""

    @property
    def sequence(self) -> int | None:
        """The number of its record; None for what was only asked."""

    def __bool__(self) -> bool:
        """Whether it is approved."""


class Agent(Protocol):
    """What a strategy needs, wherever its gate is: `gate.agent()` in a process, `Client(vault_id)` for a server.

    >>> from gxrisk import Gate, Limits
    >>> agent: Agent = Gate("demo", Limits.for_tier("growth")).agent()
    >>> agent.state
    'active'
    """

    def validate_order(self, order: Order) -> DecisionLike:
        """What the gate would answer now; nothing changes."""

    def validate_batch(self, columns: Mapping[str, Any], *, threads: int = 1) -> npt.NDArray[np.uint32]:
        """Many orders, each alone."""

    def authorize(self, order: Order) -> DecisionLike:
        """Propose it."""

    def hold(self, confidence: float, reasoning: str, *, asset: str | None = None) -> DecisionLike:
        """Put on record that the model holds."""

    def max_quantity(self, order: Order) -> Decimal:
        """How much of it would pass."""

    def headroom(self, asset: str, side: Literal["buy", "sell"]) -> dict[str, Decimal | None]:
        """The room that each rule leaves."""

    def snapshot(self) -> Snapshot:
        """The vault at this instant."""

    @property
    def state(self) -> State:
        """The trading state."""


class AgentCalls:
    """An agent's requests for one vault."""

    __slots__ = ("vault_id",)

    def __init__(self, vault_id: str) -> None:
        self.vault_id = vault_id
        vault_path(vault_id)

    def validate_order(self, order: Order) -> Call[RemoteDecision]:
        """POST .../orders/validate."""
        return Call("POST", self._path("orders", "validate"), answers.read_decision, body=body_of(order))

    def validate_batch(self, given: Mapping[str, Any]) -> Iterator[Call[npt.NDArray[np.uint32]]]:
        """POST .../orders/validate-batch, for each part."""
        for part in columns.parts(given):
            yield Call("POST", self._path("orders", "validate-batch"), columns.read_masks, body=part)

    def authorize(self, order: Order, idempotency_key: str | None) -> Call[RemoteDecision]:
        """POST .../orders."""
        key = idempotency_key or new_key()
        return Call("POST", self._path("orders"), answers.read_decision, body=body_of(order), idempotency_key=key)

    def hold(
        self, confidence: Any, reasoning: str, asset: str | None, idempotency_key: str | None
    ) -> Call[RemoteDecision]:
        """POST .../holds."""
        body = {"confidence": number(confidence), "reasoning": reasoning}
        if asset is not None:
            body["asset"] = asset
        key = idempotency_key or new_key()
        return Call("POST", self._path("holds"), answers.read_decision, body=body, idempotency_key=key)

    def max_quantity(self, order: Order) -> Call[Decimal]:
        """POST .../orders/max-quantity."""
        return Call("POST", self._path("orders", "max-quantity"), answers.read_quantity, body=body_of(order))

    def headroom(self, asset: str, side: str) -> Call[dict[str, Decimal | None]]:
        """GET .../headroom."""
        return Call("GET", self._path("headroom"), answers.read_headroom, query={"asset": asset, "side": side})

    def snapshot(self) -> Call[Snapshot]:
        """GET .../snapshot."""
        return Call("GET", self._path("snapshot"), answers.read_snapshot)

    def state(self) -> Call[State]:
        """GET .../breakers."""
        return Call("GET", self._path("breakers"), answers.read_state)

    def _path(self, *more: str) -> str:
        return vault_path(self.vault_id, *more)


def body_of(order: Order) -> dict[str, Any]:
    """The order as the server reads it.

    >>> body_of(Order("BTC", "buy", "0.03", confidence=0.8, reasoning="breakout"))["quantity"]
    '0.03'
    """
    told = {name: value for name, value in order.to_dict().items() if value is not None}
    return {name: number(value) if isinstance(value, Decimal) else value for name, value in told.items()}
