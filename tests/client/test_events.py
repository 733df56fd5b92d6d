"""Events by the clients: everything the journal says, once and in order, over cuts, kills and restarts."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from gxrisk import AsyncClient, Client, JournalReader, order
from gxrisk.client import Conflict, Forbidden, Retries, ServerFailed, ServerUnavailable
from gxrisk.server.key_text import KeyText

from tests.api.processes import WITHIN_S, environment, gxrisk

from .cutting import cutting
from .scripted import Reply, scripted
from .serving import Serving
from .test_faults import STUBBORN

KEY = KeyText.new().text
QUICK = Retries(backoff_s=0.001, backoff_max_s=0.002)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Serving]:
    """A server for one test alone."""
    one = Serving(tmp_path)
    try:
        one.start()
        one.made()
        yield one
    finally:
        one.kill()


def hold(server: Serving, count: int) -> None:
    """So many records more."""
    with server.agent(retries=STUBBORN) as agent:
        for number in range(count):
            agent.hold(0.5, f"{number}")


def recorded(server: Serving) -> list[tuple[int, str]]:
    """What the journal says, read from its file."""
    journal = JournalReader(server.folder / "data" / "vaults" / "ann" / "journal.gxr")
    return [(one["sequence"], one["kind"]) for one in journal.events()]


def test_everything_in_order(own_server: Serving) -> None:
    """From the beginning, from a place, and from now on; for threads and for tasks; of some kinds alone."""
    hold(own_server, 5)
    known = recorded(own_server)
    with own_server.agent() as agent, own_server.operator("read") as reader, own_server.operator("own") as owner:
        assert [(one["sequence"], one["kind"]) for one in islice(agent.events(0), len(known))] == known
        part = list(islice(reader.events("ann", known[3][0]), len(known) - 4))
        assert [(one["sequence"], one["kind"]) for one in part] == known[4:]
        assert [one["reasoning"] for one in islice(agent.events(0, kinds=["hold"]), 5)] == list("01234")
        with pytest.raises(Conflict) as ahead:
            next(agent.events(1_000_000))
        assert ahead.value.code == "cursor_ahead"
        with pytest.raises(Forbidden):
            next(owner.events("nobody"))

    async def seen() -> list[Any]:
        async with AsyncClient("ann", own_server.url, own_server.keys["propose"]) as client:
            found = []
            async for one in client.events(0):
                found.append((one["sequence"], one["kind"]))
                if len(found) == len(known):
                    return found
        raise AssertionError

    assert asyncio.run(seen()) == known


def test_nothing_is_missed_over_kills_and_cuts(own_server: Serving) -> None:
    """A reader behind a proxy that cuts, of a server that is killed twice, has each record once and in order."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201
    found: list[tuple[int, str]] = []
    with cutting(own_server.port, seed, 4_000) as proxy:

        def read() -> None:
            with Client("ann", proxy.url, own_server.keys["propose"], retries=STUBBORN) as client:
                for one in client.events(0):
                    found.append((one["sequence"], one["kind"]))
                    if one["kind"] == "killed":
                        return

        reading = Thread(target=read)
        reading.start()
        for _ in range(2):
            hold(own_server, 40)
            own_server.kill()
            own_server.start()
        hold(own_server, 40)
        with own_server.operator() as operator:
            operator.kill("ann", "the end")
        reading.join(WITHIN_S)
        assert not reading.is_alive()
        assert proxy.cuts > 3
    known = recorded(own_server)
    assert found == known[: known.index((found[-1][0], "killed")) + 1]


BLOCK = (
    b"retry: 1000\nid: 1\n\n: silence\n\n"
    b'id: 2\r\nevent: flow\r\ndata: {"sequence": 2,\r\ndata:  "kind": "flow"}\r\n\r\n'
)
AGAIN = (
    b'id: 2\ndata: {"sequence": 2, "kind": "flow"}\n\n'
    b'id: 3\ndata: {"sequence": 3, "kind": "hold"}\n\n'
    b'id: 4\ndata: {"seq'
)
STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}


def test_it_goes_on_where_it_ended() -> None:
    """The last id is asked with; what comes twice is told once; half an event is none."""
    replies = [Reply(200, part, STREAM) for part in (BLOCK, AGAIN)]
    with scripted(*replies, Reply(503, {"code": "not_ready"}), Reply(404, {"code": "gone"})) as script:
        with Client("ann", script.url, KEY, retries=QUICK) as client:
            stream = client.events(since=1, kinds=["flow", "hold"])
            assert [(one["sequence"], one["kind"]) for one in islice(stream, 2)] == [(2, "flow"), (3, "hold")]
            with pytest.raises(Exception, match="gone"):
                next(stream)
        assert script.sent("Last-Event-ID") == ["1", "2", "3", "3"]
        assert script.asked[0][1] == "/v1/vaults/ann/events?kinds=flow&kinds=hold"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>", {"Content-Type": "text/html"}),
        Reply(200, b"id: 1\ndata: nonsense\n\n", STREAM),
        Reply(200, b"id: x\ndata: {}\n\n", STREAM),
        Reply(200, b'data: {"sequence": 5}\n\n', STREAM),
        Reply(200, b'id: 6\ndata: {"sequence": 5}\n\n', STREAM),
        Reply(200, b"id: 6\ndata: []\n\n", STREAM),
    ],
    ids=lambda reply: str(reply.body),
)
def test_what_is_no_stream(reply: Reply) -> None:
    """Is an error, and not asked for again."""
    with scripted(reply) as script:
        with Client("ann", script.url, KEY, retries=QUICK) as client, pytest.raises(ServerFailed):
            next(client.events())
        assert len(script.asked) == 1


def test_a_server_that_stays_away() -> None:
    """Is given up as any call is."""
    with scripted(Reply(503, {"code": "not_ready"})) as script:
        few = Retries(attempts_max=3, backoff_s=0.001)
        with Client("ann", script.url, KEY, retries=few) as client, pytest.raises(ServerUnavailable):
            next(client.events())
        assert len(script.asked) == 3


def test_the_command_tells_them(own_server: Serving) -> None:
    """Line by line, as `gxrisk audit show` shows them; over a restart of the server; and as JSON."""
    hold(own_server, 3)
    known = recorded(own_server)
    file = own_server.folder / "reader"
    file.touch(mode=0o600)
    file.write_text(own_server.keys["read"])
    where = ["--url", own_server.url, "--key-file", str(file)]
    watching = subprocess.Popen(
        gxrisk("vault", "watch", "ann", "--since", "0", "--count", str(len(known) + 6), *where),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert watching.stdout is not None
    lines = [watching.stdout.readline() for _ in known]
    own_server.kill()
    own_server.start()
    hold(own_server, 6)
    rest, _ = watching.communicate(timeout=WITHIN_S)
    assert watching.returncode == 0
    shown = subprocess.run(
        gxrisk("audit", "show", own_server.folder / "data" / "vaults" / "ann" / "journal.gxr"),
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    assert "".join(lines) + rest == "".join(shown.stdout.splitlines(keepends=True)[: len(known) + 6])
    told = subprocess.run(
        gxrisk("vault", "watch", "ann", "--since", "0", "--kind", "hold", "--count", "2", "--json", *where),
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    assert [json.loads(one)["reasoning"] for one in told.stdout.splitlines()] == ["0", "1"]


def test_a_hold_is_told_to_who_waits_for_it(own_server: Serving) -> None:
    """From now on: what was before is not told, what comes is."""
    with own_server.agent() as agent:
        before = agent.hold(0.5, "before").sequence
        stream = agent.events(since=before)
        assert agent.validate_order(order("BTC", "buy", 1, confidence=1, reasoning="no record")).sequence is None
        after = agent.hold(0.5, "after").sequence
        assert next(one for one in stream if one["kind"] == "hold")["sequence"] == after
