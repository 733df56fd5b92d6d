"""What an owner must hear of: kept in the journal until somebody took it, so that a crash loses none."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal, Protocol

Severity = Literal["info", "warning", "critical"]

TOPIC: Final = "notices"
WAITING_MAX: Final = 50
NOTIFY_S: Final = 10.0  # a listener that takes longer holds up every vault
SUBJECT_CHARS_MAX: Final = 64
TEXT_CHARS_MAX: Final = 250  # so that all of them fit into one note
_log = logging.getLogger("gxrisk.vaults")


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: `code` is a word for programs, `text` a sentence for people, `number` unique in the vault.

    `subject` is what it is about where a vault can have several of a code at once: an asset, a guard, a breaker.
    """

    vault_id: str
    number: int
    at: str
    severity: Severity
    code: str
    text: str
    subject: str = ""


Notify = Callable[[Notice], Awaitable[None]]
"""Takes a notice to whoever must hear of it, within ten seconds; an exception means that it must be taken again."""


async def log_notice(notice: Notice) -> None:
    """The default: a line in the log `gxrisk.vaults`."""
    level = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.CRITICAL}[notice.severity]
    _log.log(level, "%s: %s (%s)", notice.vault_id, notice.text, notice.code)


def printable(text: str) -> str:
    """The text with a question mark for what no line or file should hold; much of it may come from a venue.

    >>> printable("one\\x00two\\ud800")
    'one?two?'
    """
    return "".join(one if one.isprintable() else "?" for one in text)


class Notebook(Protocol):
    """Keeps a text by its topic, durably: a vault's gate does, and the file of a fleet."""

    @property
    def vault_id(self) -> str:
        """Whose notes these are."""

    @property
    def notes(self) -> Mapping[str, str]:
        """The last text of each topic."""

    def note(self, topic: str, text: str) -> None:
        """Keep it."""


class Notices:
    """An outbox, a vault's or the fleet's.

    A notice is told at least once: again, when a crash came between telling and noting so. At most 50 wait; the oldest
    that is not critical gives way to a new one.

    >>> import asyncio
    >>> from gxrisk import Gate, Limits, ManualClock
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    >>> notices = Notices(gate)
    >>> notices.add("2020-03-12T00:00:00Z", "critical", "drawdown", "15 % are lost")
    >>> told = []
    >>> async def tell(notice):
    ...     told.append((notice.number, notice.code))
    >>> asyncio.run(notices.deliver(tell))
    >>> told, notices.waiting
    ([(1, 'drawdown')], ())
    """

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        kept = json.loads(notebook.notes.get(TOPIC, '{"last": 0, "waiting": []}'))
        self._last: int = kept["last"]
        self._waiting = [Notice(**one) for one in kept["waiting"]]

    @property
    def waiting(self) -> tuple[Notice, ...]:
        """What nobody took yet, oldest first."""
        return tuple(self._waiting)

    def add(self, at: str, severity: Severity, code: str, text: str, subject: str = "") -> None:
        """Keep a notice; durable when this returns. What waits already in the same words is not added again."""
        text = printable(text)[:TEXT_CHARS_MAX]
        if any((one.code, one.text) == (code, text) for one in self._waiting):
            return
        self._last += 1
        if len(self._waiting) >= WAITING_MAX:
            mild = (index for index, one in enumerate(self._waiting) if one.severity != "critical")
            del self._waiting[next(mild, 0)]
        subject = printable(subject)[:SUBJECT_CHARS_MAX]
        self._waiting.append(Notice(self._notebook.vault_id, self._last, at, severity, code, text, subject))
        self._keep()

    async def deliver(self, notify: Notify) -> None:
        """Take what waits to `notify`, oldest first, until one fails, which then waits on."""
        told = set()
        try:
            for notice in tuple(self._waiting):
                await asyncio.wait_for(notify(notice), NOTIFY_S)
                told.add(notice.number)
        except Exception:
            _log.exception("%s: a notice could not be told and waits", self._notebook.vault_id)
        if told:
            self._waiting = [one for one in self._waiting if one.number not in told]
            self._keep()

    def _keep(self) -> None:
        waiting = [asdict(one) for one in self._waiting]
        self._notebook.note(TOPIC, json.dumps({"last": self._last, "waiting": waiting}, ensure_ascii=False))
