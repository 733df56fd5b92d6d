"""Order streams: many in flight, each answered by its id; sent again, an order is the same order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from gxrisk import JournalReader
from gxrisk.config import HttpConfig, StreamsConfig
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .desk import MANY, ORDER, config
from .live import WITHIN_S, Live, listening

PATH = "/v1/vaults/ann/orders/stream"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A server that listens, with the vault `ann` and a market."""
    with listening(config(tmp_path, keys=MANY)) as one:
        one.made("ann")
        assert one.marks().status_code == 200
        yield one


@contextmanager
def stream(
    live: Live, *, key: str | None = "propose", path: str = PATH, queue: int | None = None
) -> Iterator[ClientConnection]:
    """An open order stream."""
    headers = {} if key is None else {"Authorization": f"Bearer {live.keys.get(key, key)}"}
    url = live.url.replace("http", "ws", 1) + path
    with connect(url, additional_headers=headers, open_timeout=WITHIN_S, compression=None, max_queue=queue) as one:
        yield one


def asked(name: str, op: str = "validate", **order: Any) -> str:
    """A message."""
    return json.dumps({"id": name, "op": op, "order": {**ORDER, **order}})


def received(socket: ClientConnection, count: int = 1) -> dict[str, dict[str, Any]]:
    """So many answers, by id."""
    answers = [json.loads(socket.recv(WITHIN_S)) for _ in range(count)]
    return {one["id"]: one for one in answers}


def test_the_same_answers_as_over_http(live: Live) -> None:
    """Validated, proposed, refused: word for word."""
    with stream(live) as socket:
        socket.send(asked("a"))
        http = live.call("POST", "/v1/vaults/ann/orders/validate", ORDER, key="propose").json()
        assert received(socket)["a"] == {"id": "a", "decision": http}
        socket.send(asked("b", quantity="1000000"))
        refused = received(socket)["b"]["decision"]
        assert (refused["outcome"], refused["sequence"]) == ("rejected", None)
        assert "position_size" in [one["rule"] for one in refused["violations"]]
        socket.send(asked("c", "propose", client_order_id="first"))
        approved = received(socket)["c"]["decision"]
        assert (approved["outcome"], approved["order_id"]) == ("approved", f"gx-{approved['sequence']}")


def test_an_order_that_is_sent_again_is_the_same_order(live: Live) -> None:
    """In another stream, after the answer was lost, and over HTTP: one decision in the journal."""
    orders = [asked(str(n), "propose", client_order_id=f"order-{n}", quantity="0.01") for n in range(10)]
    with stream(live) as socket:
        for one in orders:
            socket.send(one)
        first = received(socket)  # and nobody waits for the other nine
    with stream(live) as socket:
        for one in orders:
            socket.send(one)
        answers = received(socket, len(orders))
        assert first.items() <= answers.items()
        assert all(one["decision"]["outcome"] == "approved" for one in answers.values())
    body = {**ORDER, "client_order_id": "order-3", "quantity": "0.01"}
    assert live.call("POST", "/v1/vaults/ann/orders", body, key="propose").json() == answers["3"]["decision"]
    journal = JournalReader(live.desk.fleet.folder / "ann" / "journal.gxr")
    decisions = [one["sequence"] for one in journal.events() if one["kind"] == "decision"]
    assert sorted(decisions) == sorted(one["decision"]["sequence"] for one in answers.values())
    assert journal.verify()["approvals"] == 10


def test_a_proposal_needs_its_client_order_id(live: Live) -> None:
    """Or nobody could send it again."""
    with stream(live) as socket:
        socket.send(asked("a", "propose"))
        problem = received(socket)["a"]["problem"]
        assert (problem["status"], problem["code"]) == (422, "invalid_request")
        assert "client_order_id" in problem["detail"]


def test_what_cannot_be_read_is_answered_and_the_stream_goes_on(live: Live) -> None:
    """With its id where it has one."""
    deep = "[" * 40 + "]" * 40
    bad = (
        ("nonsense", None, "invalid_request"),
        ("[1]", None, "invalid_request"),
        ('{"id": 7, "op": "validate"}', None, "invalid_request"),
        ('{"id": "a", "op": "withdraw", "order": {}}', "a", "invalid_request"),
        (asked("b", quantity="-1"), "b", "invalid_request"),
        (asked("c", colour="red"), "c", "invalid_request"),
        (asked("d", price="0.0000000001"), "d", "invalid_request"),
        (f'{{"id": "e", "op": "validate", "order": {deep}}}', "e", "too_deep"),
        (asked("x" * 65), None, "invalid_request"),
    )
    with stream(live) as socket:
        for text, name, code in bad:
            socket.send(text)
            answer = json.loads(socket.recv(WITHIN_S))
            assert (answer["id"], answer["problem"]["code"]) == (name, code), text
            assert answer["problem"]["request_id"]
        socket.send(asked("z"))
        assert received(socket)["z"]["decision"]["approved"]


def test_many_in_flight(live: Live) -> None:
    """Thousands are sent before the first answer is read; each is answered once."""
    with stream(live) as socket:
        for n in range(3_000):
            socket.send(asked(str(n), quantity="0.1" if n % 2 else "1000000"))
        answers = received(socket, 3_000)
    assert answers.keys() == {str(n) for n in range(3_000)}
    assert all(one["decision"]["approved"] == bool(int(name) % 2) for name, one in answers.items())


def test_who_is_let_in(live: Live) -> None:
    """As everywhere: who is not has a problem as the answer to the handshake."""
    live.made("bob")
    for key, path, status, code in (
        (None, PATH, 401, "unauthenticated"),
        ("nonsense", PATH, 401, "unauthenticated"),
        ("own", PATH, 403, "forbidden"),
        ("operate", PATH, 403, "forbidden"),
        ("propose", PATH.replace("ann", "bob"), 403, "forbidden"),
    ):
        with pytest.raises(InvalidStatus) as refused, stream(live, key=key, path=path):
            pass
        response = refused.value.response
        assert (response.status_code, json.loads(response.body)["code"]) == (status, code)
        assert response.headers["Content-Type"] == "application/problem+json"


def test_bounds(tmp_path: Path) -> None:
    """Orders a minute of a key, bytes of a message, streams of a key; and no binary messages."""
    settings = StreamsConfig(orders_per_minute=3, of_key_max=1)
    with listening(config(tmp_path, keys=MANY, streams=settings, http=HttpConfig(body_bytes_max=1_024))) as live:
        live.made("ann")
        with stream(live) as socket:
            with pytest.raises(InvalidStatus) as refused, stream(live):
                pass
            assert refused.value.response.status_code == 429
            for n in range(5):
                socket.send(asked(str(n)))
            answers = received(socket, 5)
            limited = [name for name, one in answers.items() if one.get("problem", {}).get("code") == "rate_limited"]
            assert limited == ["3", "4"]
            socket.send("x" * 1_025)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(WITHIN_S)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
        end = monotonic() + WITHIN_S
        while len(live.desk.streams):
            assert monotonic() < end
        with stream(live) as socket:
            socket.send(b"{}")
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(WITHIN_S)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1003


def test_a_key_that_ends_ends_its_stream(live: Live) -> None:
    """With a code of its own."""
    key, text = live.desk.keyring.create("for a while", "propose", ["ann"])
    with stream(live, key=text) as socket:
        live.desk.keyring.revoke(key.id)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(WITHIN_S)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "key_ended")


def test_a_client_that_reads_no_answers_is_cut_off(tmp_path: Path) -> None:
    """Its orders wait at its own side first; nothing gathers here."""
    with listening(config(tmp_path, keys=MANY, streams=StreamsConfig(stall_s=0.5))) as live:
        live.made("ann")
        with stream(live, queue=1) as socket:
            order = asked("x", reasoning="y" * 4_000, quantity="1000000")
            with suppress(ConnectionClosed):
                for _ in range(200_000):
                    socket.send(order)
                pytest.fail("it was never cut off")
        assert live.desk.streams.cut == {"orders": 1}
        with stream(live) as socket:
            socket.send(asked("again"))
            assert received(socket).keys() == {"again"}


def test_a_server_that_stops(live: Live) -> None:
    """Finishes what it took, says that it goes, and what it did not answer can be sent to the next one."""
    with stream(live) as socket:
        for n in range(20):
            socket.send(asked(str(n), "propose", client_order_id=f"order-{n}", quantity="0.001"))
        first = received(socket)
        live.stop()
        answers = dict(first)
        for one in socket:
            answers |= {json.loads(one)["id"]: json.loads(one)}
        assert (socket.close_code, socket.close_reason) == (1001, "shutting_down")
    end = monotonic() + WITHIN_S
    while live.desk.fleet.vaults:
        assert monotonic() < end
    journal = JournalReader(live.desk.fleet.folder / "ann" / "journal.gxr")
    decided = {one["sequence"] for one in journal.events() if one["kind"] == "decision"}
    assert {one["decision"]["sequence"] for one in answers.values() if "decision" in one} == decided
