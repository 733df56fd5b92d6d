"""Event streams: everything the journal says, once, in order, from where a reader left off."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event as Flag
from time import monotonic

import pytest
from gxrisk import JournalReader
from gxrisk.config import StreamsConfig
from gxrisk.server.database import open_database
from gxrisk.server.desk import keyring
from gxrisk.server.events.told import KINDS, last, read

from .desk import MANY, ORDER, STRATEGY, config
from .live import WITHIN_S, Event, Events, Live, events, listening

STREAM = "/v1/vaults/ann/events"
QUICK = StreamsConfig(heartbeat_s=0.05, stall_s=0.5)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A server that listens, with the vaults `ann` and `bob`."""
    with listening(config(tmp_path, keys=MANY, streams=QUICK)) as one:
        one.made("ann")
        one.made("bob")
        assert one.marks().status_code == 200
        yield one


def journal(live: Live, vault_id: str) -> Path:
    """A vault's file."""
    return live.desk.fleet.folder / vault_id / "journal.gxr"


def until(events: Events, is_last: str) -> list[Event]:
    """The events up to a note of that text."""
    found = []
    for one in events:
        found.append(one)
        if one.data.get("text") == is_last:
            return found
    pytest.fail(f"the stream ended: {events.comments}")


def test_a_stream_is_the_journal(live: Live) -> None:
    """Every record, as the file has it, decimals as text, the kind as the event and the sequence as the id."""
    assert live.call("POST", "/v1/vaults/ann/orders", ORDER, key="propose").json()["approved"]
    live.desk.fleet.vaults["ann"].gate.note("said", "done \n\nid: 1\n\n \u2028 ünï")
    with events(live, f"{STREAM}?since=0") as stream:
        found = until(stream, "done \n\nid: 1\n\n \u2028 ünï")
    records = JournalReader(journal(live, "ann")).events()[: len(found)]
    assert [one.id for one in found] == [str(one["sequence"]) for one in records]
    assert [one.kind for one in found] == [one["kind"] for one in records]
    for one, record in zip(found, records, strict=True):
        assert one.data.keys() == {"vault_id", *record} - {"time_ns"}
        assert one.data["vault_id"] == "ann"
        assert {name: one.data[name] for name in ("time", "hash", "epoch")} == {
            name: record[name] for name in ("time", "hash", "epoch")
        }
    decision = next(one.data for one in found if one.kind == "decision")
    assert decision["order"]["quantity"] == "0.1"
    assert set(KINDS) >= {one.kind for one in found}


def test_kinds_are_those_of_the_journal() -> None:
    """Where records become dicts, and here."""
    source = (Path(__file__).parents[2] / "rust" / "python" / "src" / "events.rs").read_text()
    names = re.findall(r'=> "([a-z_]+)",', source[: source.index("fn fill_in")])
    assert tuple(names) == KINDS


def test_nothing_is_missed_and_nothing_comes_twice(live: Live) -> None:
    """While threads decide and readers come and go at every record, from the id that they had."""
    gate = live.desk.fleet.vaults["ann"].gate
    begin = gate.sequence
    with ThreadPoolExecutor(5) as pool:
        writers = [pool.submit(lambda n=n: [gate.note(f"n{n}", f"{n}-{i}") for i in range(150)]) for n in range(4)]  # type: ignore[misc]
        found: list[Event] = []
        last_id, size = str(begin), 1
        while len(found) < 500:
            with events(live, STREAM, last_id=last_id) as stream:
                found += stream.take(size)
                last_id = stream.last_id
            size = size % 60 + 7
        for one in writers:
            one.result()
        gate.note("said", "the end")
        with events(live, STREAM, last_id=last_id) as stream:
            found += until(stream, "the end")
    assert [one.at[1] for one in found] == list(range(begin + 1, found[-1].at[1] + 1))
    texts = [one.data["text"] for one in found if one.data.get("topic", "").startswith("n")]
    assert sorted(texts) == sorted(f"{n}-{i}" for n in range(4) for i in range(150))


def test_from_now_on(live: Live) -> None:
    """Without a place a stream tells what comes, and its first id is where it began, before there was any event."""
    gate = live.desk.fleet.vaults["ann"].gate
    with events(live, STREAM) as stream:
        assert next(stream._lines).startswith("retry: ")
        place = next(stream._lines)
        gate.note("said", "while open")
        assert until(stream, "while open")[0].at[1] > int(place.removeprefix("id: "))
    gate.note("said", "while away")
    with events(live, STREAM, last_id=place.removeprefix("id: ")) as stream:
        assert "while open" in [one.data.get("text") for one in until(stream, "while away")]


def test_silence_is_broken_by_comments_and_ids_move_on(live: Live) -> None:
    """A reader of kinds that do not come begins behind those that did when it comes back."""
    gate = live.desk.fleet.vaults["bob"].gate
    with events(live, "/v1/vaults/bob/events?since=0&kinds=killed", key="operate") as stream:
        source = iter(stream)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(next, source)
            end = monotonic() + WITHIN_S
            while not (stream.comments and stream.last_id.isdigit() and int(stream.last_id) >= 3):
                assert monotonic() < end
            gate.kill("a drill")
            assert waiting.result(WITHIN_S).data["reason"] == "a drill"


def test_all_vaults_of_a_key(live: Live) -> None:
    """One cursor for all: coming back at any record misses nothing in any vault; new vaults come in."""
    gates = {one: vault.gate for one, vault in live.desk.fleet.vaults.items()}
    found: list[Event] = []
    last_id = "0"
    for turn in range(12):
        for vault_id, gate in gates.items():
            gate.note("said", f"{vault_id} {turn}")
        with events(live, "/v1/events", key="operate", last_id=last_id) as stream:
            found += stream.take(turn % 2 + 1)  # two were written
            last_id = stream.last_id
            if turn == 8:
                live.made("eve")
                gates["eve"] = live.desk.fleet.vaults["eve"].gate
    ends = {one: last(journal(live, one)) for one in gates}
    with events(live, "/v1/events", key="operate", last_id=last_id) as stream:
        for one in stream:
            found.append(one)
            seen = dict(sorted(event.at for event in found))
            if all(seen.get(vault_id, 0) >= end for vault_id, end in ends.items()):
                break
    for vault_id in gates:
        sequences = [one.at[1] for one in found if one.at[0] == vault_id]
        assert sequences == list(range(1, len(sequences) + 1)), vault_id
        assert len(sequences) >= ends[vault_id]


def test_a_vault_made_while_a_stream_is_open(live: Live) -> None:
    """Comes in from its beginning, and its place is in the cursor from then on."""
    with events(live, "/v1/events", key="operate") as stream:
        source = iter(stream)
        live.desk.fleet.vaults["ann"].gate.note("said", "before")
        assert next(one for one in source if one.data.get("text") == "before")
        live.made("eve")
        first = next(one for one in source if one.at[0] == "eve")
        assert (first.kind, first.at) == ("opened", ("eve", 1))
    with events(live, "/v1/events", key="operate", last_id=first.id) as stream:
        assert next(one for one in stream if one.at[0] == "eve").at == ("eve", 2)


def test_a_key_sees_its_own_vaults(live: Live) -> None:
    """And a filter names no others; a cursor is of the vaults that it was made for."""
    with events(live, "/v1/events?since=0&kinds=opened", key="read") as stream:
        (own,) = stream.take(1)
        assert own.at == ("ann", 1)
    with events(live, "/v1/events?since=0&kinds=opened", key="operate") as stream:
        both = stream.take(2)
        assert {one.at for one in both} == {("ann", 1), ("bob", 1)}
    for path, key, last_id, code in (
        ("/v1/events?vault_id=bob", "read", None, "forbidden"),
        ("/v1/events?vault_id=nobody", "operate", None, "vault_unknown"),
        ("/v1/events", "read", both[-1].id, "cursor_unknown"),
        ("/v1/events", "operate", "x" * 40, "cursor_unknown"),
        ("/v1/events?vault_id=ann&vault_id=bob", "operate", own.id, None),
        (STREAM, "read", "999999", "cursor_ahead"),
        (STREAM, "read", "nonsense", "invalid_request"),
        (f"{STREAM}?kinds=rumours", "read", None, "invalid_request"),
    ):
        with events(live, path, key=key, last_id=last_id) as stream:
            if code is None:
                assert stream.response.status_code == 200
                continue
            assert json.loads(stream.response.read())["code"] == code, path


def test_a_retired_vault_can_be_read(live: Live) -> None:
    """From its file, to the note that says why; who follows it when it is retired has that note too."""
    body = {"vault_id": "old", "tier": "growth", "strategy": STRATEGY}
    assert live.call("POST", "/v1/vaults", body).status_code == 201
    with events(live, "/v1/vaults/old/events?kinds=note", key="operate") as stream:
        assert live.call("POST", "/v1/vaults/old/retire", {"reason": "a drill"}).status_code == 200
        assert next(one for one in stream if one.data["topic"] == "retired").data["text"] == "a drill"
    with events(live, "/v1/vaults/old/events?since=0", key="operate") as stream:
        assert next(one for one in stream if one.data.get("topic") == "retired")


def test_a_key_that_ends_ends_its_streams(live: Live) -> None:
    """Within a second, when another process revokes it; and it opens no other. A busy machine has three tries."""
    engine = open_database(live.desk.config.database)
    others = keyring(live.desk.config, engine)
    took = []
    try:
        for _ in range(3):
            key, text = others.create("for a while", "read", ["ann"])
            with events(live, STREAM, key=text) as stream:
                assert stream.response.status_code == 200
                begin = monotonic()
                others.revoke(key.id)
                assert list(stream) == []
                took.append(monotonic() - begin)
                assert stream.comments[-1] == "key_ended"
            if took[-1] < 1:
                break
        assert min(took) < 1
        end = monotonic() + WITHIN_S
        while True:
            with events(live, STREAM, key=text) as stream:
                if stream.response.status_code == 401:
                    break
                assert monotonic() < end
    finally:
        engine.dispose()


def test_a_key_whose_time_is_over_ends_its_streams(live: Live) -> None:
    """Without anybody revoking it."""
    expires_ms = live.desk.keyring._now_ms() + 5_000
    _, text = live.desk.keyring.create("short", "read", ["ann"], expires_ms=expires_ms)
    with events(live, STREAM, key=text) as stream:
        assert stream.response.status_code == 200
        assert list(stream) == []
        assert stream.comments[-1] == "key_ended"
    assert live.desk.keyring._now_ms() >= expires_ms


def test_streams_are_counted(tmp_path: Path) -> None:
    """So many of one key, so many in all; one that ends makes room."""
    settings = StreamsConfig(of_key_max=2, streams_max=3, heartbeat_s=0.05)
    with listening(config(tmp_path, keys=MANY, streams=settings)) as live:
        live.made("ann")
        with events(live, STREAM), events(live, STREAM) as second:
            with events(live, STREAM) as third:
                assert (third.response.status_code, json.loads(third.response.read())["code"]) == (
                    429,
                    "too_many_streams",
                )
                assert third.response.headers["Retry-After"] == "1"
            with events(live, STREAM, key="propose"), events(live, STREAM, key="operate") as fifth:
                assert fifth.response.status_code == 503
            second.response.close()
            end = monotonic() + WITHIN_S
            while len(live.desk.streams) > 1:
                assert monotonic() < end
            with events(live, STREAM) as third:
                assert third.response.status_code == 200


def measured(live: Live, sample: str) -> float:
    """A sample of `/metrics`, as it is now."""
    live.desk.metrics._fresh_s = 0
    lines = live.call("GET", "/metrics").text.splitlines()
    [value] = [one.rpartition(" ")[2] for one in lines if one.startswith(sample + " ")]
    return float(value)


def test_streams_are_measured(live: Live) -> None:
    """Those that are open by kind, and each record that was sent to each reader; an end takes one away."""
    kinds = [f'gxrisk_open_streams{{kind="{kind}"}}' for kind in ("events", "orders")]
    assert [measured(live, one) for one in kinds] == [0, 0]
    with events(live, f"{STREAM}?since=0") as stream, events(live, f"{STREAM}?since=0", key="own") as other:
        assert [measured(live, one) for one in kinds] == [2, 0]
        count = live.desk.fleet.vaults["ann"].gate.sequence
        assert len(stream.take(count) + other.take(count)) == 2 * count
        end = monotonic() + WITHIN_S
        while measured(live, "gxrisk_streamed_events_total") < 2 * count:
            assert monotonic() < end
    end = monotonic() + WITHIN_S
    while measured(live, kinds[0]) != 0:
        assert monotonic() < end
    assert measured(live, 'gxrisk_streams_cut_off_total{kind="events"}') == 0


def test_a_loop_that_stands_still_is_measured(live: Live) -> None:
    """As one late timer, once it goes on."""
    bucket = 'gxrisk_event_loop_lag_seconds_bucket{le="%s"}'
    live.loop.call_soon_threadsafe(Flag().wait, 0.8)
    end = monotonic() + WITHIN_S
    while measured(live, bucket % "+Inf") - measured(live, bucket % "0.25") < 1:
        assert monotonic() < end


def test_a_reader_that_reads_nothing_is_cut_off(live: Live) -> None:
    """Nothing waits for it in memory; others have every record meanwhile, and it can come back for its own."""
    gate = live.desk.fleet.vaults["ann"].gate
    for _ in range(1_500):
        gate.note("long", "x" * 4_000)
    gate.note("said", "the end")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.settimeout(WITHIN_S)
        client.connect(live.place)
        head = f"GET {STREAM}?since=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.keys['read']}\r\n\r\n"
        client.sendall(head.encode())
        with events(live, f"{STREAM}?since=0") as stream:
            whole = until(stream, "the end")
        assert [one.at[1] for one in whole] == list(range(1, len(whole) + 1))
        end = monotonic() + WITHIN_S
        while measured(live, 'gxrisk_streams_cut_off_total{kind="events"}') == 0:
            assert monotonic() < end
        came = bytearray()
        with suppress(ConnectionResetError):
            while part := client.recv(65_536):
                came += part
    ids = [int(one) for one in re.findall(rb"\nid: ([0-9]+)\nevent: [a-z_]+\ndata: .*\n\n", bytes(came))]
    last_id = str(ids[-1]) if ids else "0"
    assert int(last_id) < len(whole)
    with events(live, STREAM, last_id=last_id) as stream:
        assert [one.at[1] for one in until(stream, "the end")] == list(range(int(last_id) + 1, len(whole) + 1))


def test_stopping_waits_for_no_reader(live: Live) -> None:
    """Neither for one that listens, which is told, nor for one that reads nothing."""
    gate = live.desk.fleet.vaults["ann"].gate
    for _ in range(1_500):
        gate.note("long", "x" * 4_000)
    with socket.socket() as client, events(live, STREAM) as stream:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(live.place)
        head = f"GET {STREAM}?since=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.keys['read']}\r\n\r\n"
        client.sendall(head.encode())
        end = monotonic() + WITHIN_S
        while len(live.desk.streams) < 2:
            assert monotonic() < end
        begin = monotonic()
        live.stop()
        list(stream)
        assert stream.comments[-1] == "shutting_down"
        while live.desk.fleet.vaults:
            assert monotonic() - begin < 10


def test_the_last_record_of_a_journal(live: Live) -> None:
    """Is found wherever it is."""
    gate = live.desk.fleet.vaults["bob"].gate
    for _ in range(40):
        gate.note("said", "more")
        file = journal(live, "bob")
        assert last(file) == max(one.sequence for one in read(file, 0, 10_000))
