"""A WebSocket that only those get through to whom it is open; who does not has an HTTP answer, as everywhere."""

from collections.abc import Awaitable, Callable

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketState

from gxrisk.server.access import Access, access_of
from gxrisk.server.guard import admitted
from gxrisk.server.problems import problem_response

Endpoint = Callable[[WebSocket], Awaitable[None]]


class GuardedSocket(WebSocketRoute):
    """Its endpoint is called before the handshake, and what it raises until then is the answer to that."""

    def __init__(self, path: str, endpoint: Endpoint) -> None:
        self.access: Access = access_of(endpoint)

        async def guarded(websocket: WebSocket) -> None:
            try:
                key = await admitted(websocket, self.access)
                websocket.app.state.rates.take(key)
                await endpoint(websocket)
            except Exception as error:
                if websocket.application_state is not WebSocketState.CONNECTING:
                    raise
                await websocket.send_denial_response(problem_response(websocket, error))

        super().__init__(path, guarded, name=getattr(endpoint, "__name__", path))
