"""Who watches the monitor: a thread beside the event loop, since nothing in a loop can tell that it hangs."""

import logging
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import Self

_log = logging.getLogger("gxrisk.vaults")

OnHang = Callable[[float], None]
"""Called from the watchdog's thread with the seconds since the last beat, once for each time that the beats stop."""


def log_hang(silent_s: float) -> None:
    """The default: a line in the log `gxrisk.vaults`."""
    _log.critical("the vaults have not been looked at for %.0f s: the process hangs", silent_s)


class Watchdog:
    """Calls `on_hang` when nobody called `beat` for `hang_s` seconds of the machine's steady clock, once each time.

    An `on_hang` that raises is logged. As a context it watches from the beginning to the end.

    >>> from threading import Event
    >>> barked = Event()
    >>> with Watchdog(lambda silent_s: barked.set(), hang_s=0.01):
    ...     barked.wait(10)
    True
    """

    def __init__(self, on_hang: OnHang = log_hang, *, hang_s: float) -> None:
        self._on_hang = on_hang
        self._hang_s = hang_s
        self._over = Event()
        self._beaten = monotonic()
        self._thread = Thread(target=self._watch, name="gxrisk-watchdog", daemon=True)

    def beat(self) -> None:
        """All is well now."""
        self._beaten = monotonic()

    def __enter__(self) -> Self:
        self.beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        told: float | None = None  # the beat after which the silence began that was told
        while True:
            beaten = self._beaten
            silent_s = monotonic() - beaten
            if silent_s >= self._hang_s and beaten != told:
                told = beaten
                try:
                    self._on_hang(silent_s)
                except Exception:
                    _log.exception("a hang could not be told")
            left_s = self._hang_s - silent_s
            if self._over.wait(left_s if left_s > 0 else self._hang_s / 10):
                return
