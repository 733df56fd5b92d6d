"""`gxrisk.Client` and `gxrisk.AsyncClient`: a gate's handle for an AI, whose gate is on a server."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from gxrisk._native import AgentGate, Order
from gxrisk.client import columns as batch
from gxrisk.client.address import Address
from gxrisk.client.agent import Agent, AgentCalls
from gxrisk.client.answers import RemoteDecision, State
from gxrisk.client.event_stream import EventStream, Told
from gxrisk.client.retries import Retries
from gxrisk.client.transport import AsyncTransport, Transport
from gxrisk.snapshot import Snapshot

Side = Literal["buy", "sell"]
TIMEOUT_S = 10.0


class Client:
    """The agent's handle on a vault of a server: the methods of `gate.agent()`, with the same meaning.

    `base_url`, `key` and `key_file` are `GXRISK_URL`, `GXRISK_KEY` and `GXRISK_KEY_FILE` where they are not given.
    Each attempt has `timeout_s` seconds to connect and for each part of an answer; `retries` bounds all attempts
    together. Any number of threads may share one client. Raises `ClientConfigError`.

    A call raises `ClientError`, never anything of HTTP; what is malformed is an `InvalidOrder` and what does not fit
    the vault's state a `VaultError`, as in a process. A refusal by the gate is an answer.

    >>> agent = Client("growth-1", "http://127.0.0.1:8780", "secret")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    gxrisk.client.errors.ClientConfigError: the API key: that is no API key; one like gxr_... is, ...
    """

    def __init__(
        self,
        vault_id: str,
        base_url: str | None = None,
        key: str | None = None,
        *,
        key_file: str | os.PathLike[str] | None = None,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        self._calls = AgentCalls(vault_id)
        address = Address.of(base_url, key, key_file, allow_plain_http=allow_plain_http)
        self._transport = Transport(address, retries or Retries(), timeout_s)

    def __repr__(self) -> str:
        """Without the key."""
        return f"{type(self).__name__}({self._calls.vault_id!r}, {self._transport.url!r})"

    def validate_order(self, order: Order) -> RemoteDecision:
        """What the gate would answer now; nothing changes."""
        return self._transport.call(self._calls.validate_order(order))

    def validate_batch(self, columns: Mapping[str, Any], *, threads: int = 1) -> npt.NDArray[np.uint32]:
        """Many orders, each alone: columns and masks as `Gate.validate_batch` has them.

        Each 2,000 rows are one request, and are judged together against the vault as it is then. `threads` is there for
        the signature: how many judge is the server's own business.
        """
        return batch.joined([self._transport.call(one) for one in self._calls.validate_batch(columns)])

    def authorize(self, order: Order, *, idempotency_key: str | None = None) -> RemoteDecision:
        """Propose it; an approved order goes to the venue at once, and at most once, however often this is tried.

        After a `ServerUnavailable` with `may_be_done`, the same order with its `idempotency_key` has what became of it.
        """
        return self._transport.call(self._calls.authorize(order, idempotency_key))

    def hold(
        self,
        confidence: float | str | Decimal,
        reasoning: str,
        *,
        asset: str | None = None,
        idempotency_key: str | None = None,
    ) -> RemoteDecision:
        """Put on record that the model holds."""
        return self._transport.call(self._calls.hold(confidence, reasoning, asset, idempotency_key))

    def max_quantity(self, order: Order) -> Decimal:
        """The largest quantity of this order that passes now, 0 where none does."""
        return self._transport.call(self._calls.max_quantity(order))

    def headroom(self, asset: str, side: Side) -> dict[str, Decimal | None]:
        """Per rule, the largest quantity of a plain opening order that it lets pass; None where it sets no bound."""
        return self._transport.call(self._calls.headroom(asset, side))

    def snapshot(self) -> Snapshot:
        """The vault at one instant."""
        return self._transport.call(self._calls.snapshot())

    @property
    def state(self) -> State:
        """The trading state; asks the server each time."""
        return self._transport.call(self._calls.state())

    def events(self, since: int | None = None, *, kinds: Sequence[str] = ()) -> Iterator[Told]:
        """What the vault's journal says, for as long as it is asked for: from the record after `since` (0: all), else
        from now on; of these `kinds` alone, where any are named.

        Each is a record as `Gate.events` has it, with decimals as text. A connection that ends is made anew where it
        ended; `retries` bounds how long the server may be away.
        """
        return self._transport.follow(EventStream(self._calls.vault_id, since, kinds))

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


class AsyncClient:
    """`Client` for one event loop: the same methods, awaited. `state` is awaited as well: `await client.state`."""

    def __init__(
        self,
        vault_id: str,
        base_url: str | None = None,
        key: str | None = None,
        *,
        key_file: str | os.PathLike[str] | None = None,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        self._calls = AgentCalls(vault_id)
        address = Address.of(base_url, key, key_file, allow_plain_http=allow_plain_http)
        self._transport = AsyncTransport(address, retries or Retries(), timeout_s)

    def __repr__(self) -> str:
        """Without the key."""
        return f"{type(self).__name__}({self._calls.vault_id!r}, {self._transport.url!r})"

    async def validate_order(self, order: Order) -> RemoteDecision:
        """As `Client.validate_order`."""
        return await self._transport.call(self._calls.validate_order(order))

    async def validate_batch(self, columns: Mapping[str, Any], *, threads: int = 1) -> npt.NDArray[np.uint32]:
        """As `Client.validate_batch`."""
        return batch.joined([await self._transport.call(one) for one in self._calls.validate_batch(columns)])

    async def authorize(self, order: Order, *, idempotency_key: str | None = None) -> RemoteDecision:
        """As `Client.authorize`. A task that is cancelled while it waits may have proposed the order."""
        return await self._transport.call(self._calls.authorize(order, idempotency_key))

    async def hold(
        self,
        confidence: float | str | Decimal,
        reasoning: str,
        *,
        asset: str | None = None,
        idempotency_key: str | None = None,
    ) -> RemoteDecision:
        """As `Client.hold`."""
        return await self._transport.call(self._calls.hold(confidence, reasoning, asset, idempotency_key))

    async def max_quantity(self, order: Order) -> Decimal:
        """As `Client.max_quantity`."""
        return await self._transport.call(self._calls.max_quantity(order))

    async def headroom(self, asset: str, side: Side) -> dict[str, Decimal | None]:
        """As `Client.headroom`."""
        return await self._transport.call(self._calls.headroom(asset, side))

    async def snapshot(self) -> Snapshot:
        """As `Client.snapshot`."""
        return await self._transport.call(self._calls.snapshot())

    @property
    async def state(self) -> State:
        """As `Client.state`."""
        return await self._transport.call(self._calls.state())

    def events(self, since: int | None = None, *, kinds: Sequence[str] = ()) -> AsyncIterator[Told]:
        """As `Client.events`."""
        return self._transport.follow(EventStream(self._calls.vault_id, since, kinds))

    async def close(self) -> None:
        """Close its connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()


if TYPE_CHECKING:  # a strategy that takes an `Agent` takes either

    def _both(gate: AgentGate, client: Client) -> tuple[Agent, Agent]:
        return gate, client
