"""A journal's record as readers are told of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, get_args

from gxrisk._native import JournalReader
from gxrisk.history.amounts import plain

Kind = Literal[
    "opened", "market", "flow", "funding", "volatility", "lot_steps", "correlation_groups", "decision", "hold",
    "redeemed", "accepted", "fill", "cancelled", "failed", "expired", "day", "trip", "end", "cancel_requested",
    "paused", "resumed", "killed", "reactivated", "limits", "risk_scale", "restarted", "keys", "owner_key",
    "withdrawal", "checkpoint", "note",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
CHUNK: Final = 100  # records of one read: a read holds up the other threads of the process for about a millisecond
_LEFT_OUT: Final = frozenset(
    {"time_ns"}
)  # `time` says it to the nanosecond, and JSON's readers round so large a number


@dataclass(frozen=True, slots=True)
class Told:
    """A record: its number, its kind, and its words as JSON."""

    sequence: int
    kind: str
    data: bytes

    @property
    def block(self) -> bytes:
        """What an event stream says of it, but for the id's line."""
        return b"event: %b\ndata: %b\n\n" % (self.kind.encode(), self.data)


def read(journal: Path, since: int, limit: int = CHUNK) -> list[Told]:
    """At most `limit` records after the sequence `since`: what is read from the file is safe on the disk.

    Raises `JournalError`.
    """
    reader = JournalReader(journal)
    return [told(reader.vault_id, record) for record in reader.events(since, limit)]


def founded(journal: Path) -> int:
    """When the vault was made, in nanoseconds since 1970. Raises `JournalError`."""
    time_ns: int = JournalReader(journal).events(0, 1)[0]["time_ns"]
    return time_ns


def last(journal: Path) -> int:
    """The sequence of the last record, found by a few dozen looks. Raises `JournalError`."""
    reader = JournalReader(journal)
    above = 1
    while reader.events(above, 1):
        above *= 2
    below = above // 2  # a record follows on it, unless it is 0
    while above - below > 1:
        middle = (above + below) // 2
        if reader.events(middle, 1):
            below = middle
        else:
            above = middle
    return above


def told(vault_id: str, record: Mapping[str, Any]) -> Told:
    """A record in the words of `Gate.events`, with its vault; decimals are text.

    >>> told("ann", {"sequence": 3, "time_ns": 1, "kind": "flow", "amount": Decimal("1E+4")}).data
    b'{"vault_id":"ann","sequence":3,"kind":"flow","amount":"10000"}'
    """
    words = {"vault_id": vault_id, **{name: one for name, one in record.items() if name not in _LEFT_OUT}}
    data = json.dumps(words, default=_text, separators=(",", ":"))  # ASCII: no line of it ends early
    return Told(record["sequence"], record["kind"], data.encode())


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(f"a record holds {type(value).__name__}")
