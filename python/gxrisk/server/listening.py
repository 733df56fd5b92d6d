"""uvicorn's server, which says where it listens once it does: port 0 is any free one."""

import socket
import sys

import uvicorn


class ToldServer(uvicorn.Server):
    """Prints one line on stderr when requests are taken."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            for one in sockets or ():
                host, port = one.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                sys.stderr.write(f"gxrisk: listening on http://{shown}:{port}\n")
            sys.stderr.flush()
