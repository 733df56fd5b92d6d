"""One event as one line."""

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

from gxrisk import tracing
from gxrisk.context import REQUEST_ID, VAULT_ID
from gxrisk.logs.secrets import REDACTED, Secrets, is_secret_name
from gxrisk.logs.values import ITEMS_MAX, Plain

Event = MutableMapping[str, Any]
OURS: Final = frozenset(
    {"time", "level", "logger", "event", "vault_id", "request_id", "trace_id", "span_id", "exception"}
)
GIVEN: Final = "given_"
TRACE_LINES_MAX: Final = 60
_OF_EVERY_RECORD: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})


class Line:
    """Writes events of structlog, as its last processor, without the secrets it was given.

    What we say of a line (`OURS`) comes from the record and the context alone; a field of such a name, which may be a
    model's, becomes `given_<name>`.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def __call__(self, _logger: object, _method: str, event: Event) -> str:
        """The line, without its end, in ASCII."""
        record: logging.LogRecord = event.pop("_record")
        event.pop("_from_structlog", None)
        plain = Plain(self._secrets)
        shown: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": plain.text(record.name),
            "event": plain.value(event.pop("event", "")),
        }
        if (vault_id := VAULT_ID.get()) is not None:
            shown["vault_id"] = plain.text(vault_id)  # of a request it is what somebody asked for
        if (request_id := REQUEST_ID.get()) is not None:
            shown["request_id"] = request_id
        shown |= zip(("trace_id", "span_id"), tracing.current_ids() or (), strict=False)
        error = _error(event)
        if error is not None:
            text = "".join(traceback.TracebackException.from_exception(error).format())
            shown["exception"] = plain.lines(text, TRACE_LINES_MAX)
        for key, value in [*event.items()][:ITEMS_MAX]:
            name = plain.name(key)
            name = f"{GIVEN}{name}" if name in OURS else name
            shown[name] = REDACTED if is_secret_name(name) else plain.value(value)
        return json.dumps(shown, ensure_ascii=True, allow_nan=False)


def add_extra(_logger: object, _method: str, event: Event) -> Event:
    """The fields that `logging` was given as `extra`, none of which replaces what is there."""
    record: logging.LogRecord = event["_record"]
    for name, value in vars(record).items():
        if name not in _OF_EVERY_RECORD:
            event[f"{GIVEN}{name}" if name in event else name] = value
    return event


def _error(event: Event) -> BaseException | None:
    """The exception that an event is about, taken out of it; what only bears its name is left."""
    match event.get("exc_info"):
        case BaseException() as error:
            pass
        case (type(), BaseException() as error, _):
            pass
        case True if (current := sys.exception()) is not None:
            error = current
        case _:
            return None
    del event["exc_info"]
    return error
