"""Order streams: a WebSocket for an agent that proposes often."""

from fastapi import APIRouter
from starlette.websockets import WebSocket

from gxrisk.server.access import changes
from gxrisk.server.desk import Desk
from gxrisk.server.guarded_socket import GuardedSocket
from gxrisk.server.order_stream import OrderStream

router = APIRouter()


@changes("propose")
async def stream_orders(websocket: WebSocket) -> None:
    """Orders in, decisions out, correlated by the client's `id` (docs/server.md)."""
    desk: Desk = websocket.app.state.desk
    vault_id: str = websocket.path_params["vault_id"]
    desk.vault(vault_id)
    orders = OrderStream(websocket, desk, vault_id, websocket.app.state.stream_rates)
    stream = desk.streams.open(websocket.state.key, "orders", orders.end)
    try:
        await orders.run(stream)
    finally:
        desk.streams.close(stream)


router.routes.append(GuardedSocket("/v1/vaults/{vault_id}/orders/stream", stream_orders))
