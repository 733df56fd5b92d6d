"""Where logs go: one handler for structlog and for `logging`."""

import logging
import sys
from collections.abc import Iterable
from typing import Final, TextIO

import structlog

from gxrisk.logs.line import Line, add_extra
from gxrisk.logs.secrets import Secrets

_SECRETS: Final = Secrets()


def configure_logs(
    *, level: str | int = "INFO", stream: TextIO | None = None, secrets: Iterable[str] = (), name: str = ""
) -> logging.Handler:
    """Write logs to `stream` (standard error), one JSON object a line, of structlog and `logging` alike; the handler.

    `secrets` are values that must never be seen; `hide` adds more later. `name` is the logger whose lines are taken,
    with those below it: all, by default. What this set up for it before is replaced. Raises `ValueError` for a level
    that there is not.

    >>> handler = configure_logs(stream=sys.stdout, name="example", secrets=["hunter22"])
    >>> logging.getLogger("example").warning("password hunter22\\nlevel=critical")  # doctest: +ELLIPSIS
    {"time": "...", "level": "warning", "logger": "example", "event": "password [redacted]\\\\nlevel=critical"}
    >>> logging.getLogger("example").removeHandler(handler)
    """
    hide(*secrets)
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[add_extra], processors=[Line(_SECRETS)])
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logger = logging.getLogger(name)
    logger.setLevel(level)
    for before in [one for one in logger.handlers if isinstance(one, _Handler)]:
        logger.removeHandler(before)
    logger.addHandler(handler)
    return handler


def hide(*secrets: str) -> None:
    """Never show these values in a log again. Raises `ValueError` for one under six characters."""
    _SECRETS.add(*secrets)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, to be told from others; a line that cannot be made is told without what it was made of."""

    def handleError(self, record: logging.LogRecord) -> None:
        """The default would print the arguments as they are."""
        error = sys.exc_info()[0]
        name = "an error" if error is None else error.__name__
        text = f"a log line could not be made: {name} at {record.pathname}:{record.lineno}"
        safe = logging.LogRecord("gxrisk.logs", logging.ERROR, record.pathname, record.lineno, text, None, None)
        try:
            self.stream.write(self.format(safe) + self.terminator)
        except Exception:
            return  # the stream itself is gone: there is nowhere left to say so
