"""Attacks on a real `gxrisk serve`, byte by byte: hostile bodies, heads that can be read in two ways, slow clients."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from .desk import ORDER
from .target import HOLD, Target, everything, problem, status, target

# Bodies

LIMIT = 100_000
NINES = "9" * 5_000
BODIES: list[tuple[str, bytes, int, str]] = [
    # what                        the body of a hold                                           status, code
    ("a list too deep", b"[" * 17 + b"]" * 17, 422, "too_deep"),
    ("an object too deep", b'{"a":' * 17 + b"1" + b"}" * 17, 422, "too_deep"),
    ("a depth without end", b"[" * 90_000, 422, "too_deep"),
    ("a name twice", b'{"confidence": "0.5", "reasoning": "a", "reasoning": "b"}', 422, "duplicate_name"),
    ("a name twice, one escaped", b'{"confidence": "0.5", "reasoning": "a", "\\u0072easoning": "b"}', 422, "duplicate"),
    ("a name twice, within", b'{"confidence": "0.5", "reasoning": {"a": 1, "a": 2}}', 422, "duplicate_name"),
    ("NaN", b'{"confidence": NaN, "reasoning": "a"}', 422, "invalid_request"),
    ("minus infinity", b'{"confidence": -Infinity, "reasoning": "a"}', 422, "invalid_request"),
    ("a number too long for Python", b'{"confidence": %b, "reasoning": "a"}' % NINES.encode(), 422, "invalid_request"),
    ("a float beyond all", b'{"confidence": 1e999, "reasoning": "a"}', 422, "invalid_request"),
    (
        "text too long for a number",
        b'{"confidence": "0.%b", "reasoning": "a"}' % NINES.encode(),
        422,
        "invalid_request",
    ),
    ("Arabic digits", '{"confidence": "0.\u0665", "reasoning": "a"}'.encode(), 422, "invalid_request"),
    ("a byte order mark", b'\xef\xbb\xbf{"confidence": "0.5", "reasoning": "a"}', 422, "invalid_request"),
    ("UTF-16", json.dumps(HOLD).encode("utf-16"), 400, "invalid_request"),
    ("half of a surrogate pair", b'{"confidence": "0.5", "reasoning": "\\ud800"}', 422, "invalid_request"),
    ("a raw NUL", b'{"confidence": "0.5", "reasoning": "a\x00b"}', 422, "invalid_request"),
    ("a NUL in an asset", b'{"confidence": "0.5", "reasoning": "a", "asset": "BTC\\u0000"}', 422, "invalid_request"),
    ("a confusable asset", '{"confidence": "0.5", "reasoning": "a", "asset": "\u0412TC"}'.encode(), 422, "invalid_req"),
    ("a reasoning too long", json.dumps({**HOLD, "reasoning": "x" * 4_001}).encode(), 422, "invalid_request"),
    ("nothing", b"", 422, "invalid_request"),
    ("two documents", json.dumps(HOLD).encode() * 2, 422, "invalid_request"),
    ("a byte too many", b" " * (LIMIT + 1), 413, "too_large"),
]


@pytest.mark.parametrize(("body", "expected", "code"), [one[1:] for one in BODIES], ids=[one[0] for one in BODIES])
def test_hostile_bodies(attacked: Target, body: bytes, expected: int, code: str) -> None:
    """Announced whole, and in chunks whose sum nobody announced: refused, quickly, and nothing is done."""
    before, begun = attacked.told(), time.monotonic()
    kind = ["Content-Type: application/json", "Connection: close"]
    whole = attacked.raw(attacked.request(*kind, f"Content-Length: {len(body)}", body=body))
    parts = [body[at : at + 9_999] for at in range(0, len(body), 9_999)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    chunked = attacked.raw(attacked.request(*kind, "Transfer-Encoding: chunked", body=chunks))
    for answer in (whole, chunked):
        assert (status(answer), problem(answer)[: len(code)]) == (expected, code), answer
        assert len(answer) < 2_000
    assert attacked.told() == before
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("length", ["9" * 30, "100001", "-1", "+5", "5, 5", "0x5", "5 5", "\u00b2", ""])
def test_lengths_that_are_none(attacked: Target, length: str) -> None:
    """Nobody waits for what was announced."""
    answer = attacked.raw(attacked.request(f"Content-Length: {length}", body=b"{}   "))
    assert status(answer) in (400, 413), answer


NUMBERS = ["1e5", "1E400", "0x10", "1_000", "\u0661", " 1", "1 ", "+1", "--1", "1.", ".5", "9" * 19, "0." + "1" * 10]


@pytest.mark.parametrize("number", NUMBERS, ids=ascii)
@pytest.mark.parametrize("field", ["quantity", "price", "leverage", "stop_loss", "confidence"])
def test_numbers_that_are_none(attacked: Target, field: str, number: str) -> None:
    """Whatever Python would make of them."""
    before = attacked.told()
    answer = attacked.call("POST", "/v1/vaults/ann/orders", body={**ORDER, field: number})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert attacked.told() == before


def test_the_largest_numbers_are_judged(attacked: Target) -> None:
    """Eighteen digits are a number, and its product is too large for any limit: a refusal, not an error."""
    most = "9" * 18 + "." + "9" * 9
    order = {**ORDER, "quantity": most, "price": most, "stop_loss": most, "take_profit": most, "leverage": "1000"}
    answer = attacked.call("POST", "/v1/vaults/ann/orders", body=order)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "rejected"), answer.text
    for query in ("cursor=" + "9" * 18, "limit=1", "limit=1000"):
        assert attacked.call("GET", f"/v1/vaults/ann/fills?{query}").status_code == 200
    for query in ("cursor=" + "9" * 19, "limit=0", "limit=1e3", f"limit={NINES[:1000]}", "order=;", "cursor=%00"):
        assert attacked.call("GET", f"/v1/vaults/ann/fills?{query}").status_code == 422


# Heads

SMUGGLED = b"POST /v1/vaults/ann/holds HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
HEADS: list[tuple[str, list[str], bytes]] = [
    # what                               headers of a request whose body is the second part
    ("two lengths", ["Content-Length: 2", "Content-Length: 70"], b"{}"),
    ("the same length twice", ["Content-Length: 2", "Content-Length: 2"], b"{}"),
    ("length and chunks", ["Content-Length: 2", "Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    ("chunks and length", ["Transfer-Encoding: chunked", "Content-Length: 2"], b"0\r\n\r\n"),
    ("chunked twice", ["Transfer-Encoding: chunked, chunked"], b"0\r\n\r\n"),
    ("not chunked at last", ["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n"),
    ("nearly chunked", ["Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
    ("a space before the colon", ["Content-Length : 2"], b"{}"),
    ("a folded header", ["X: a", " Content-Length: 2"], b"{}"),
    ("a NUL in a header", ["X: a\x00b"], b""),
    ("a lone line end", ["X: a\nContent-Length: 70"], b""),
    ("a lone return", ["X: a\rContent-Length: 70"], b""),
    ("no colon", ["Content-Length"], b""),
    ("a chunk too long to count", ["Transfer-Encoding: chunked"], b"fffffffffffffffff\r\n"),
    ("a chunk of a negative length", ["Transfer-Encoding: chunked"], b"-1\r\n\r\n"),
    ("a chunk that does not end", ["Transfer-Encoding: chunked"], b"2\r\n{}XX0\r\n\r\n"),
]


@pytest.mark.parametrize(("headers", "body"), [one[1:] for one in HEADS], ids=[one[0] for one in HEADS])
def test_what_could_be_read_in_two_ways_is_read_in_none(attacked: Target, headers: list[str], body: bytes) -> None:
    """One refusal, the connection ends, and the request behind it is never heard."""
    before = attacked.told()
    answer = attacked.raw(attacked.request(*headers, body=body + SMUGGLED), ends=True)
    assert len(re.findall(rb"^HTTP/1.1 ", answer, re.MULTILINE)) == 1, answer
    assert status(answer) == 400
    assert b"connection: close" in answer.lower()
    assert attacked.told() == before


HEAVY = [
    ("a long header", [f"X: {'a' * 9_000}"], "/v1/vaults"),
    ("many headers", [f"X-{number}: a" for number in range(2_000)], "/v1/vaults"),
    ("a long path", [], "/v1/vaults/" + "a" * 9_000),
    ("a long query", [], "/v1/vaults?x=" + "a" * 9_000),
]


@pytest.mark.parametrize(("headers", "path"), [one[1:] for one in HEAVY], ids=[one[0] for one in HEAVY])
def test_a_head_has_its_bytes(attacked: Target, headers: list[str], path: str) -> None:
    """Of all its parts together, whether it ends or not."""
    whole = attacked.request(*headers, method="GET", path=path)
    for answer in (attacked.raw(whole), attacked.raw(whole[:-4], *[b"b" * 60_000] * 40)):
        assert (status(answer), problem(answer)) == (431, "head_too_large"), answer


def test_a_header_answers_no_header(attacked: Target) -> None:
    """What is sent does not come back, in whatever encoding."""
    for name in ("one\u00e9", "\u00ff\u00fe", " ", "x" * 129):
        answer = attacked.raw(attacked.request(f"Idempotency-Key: {name}", "Content-Length: 0", "Connection: close"))
        assert (status(answer), problem(answer)) == (400, "idempotency_key_required"), answer
    answer = attacked.raw(
        attacked.request("Host: evil.example", "X-Forwarded-For: 1.2.3.4", "Connection: close", method="GET")
    )
    assert b"evil" not in answer


# Slow clients


def drip(one: Target, first: bytes, piece: bytes) -> tuple[bytes, float]:
    """What comes back to bytes that come a few at a time, each as soon as the last one was long ago; and how soon."""
    begun = time.monotonic()
    with socket.create_connection(one.address, timeout=0.1) as connection:
        connection.sendall(first)
        came = b""
        while time.monotonic() - begun < 20:
            try:
                part = connection.recv(65_536)
            except TimeoutError:
                try:
                    connection.sendall(piece)
                except OSError:
                    break
                continue
            except ConnectionResetError:
                break
            if not part:
                break
            came += part
    return came, time.monotonic() - begun


SLOW = [
    ("nothing at all", b"", b"", 408),
    ("a head", b"GET /v1/vaults HTTP/1.1\r\nX: ", b"a", 408),
    ("empty lines", b"\r\n", b"\r\n", 408),
]


@pytest.mark.parametrize(("first", "piece", "expected"), [one[1:] for one in SLOW], ids=[one[0] for one in SLOW])
def test_a_slow_head_has_its_time(attacked: Target, first: bytes, piece: bytes, expected: int) -> None:
    """A second here, however many pieces come within it."""
    answer, after_s = drip(attacked, first, piece)
    assert (status(answer), problem(answer)) == (expected, "too_slow")
    assert 0.9 < after_s < 10


def test_a_slow_body_has_its_time(attacked: Target) -> None:
    """A second here; a body that nobody reads ends too, after its answer."""
    head = attacked.request("Content-Length: 90000")
    answer, after_s = drip(attacked, head, b"a")
    assert (status(answer), problem(answer)) == (408, "too_slow")
    assert 0.9 < after_s < 10
    unread = attacked.request("Content-Length: 90000", method="GET", path="/v1/vaults")
    answer, after_s = drip(attacked, unread, b"a")
    assert status(answer) == 200
    assert after_s < 15


def test_after_an_answer_too(attacked: Target) -> None:
    """A connection that is kept has no more time for its next request."""
    first = attacked.request(method="GET", path="/v1/vaults") + b"GET /v1/vaults HTTP/1.1\r\nX: "
    answer, after_s = drip(attacked, first, b"a")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b" 408 " in answer
    assert 0.9 < after_s < 10


def test_a_stream_may_be_silent(attacked: Target) -> None:
    """Once it is a WebSocket, no time of a head is left over from what it was."""
    upgrade = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {'A' * 22}==",
    ]
    asked = attacked.request(*upgrade, method="GET", path="/v1/vaults/ann/orders/stream")
    with socket.create_connection(attacked.address, timeout=2.5) as connection:
        connection.sendall(asked)
        came = connection.recv(65_536)
        with pytest.raises(TimeoutError):  # after more than twice that time
            connection.recv(65_536)
    assert came.startswith(b"HTTP/1.1 101 "), came


def test_a_crowd_of_slow_clients_stops_nobody(attacked: Target) -> None:
    """Two hundred that say nothing; an order is judged beside them, and all of them are gone in time."""
    crowd = [socket.create_connection(attacked.address, timeout=20) for _ in range(200)]
    try:
        begun = time.monotonic()
        assert attacked.call("POST", "/v1/vaults/ann/holds", body=HOLD).status_code == 200
        assert time.monotonic() - begun < 5
        assert all(status(everything(one)) == 408 for one in crowd)
    finally:
        for one in crowd:
            one.close()


def test_more_connections_than_it_has_files_for(tmp_path: Path) -> None:
    """Of a hundred at ten, as many again hear that it is too many, and the rest is hung up on at once."""
    with target(tmp_path, connections=10) as one, ExitStack() as stack:
        crowd = [stack.enter_context(socket.create_connection(one.address, timeout=20)) for _ in range(100)]
        answers = [everything(connection) for connection in crowd]
        assert sum(answer == b"" for answer in answers) >= 100 - 2 * 10
        assert {status(answer) for answer in answers if answer} == {408}
        assert one.call("POST", "/v1/vaults/ann/holds", body=HOLD).status_code == 200
