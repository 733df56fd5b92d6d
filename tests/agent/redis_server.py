"""A Redis server of the tests' own: Debian's program, a temporary folder, a Unix socket, nothing left."""

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Server:
    """A server that can be stopped, frozen and started again; what it held is gone with it."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._socket = folder / "redis.sock"
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = ["--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [self._program, *settings, "--dir", str(self._socket.parent)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        told = []
        for line in self._process.stdout:
            told.append(line)
            if "eady to accept connections" in line:
                return
        raise AssertionError("".join(told))

    def stop(self) -> None:
        """End it at once; its connections break."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def freeze(self) -> None:
        """Let it answer nothing, while connections are still taken."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def running(program: str) -> Iterator[Server]:
    """A new server, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="gxrisk-redis-") as name:
        server = Server(program, Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()
