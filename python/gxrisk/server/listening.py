"""uvicorn's server, which says where it listens once it does, and lets go of streams when it stops."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import uvicorn

LAST_BYTES_S: Final = 2.0  # that a client has for the end of its answer when the server stops


class ToldServer(uvicorn.Server):
    """Prints one line on stderr when requests are taken; port 0 is any free one. `stopping` ends what stays open."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[float], Awaitable[None]]) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            for one in sockets or ():
                host, port = one.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                sys.stderr.write(f"gxrisk: listening on http://{shown}:{port}\n")
            sys.stderr.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams first, which would last; a client that does not read the rest holds up nothing."""
        await self._stopping(LAST_BYTES_S)
        late = asyncio.get_running_loop().call_later(LAST_BYTES_S, self._let_go)
        try:
            await super().shutdown(sockets)
        finally:
            late.cancel()

    def cut_off(self, client: tuple[str, int]) -> None:
        """End a client's connection, whatever was not sent yet."""
        for one in self.server_state.connections:
            if getattr(one, "client", None) == client:
                _abort(one)

    def _let_go(self) -> None:
        for one in self.server_state.connections:
            transport = getattr(one, "transport", None)
            if transport is not None and transport.is_closing():
                _abort(one)


def _abort(connection: object) -> None:
    transport = getattr(connection, "transport", None)
    if transport is not None:
        transport.abort()
