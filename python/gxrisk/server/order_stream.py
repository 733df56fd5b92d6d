"""Orders over a WebSocket: many in flight, each answered by its id as soon as it is decided."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from starlette.websockets import WebSocket, WebSocketDisconnect

from gxrisk._native import Order
from gxrisk.server.bodies import depth
from gxrisk.server.deciding import Judged
from gxrisk.server.desk import Desk
from gxrisk.server.orders import OrderBody, shown
from gxrisk.server.problems import Problem, body_of, problem_of
from gxrisk.server.rates import Rates
from gxrisk.server.shapes import Body
from gxrisk.server.streams import Stream

CLOSE_CODES: Final = {"key_ended": 4401, "lasted": 1001, "shutting_down": 1001, "storage": 1011, "binary": 1003}
_ID_CHARS_MAX: Final = 64


class StreamedOrder(Body):
    """An order with an id of the client's choice, which its answer has, too."""

    id: Annotated[str, Field(min_length=1, max_length=_ID_CHARS_MAX)]
    op: Literal["propose", "validate"]
    order: OrderBody

    def made(self) -> Order:
        """The order. Raises `InvalidOrder`, and `Problem` where it could not be proposed again after a lost answer."""
        if self.op == "propose" and self.order.client_order_id is None:
            text = "order.client_order_id: it is what makes an order that is sent again the same order; give one"
            raise Problem(422, "invalid_request", text)
        return self.order.order()


class OrderStream:
    """One client's stream into one vault. `end` ends it: what is in flight is answered, nothing more is taken."""

    def __init__(self, websocket: WebSocket, desk: Desk, vault_id: str, rates: Rates) -> None:
        self._websocket = websocket
        self._desk = desk
        self._vault_id = vault_id
        self._rates = rates
        self._config = desk.config.streams
        self._request_id: str = websocket.state.request_id
        self._is_gone = False
        self._listening: asyncio.Timeout | None = None
        self._asked: list[tuple[str, Order]] = []
        self._working: set[asyncio.Task[None]] = set()
        self._in_flight = 0
        self._room = asyncio.Event()

    def end(self) -> None:
        """Take no more."""
        if self._listening is not None and not self._listening.expired():
            self._listening.reschedule(0)

    async def run(self, stream: Stream) -> None:
        """Take orders until the client goes or the stream has to end."""
        await self._websocket.accept()
        over = asyncio.get_running_loop().call_later(self._config.lasts_s, stream.end, "lasted")
        try:
            try:
                async with asyncio.timeout(0 if stream.ended else None) as self._listening:
                    await self._take(stream)
            except TimeoutError:
                pass
            while self._working:
                await asyncio.wait(self._working)
            if not self._is_gone:
                with suppress(WebSocketDisconnect):
                    why = stream.ended or ""
                    await self._send(lambda: self._websocket.close(CLOSE_CODES.get(why, 1000), why))
        finally:
            over.cancel()

    async def _take(self, stream: Stream) -> None:
        limit = self._config.orders_in_flight_max
        while not self._is_gone:
            while self._in_flight >= limit:  # what comes meanwhile waits at the client
                self._room.clear()
                await self._room.wait()
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                self._is_gone = True
                return
            text = message.get("text")
            if text is None:
                stream.end("binary")
                return
            self._in_flight += 1
            try:
                asked = self._read(text)
                order = asked.made()
            except Exception as error:
                self._begin(self._answer(_id(text), error))
                continue
            if asked.op == "propose":
                self._begin(self._propose(asked.id, order), must_end=True)
            else:
                self._asked.append((asked.id, order))
                if len(self._asked) == 1:
                    self._begin(self._judge())

    def _begin(self, work: Coroutine[Any, Any, None], *, must_end: bool = False) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        if must_end:
            self._desk.in_flight.add(task)
            task.add_done_callback(self._desk.in_flight.discard)

    def _read(self, text: str) -> StreamedOrder:
        if not self._rates.is_within(self._websocket.state.key.id):
            raise Problem(429, "rate_limited", f"more than {self._rates.per_minute} streamed orders a minute")
        if not self._desk.is_ready:
            raise Problem(503, "not_ready", "the server is starting or shutting down")
        deepest = self._desk.config.http.json_depth_max
        if text.count("{") + text.count("[") > deepest and depth(text.encode()) > deepest:
            raise Problem(422, "too_deep", f"the JSON is nested more than {deepest} deep")
        return StreamedOrder.model_validate_json(text)

    async def _propose(self, name: str, order: Order) -> None:
        try:
            answer: Judged = await self._desk.deciding.propose(self._desk.vault(self._vault_id), order)
        except Exception as error:
            answer = error
        self._desk.recorded()
        await self._answer(name, answer)

    async def _judge(self) -> None:
        """All that have gathered, at once."""
        await asyncio.sleep(0)
        asked, self._asked = self._asked, []
        try:
            vault = self._desk.vault(self._vault_id)
            answers: Sequence[Judged] = await self._desk.deciding.judge(vault, [order for _, order in asked])
        except Exception as error:
            answers = [error] * len(asked)
        for (name, _), answer in zip(asked, answers, strict=True):
            await self._answer(name, answer)

    async def _answer(self, name: str | None, answer: Judged) -> None:
        told = json.dumps(name)
        if isinstance(answer, Exception):
            body = body_of(problem_of(answer, self._request_id), self._request_id)
            text = f'{{"id":{told},"problem":{body.model_dump_json(exclude_none=True)}}}'
        else:
            text = f'{{"id":{told},"decision":{shown(answer).model_dump_json()}}}'
        try:
            if not self._is_gone:
                await self._send(lambda: self._websocket.send_text(text))
        except (WebSocketDisconnect, RuntimeError):
            self._is_gone = True
        finally:
            self._in_flight -= 1
            self._room.set()

    async def _send(self, send: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A client that takes nothing for too long is cut off."""
        try:
            async with asyncio.timeout(self._config.stall_s):
                await send()
        except TimeoutError:
            if self._is_gone:
                return  # another answer waited for it, too
            self._is_gone = True
            self._desk.streams.cut["orders"] += 1
            if self._websocket.client is not None:
                self._desk.streams.cut_off((self._websocket.client.host, self._websocket.client.port))


def _id(text: str) -> str | None:
    """The id of a message that is not as it should be, where it has one: so its sender knows which it was."""
    with suppress(ValueError, RecursionError):
        message = json.loads(text)
        name = message.get("id") if isinstance(message, dict) else None
        if isinstance(name, str) and len(name) <= _ID_CHARS_MAX:
            return name
    return None
