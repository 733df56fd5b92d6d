"""What is tried again and what is not, for how long, and under which name; by both clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from gxrisk import AsyncClient, Client, GxriskError, order
from gxrisk.client import (
    ClientError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    Retries,
    ServerFailed,
    ServerUnavailable,
    Unauthorized,
)
from gxrisk.server.key_text import KeyText

from .scripted import DECISION, Reply, Scripted, scripted

KEY = KeyText.new().text
IDEA = order("BTC", "buy", "0.1", confidence=0.8, reasoning="breakout", stop_loss=98)
QUICK = Retries(backoff_s=0.001, backoff_max_s=0.002)
Call = Callable[..., Any]


def by_threads(script: Scripted, **more: Any) -> Any:
    """Propose through `Client`."""
    with Client("ann", script.url, KEY, **{"retries": QUICK, **more}) as client:
        return client.authorize(IDEA)


def by_tasks(script: Scripted, **more: Any) -> Any:
    """Propose through `AsyncClient`."""

    async def proposed() -> Any:
        async with AsyncClient("ann", script.url, KEY, **{"retries": QUICK, **more}) as client:
            return await client.authorize(IDEA)

    return asyncio.run(proposed())


@pytest.fixture(params=[by_threads, by_tasks], ids=["threads", "tasks"])
def propose(request: pytest.FixtureRequest) -> Call:
    """Each of the two."""
    call: Call = request.param
    return call


def problem(status: int, code: str = "some_code", **headers: str) -> Reply:
    """An error as the server says it."""
    body = {"status": status, "code": code, "detail": "what is wrong", "request_id": "5f0c"}
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    "failing",
    [
        problem(502),
        problem(503, "not_ready", Retry_After="0"),
        problem(504, "timeout", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
        problem(429, "rate_limited", Retry_After="0"),
        Reply(503, b"<html>a proxy's page</html>"),
        Reply(cut=0),
        Reply(cut=20),
    ],
    ids=["502", "503", "504", "429", "a page", "cut at once", "cut in the body"],
)
def test_what_passes_is_tried_again_under_the_same_name(propose: Call, failing: Reply) -> None:
    """The same bytes and the same `Idempotency-Key` in each attempt, another one in the next call."""
    with scripted(failing, failing, Reply()) as script:
        assert propose(script).order_id == "gx-1"
        names, bodies = script.sent("Idempotency-Key"), {body for *_, body in script.asked}
        assert (len(names), len(set(names)), len(bodies)) == (3, 1, 1)
        assert set(script.sent("Authorization")) == {f"Bearer {KEY}"}
        propose(script)
        assert len(set(script.sent("Idempotency-Key"))) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, NotFound),
        (412, Conflict),
        (413, InvalidRequest),
        (418, ServerFailed),
        (422, InvalidRequest),
        (428, Conflict),
        (500, ServerFailed),
        (302, ServerFailed),
    ],
)
def test_what_does_not_pass_is_not_tried_again(propose: Call, status: int, kind: type[ClientError]) -> None:
    """Once; the error says code, status, sentence and the request's id."""
    with scripted(problem(status, Location="http://127.0.0.1:1/")) as script:
        with pytest.raises(GxriskError) as caught:
            propose(script)
        assert type(caught.value) is kind
        error = caught.value
        assert (error.code, error.status, error.detail, error.request_id) == (
            "some_code",
            status,
            "what is wrong",
            "5f0c",
        )
        assert str(error) == "what is wrong (some_code, request 5f0c)"
        assert len(script.asked) == 1


@pytest.mark.parametrize("code", ["vault_failed"])
def test_a_503_that_stays_is_not_tried_again(propose: Call, code: str) -> None:
    """A vault that was taken out does not come back by itself."""
    with scripted(problem(503, code)) as script:
        with pytest.raises(ServerUnavailable):
            propose(script)
        assert len(script.asked) == 1


def test_attempts_end(propose: Call) -> None:
    """After so many; the error has the name under which the same can be asked again, and says that it may be done."""
    with scripted(problem(502)) as script:
        with pytest.raises(ServerUnavailable) as caught:
            propose(script, retries=Retries(attempts_max=3, backoff_s=0.001))
        assert len(script.asked) == 3
        assert caught.value.idempotency_key == script.sent("Idempotency-Key")[0]
        assert caught.value.may_be_done
        assert "tried 3 attempts in" in caught.value.__notes__[0]
        with Client("ann", script.url, KEY) as client:
            script.replies[:] = [Reply()]
            assert client.authorize(IDEA, idempotency_key=caught.value.idempotency_key)
        assert len(set(script.sent("Idempotency-Key"))) == 1


def test_what_was_surely_not_done_says_so(propose: Call) -> None:
    """Nobody listens there: nothing was sent."""
    with scripted(Reply()) as script:
        pass
    with pytest.raises(ServerUnavailable) as caught:
        propose(script, retries=Retries(attempts_max=3, backoff_s=0.001))
    assert (caught.value.may_be_done, caught.value.code) == (False, "no_answer")


def test_retry_after_is_kept_to(propose: Call) -> None:
    """A second is a second."""
    with scripted(problem(429, "rate_limited", Retry_After="1"), Reply()) as script:
        began = time.monotonic()
        assert propose(script)
        assert time.monotonic() - began >= 1
        assert len(script.asked) == 2


@pytest.mark.parametrize("code", ["rate_limited", "locked_out"])
def test_a_wait_longer_than_the_call_s_time_is_not_begun(propose: Call, code: str) -> None:
    """The caller hears at once how long it would be."""
    with scripted(problem(429, code, Retry_After="900")) as script:
        with pytest.raises(RateLimited) as caught:
            propose(script)
        assert (caught.value.retry_after_s, caught.value.code, len(script.asked)) == (900, code, 1)


@pytest.mark.parametrize("reply", [Reply(hangs=True), Reply(drips=True)], ids=["hangs", "drips"])
def test_the_call_s_time_ends(propose: Call, reply: Reply) -> None:
    """An answer that does not come, or comes a byte at a time, is waited for no longer than allowed in all."""
    with scripted(reply) as script:
        began = time.monotonic()
        with pytest.raises(ServerUnavailable) as caught:
            propose(script, retries=Retries(deadline_s=0.6, backoff_s=0.001), timeout_s=0.25)
        assert time.monotonic() - began < 3
        assert caught.value.may_be_done


def test_a_hanging_attempt_is_followed_by_another(propose: Call) -> None:
    """The first one hangs, the second one answers: the same request, under the same name."""
    with scripted(Reply(hangs=True), Reply()) as script:
        assert propose(script, timeout_s=0.2)
        assert len(set(script.sent("Idempotency-Key"))) == 1
        assert len(script.asked) == 2


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>"),
        Reply(body=b""),
        Reply(body=b"[]"),
        Reply(body={}),
        Reply(body={**DECISION, "approved": "yes"}),
        Reply(body={**DECISION, "outcome": "rejected"}),
        Reply(body={**DECISION, "approved": False}),
        Reply(body={**DECISION, "outcome": "fine"}),
        Reply(body={**DECISION, "violations": None}),
        Reply(body=b'{"outcome": "approved", "approved": NaN}'),
    ],
    ids=lambda reply: str(reply.body)[:40],
)
def test_what_is_no_answer_approves_nothing(propose: Call, reply: Reply) -> None:
    """A 200 of something else, or one that contradicts itself."""
    with scripted(reply) as script, pytest.raises(ServerFailed):
        propose(script)


def test_an_answer_without_end_is_not_read(propose: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than what is allowed is an error, long before memory is full."""
    monkeypatch.setattr("gxrisk.client.transport.ANSWER_BYTES_MAX", 10_000)
    with scripted(Reply(body=b" " * 1_000_000)) as script, pytest.raises(ServerFailed, match="more than"):
        propose(script)


@pytest.mark.parametrize("change", [{"attempts_max": 0}, {"deadline_s": 0}, {"backoff_s": -1}, {"backoff_max_s": 1e9}])
def test_retries_that_cannot_be(change: dict[str, Any]) -> None:
    """Are refused when they are made."""
    with pytest.raises(ValueError, match=next(iter(change))):
        Retries(**change)


def test_a_name_that_cannot_be_sent() -> None:
    """Is no reason to try again."""
    with scripted(Reply()) as script, Client("ann", script.url, KEY) as client:
        with pytest.raises(ClientError, match="cannot be sent"):
            client.authorize(IDEA, idempotency_key="two\r\nlines")
        assert script.asked == []
