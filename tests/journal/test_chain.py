"""The chain of a journal, worked out by Python alone from docs/journal.md and the bytes in the file."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Gate, JournalError, JournalReader, Limits, ManualClock, order

NOON = "2020-03-12T12:00:00Z"
FORMAT = 1
APPLICATION_ID = int.from_bytes(b"gxr1", "big")
TAGS = {
    "opened": 1, "market": 2, "flow": 3, "lot_steps": 6, "decision": 8, "hold": 9, "redeemed": 10, "fill": 12,
    "paused": 20, "resumed": 21, "restarted": 26, "keys": 27, "checkpoint": 30,
}  # fmt: skip

# The reader is a process of its own: two SQLite libraries in one process break each other's locks.
READ = """
import json, sqlite3, sys
from pathlib import Path
connection = sqlite3.connect(Path(sys.argv[1]).absolute().as_uri() + "?mode=ro", uri=True)
def one(query):
    return connection.execute(query).fetchone()
rows = connection.execute("SELECT sequence, frame, hash FROM records ORDER BY sequence")
checkpoint = one("SELECT sequence, state FROM checkpoints")
print(json.dumps({
    "application_id": one("PRAGMA application_id")[0],
    "user_version": one("PRAGMA user_version")[0],
    "tables": sorted(name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")),
    "owner": one("SELECT one, vault_id, epoch FROM journal"),
    "rows": [(sequence, frame.hex(), digest.hex()) for sequence, frame, digest in rows],
    "checkpoint": checkpoint and (checkpoint[0], checkpoint[1].hex()),
}))
"""


@dataclass(frozen=True)
class Row:
    """A row of `records`, its frame taken apart."""

    sequence: int
    frame: bytes
    digest: bytes

    @property
    def length(self) -> int:
        """The length that the frame states."""
        return int.from_bytes(self.frame[:4], "big")

    @property
    def epoch(self) -> int:
        """The writer's epoch."""
        return int.from_bytes(self.frame[5:13], "big")

    @property
    def body(self) -> bytes:
        """The record in its canonical form."""
        return self.frame[13:]


@dataclass(frozen=True)
class Raw:
    """A journal's file, as SQLite alone shows it."""

    marks: tuple[int, int]
    tables: list[str]
    owner: tuple[int, str, int]
    rows: list[Row]
    checkpoint: tuple[int, bytes]


def read(file: Path) -> Raw:
    """What is in a journal that no gate has open."""
    done = subprocess.run([sys.executable, "-c", READ, str(file)], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    rows = [Row(sequence, bytes.fromhex(frame), bytes.fromhex(digest)) for sequence, frame, digest in found["rows"]]
    one, vault_id, epoch = found["owner"]
    sequence, state = found["checkpoint"]
    marks = (found["application_id"], found["user_version"])
    return Raw(marks, found["tables"], (one, vault_id, epoch), rows, (sequence, bytes.fromhex(state)))


def chain(vault_id: str, frames: list[bytes]) -> list[bytes]:
    """The hash after each frame."""
    head, found = hashlib.sha256(b"gxrisk journal v1\n" + vault_id.encode()).digest(), []
    for frame in frames:
        head = hashlib.sha256(b"gxrisk record v1\n" + head + frame).digest()
        found.append(head)
    return found


def varint(data: bytes) -> tuple[int, bytes]:
    """A LEB128 number off the front, and what follows it."""
    value = 0
    for place, byte in enumerate(data):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, data[place + 1 :]
    raise AssertionError(data)


def operate(gate: Gate, clock: ManualClock) -> None:
    """Some records of several kinds."""
    gate.mark("BTC", 100, atr=1)
    wanted = order("BTC", "buy", 1, confidence="0.9", reasoning="\u00fcber \U0001f680", stop_loss=98)
    decision = gate.authorize(wanted)
    assert decision.approval is not None
    gate.redeem(decision.approval)
    assert decision.order_id is not None
    gate.apply_fill(decision.order_id, f"fill-{decision.order_id}", 1, 100)
    assert not gate.authorize(wanted.replace(quantity=10_000))
    gate.hold("0.5", "waits")
    gate.set_lot_steps({"BTC": "0.001"})
    gate.pause()
    clock.advance(1)
    gate.resume()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that three gates wrote, one after the other."""
    file = tmp_path_factory.mktemp("chain") / "vault.gxr"
    clock = ManualClock(NOON)
    with Gate("chain-1", Limits.for_tier("growth"), clock=clock, journal=file) as gate:
        gate.deposit(10_000)
        operate(gate, clock)
    for _ in range(2):
        with Gate.open(file, clock=clock) as gate:
            operate(gate, clock)
    return file


@pytest.fixture(scope="module")
def raw(written: Path) -> Raw:
    """The same without gxrisk."""
    return read(written)


@pytest.fixture(scope="module")
def events(written: Path) -> list[dict[str, Any]]:
    """The same with gxrisk."""
    return JournalReader(written).events()


def test_the_file_is_as_documented(raw: Raw) -> None:
    """Marks, tables, and the one row that says whose they are."""
    assert raw.marks == (APPLICATION_ID, FORMAT)
    assert raw.tables == ["checkpoints", "journal", "records"]
    assert raw.owner == (1, "chain-1", 2)


def test_the_hashes_are_those_of_the_chain(raw: Raw, events: list[dict[str, Any]]) -> None:
    """In the file, in Python and in the reader's records."""
    hashes = chain("chain-1", [row.frame for row in raw.rows])
    assert [row.digest for row in raw.rows] == hashes
    assert [event["hash"] for event in events] == [digest.hex() for digest in hashes]
    assert [event["sequence"] for event in events] == [row.sequence for row in raw.rows]
    assert [row.sequence for row in raw.rows] == list(range(1, len(raw.rows) + 1))


def test_every_frame_says_its_length_format_and_epoch(raw: Raw, events: list[dict[str, Any]]) -> None:
    """The thirteen bytes before each record."""
    for row, event in zip(raw.rows, events, strict=True):
        assert row.length == len(row.frame) - 4
        assert row.frame[4] == FORMAT
        assert row.epoch == event["epoch"]
    epochs = [row.epoch for row in raw.rows]
    assert epochs == sorted(epochs)
    assert set(epochs) == {0, 1, 2}


def test_every_record_begins_with_its_number_its_time_and_its_tag(raw: Raw, events: list[dict[str, Any]]) -> None:
    """The front of the canonical form; the tags are those of the table."""
    seen = set()
    for row, event in zip(raw.rows, events, strict=True):
        sequence, rest = varint(row.body)
        zigzag, rest = varint(rest)
        assert (sequence, (zigzag >> 1) ^ -(zigzag & 1)) == (event["sequence"], event["time_ns"])
        assert rest[0] == TAGS[event["kind"]], event["kind"]
        seen.add(event["kind"])
    assert seen == set(TAGS)


def test_a_checkpoint_is_vouched_for_by_the_record_after_it(raw: Raw, events: list[dict[str, Any]]) -> None:
    """Its SHA-256 ends that record, which names the place."""
    sequence, state = raw.checkpoint
    after = raw.rows[sequence]
    assert events[sequence]["kind"] == "checkpoint"
    assert after.body[-32:] == hashlib.sha256(state).digest()


def test_the_head_is_the_end_of_the_chain(written: Path, raw: Raw) -> None:
    """Of the reader and of `verify`."""
    last = raw.rows[-1]
    reader = JournalReader(written)
    head = reader.head()
    assert (head.vault_id, head.sequence, head.epoch, head.hash) == ("chain-1", last.sequence, 2, last.digest)
    assert reader.verify(head)["head"] == head


def test_another_vault_has_another_chain(raw: Raw) -> None:
    """The genesis names the vault, and every hash the frames before it."""
    frames = [row.frame for row in raw.rows]
    digests = [row.digest for row in raw.rows]
    assert not set(chain("chain-2", frames)) & set(digests)
    first, second, *rest = frames
    assert not set(chain("chain-1", [second, first, *rest])) & set(digests)


@pytest.mark.parametrize("column", ["frame", "hash"])
def test_a_changed_bit_is_found_where_it_is(tmp_path: Path, column: str) -> None:
    """Opening, reading the head and verifying name the record."""
    file, clock = tmp_path / "vault.gxr", ManualClock(NOON)
    with Gate("chain-1", Limits.for_tier("growth"), clock=clock, journal=file) as gate:
        gate.deposit(10_000)
        operate(gate, clock)
    change = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "(b,), = c.execute(f'SELECT {sys.argv[2]} FROM records WHERE sequence = 4').fetchall();"
        "c.execute(f'UPDATE records SET {sys.argv[2]} = ? WHERE sequence = 4', (b[:-1] + bytes([b[-1] ^ 1]),));"
        "c.commit()"
    )
    subprocess.run([sys.executable, "-c", change, str(file), column], check=True)
    before = read(file)
    with pytest.raises(JournalError, match="damaged at record 4"):
        Gate.open(file, clock=clock)
    with pytest.raises(JournalError, match="damaged at record 4"):
        JournalReader(file).head()
    with pytest.raises(JournalError, match="damaged at record 4"):
        JournalReader(file).verify()
    assert read(file) == before
