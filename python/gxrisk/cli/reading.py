"""Finding one's way in a journal without holding it in memory."""

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from gxrisk._native import JournalReader
from gxrisk.cli.failures import CommandError

Record = dict[str, Any]

PAGE_RECORDS: Final = 1_000


def journal_of(file: Path, vault: str | None) -> JournalReader:
    """Open a journal; where a vault is named, refuse one of another vault."""
    reader = JournalReader(file)
    if vault is not None and vault != reader.vault_id:
        raise CommandError(f"--vault: {file} is the journal of {reader.vault_id}, {vault} was asked for")
    return reader


def pages(reader: JournalReader, since: int) -> Iterator[list[Record]]:
    """The records after the sequence `since`, a thousand at a time."""
    while page := reader.events(since, PAGE_RECORDS):
        yield page
        since = page[-1]["sequence"]


def record_at(reader: JournalReader, sequence: int) -> Record:
    """One record, or the error that says which there are."""
    found = reader.events(sequence - 1, 1)
    if not found or found[0]["sequence"] != sequence:
        raise CommandError(f"there is no record {sequence}; this journal has 1 to {last_sequence(reader)}")
    return found[0]


def last_sequence(reader: JournalReader) -> int:
    """The last record's sequence, by a few looks; 0 where there is none."""
    beyond = 1
    while reader.events(beyond - 1, 1):
        beyond *= 2
    return bisect_left(range(beyond), True, key=lambda sequence: not reader.events(sequence, 1))


def before(reader: JournalReader, time_ns: int) -> int:
    """The sequence of the last record before a time, by a few looks: a gate's time never goes back."""
    return bisect_left(range(1, last_sequence(reader) + 1), time_ns, key=lambda at: _time_ns(reader, at))


def _time_ns(reader: JournalReader, sequence: int) -> int:
    time_ns: int = record_at(reader, sequence)["time_ns"]
    return time_ns
