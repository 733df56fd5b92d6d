"""What a report needs of the journal itself, since a history does not copy it: marks, cancels, the last record."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from os import PathLike
from typing import Any, Final

from gxrisk._native import JournalReader
from gxrisk.history.times import nanoseconds

_PAGE_RECORDS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Cancels:
    """The gate asked for the end of these orders."""

    sequence: int
    at_ns: int
    order_ids: tuple[str, ...]


@dataclass(slots=True)
class Marks:
    """The marks of one asset that the journal holds, by feed time. Not every mark is recorded."""

    times_ns: list[int] = field(default_factory=list)
    prices: list[Decimal] = field(default_factory=list)

    def add(self, at_ns: int, price: Decimal) -> None:
        """One more, unless it is older than the newest."""
        if not self.times_ns or at_ns >= self.times_ns[-1]:
            self.times_ns.append(at_ns)
            self.prices.append(price)

    def within(self, after_ns: int, until_ns: int) -> list[Decimal]:
        """The prices later than `after_ns` and not later than `until_ns`."""
        first = bisect_left(self.times_ns, after_ns + 1)
        return self.prices[first : bisect_left(self.times_ns, until_ns + 1)]


@dataclass(slots=True)
class Recorded:
    """One pass over the records of a span."""

    marks: dict[str, Marks] = field(default_factory=lambda: defaultdict(Marks))
    decided_at: dict[int, Decimal | None] = field(default_factory=dict)  # a decision's own mark; at a hold the newest
    cancels: list[Cancels] = field(default_factory=list)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)  # of a breaker at a time: the record
    first: int | None = None
    last: int | None = None
    last_ns: int | None = None
    last_hash: str | None = None

    @classmethod
    def of(cls, journal: str | PathLike[str], since_ns: int, until_ns: int) -> "Recorded":
        """Read the records from `since_ns` to before `until_ns`; the ones before them are only counted."""
        found = cls()
        reader = JournalReader(journal)
        for record in _records(reader, _sequence_before(reader, since_ns)):
            if record["time_ns"] >= until_ns:
                break
            found._take(record)
        return found

    def _take(self, record: Mapping[str, Any]) -> None:
        if self.first is None:
            self.first = record["sequence"]
        self.last, self.last_ns, self.last_hash = record["sequence"], record["time_ns"], record["hash"]
        match record["kind"]:
            case "market":
                for mark in record["marks"]:
                    self.marks[mark["asset"]].add(nanoseconds(mark["time"]), mark["price"])
            case "decision":
                self.decided_at[record["sequence"]] = record["evidence"]["mark"]
            case "hold" if record["asset"] in self.marks:
                self.decided_at[record["sequence"]] = self.marks[record["asset"]].prices[-1]
            case "end":
                self.ends[record["breaker"], record["time_ns"]] = record["sequence"]
            case "cancel_requested":
                self.cancels.append(Cancels(record["sequence"], record["time_ns"], tuple(record["order_ids"])))


def last_time_ns(journal: str | PathLike[str]) -> int | None:
    """When a journal's last record was made; None for one without records."""
    reader = JournalReader(journal)
    beyond = 1
    while reader.events(beyond - 1, 1):
        beyond *= 2
    last = bisect_left(range(beyond), True, key=lambda sequence: not reader.events(sequence, 1))
    return _time_ns(reader, last) if last else None


def _records(reader: JournalReader, after: int) -> Iterator[Mapping[str, Any]]:
    while page := reader.events(after, _PAGE_RECORDS):
        yield from page
        after = page[-1]["sequence"]


def _sequence_before(reader: JournalReader, time_ns: int) -> int:
    """The last record before a time, by a few looks: a gate's time never goes back."""
    beyond = 1
    while reader.events(beyond - 1, 1) and _time_ns(reader, beyond) < time_ns:
        beyond *= 2
    return bisect_left(range(1, beyond), True, key=lambda at: _is_from(reader, at, time_ns))


def _is_from(reader: JournalReader, sequence: int, time_ns: int) -> bool:
    found = reader.events(sequence - 1, 1)
    return not found or bool(found[0]["time_ns"] >= time_ns)


def _time_ns(reader: JournalReader, sequence: int) -> int:
    time_ns: int = reader.events(sequence - 1, 1)[0]["time_ns"]
    return time_ns
