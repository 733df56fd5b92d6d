"""A stream that never makes its writer wait: a thread writes, and what does not fit is counted."""

import queue
import sys
from io import TextIOBase
from threading import Thread
from typing import Final, TextIO

LINES_MAX: Final = 10_000
_END: Final = None


class Beside(TextIOBase):
    """Takes text for another stream, whose reader may hang: a process must not stop because nobody reads its log.

    At most `lines_max` writes wait; later ones are dropped, and how many is told once there is room again. `close`
    waits for what is left, for a time.

    >>> import io
    >>> stream = io.StringIO()
    >>> beside = Beside(stream)
    >>> _ = beside.write("a line\\n")
    >>> beside.close()
    >>> stream.getvalue()
    'a line\\n'
    """

    def __init__(self, stream: TextIO | None = None, *, lines_max: int = LINES_MAX, close_s: float = 2.0) -> None:
        self._stream = stream or sys.stderr
        self._waiting: queue.Queue[str | None] = queue.Queue(lines_max)
        self._dropped = 0
        self._close_s = close_s
        self._thread = Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str, /) -> int:
        """Take it, or count it."""
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self._dropped += 1
        return len(text)

    def close(self) -> None:
        """Write what waits, for `close_s` seconds at the most."""
        if not self.closed:
            super().close()
            try:
                self._waiting.put(_END, timeout=self._close_s)
            except queue.Full:
                return  # nobody reads: the thread ends with the process
            self._thread.join(self._close_s)

    def _write(self) -> None:
        while (text := self._waiting.get()) is not _END:
            try:
                self._stream.write(text)
                if self._dropped and self._waiting.empty():
                    dropped, self._dropped = self._dropped, 0
                    self._stream.write(f'{{"level": "error", "event": "{dropped} log lines were dropped"}}\n')
                self._stream.flush()
            except (OSError, ValueError):
                continue  # the stream is gone: there is nowhere left to say so
