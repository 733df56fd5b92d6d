"""Errors: each is `application/problem+json` with its code and the request's id, and none says what it should not."""

from __future__ import annotations

import time
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from gxrisk.config import Config, FeedConfig, HttpConfig, KeysConfig
from gxrisk.server.bodies import depth
from gxrisk.server.rates import Rates

from .desk import ORDER, Server, config, serving

BIG = b'{"reason": "' + b"x" * 1_100_000 + b'"}'
DEEP = b'{"reason": ' + b"[" * 40 + b"]" * 40 + b"}"

# name, method, path, body, key, headers, status, code
CASES: list[tuple[str, str, str, Any, str, dict[str, str], int, str]] = [
    ("no such path", "GET", "/v1/nothing", None, "read", {}, 404, "not_found"),
    ("another method", "PUT", "/v1/vaults", {}, "read", {}, 405, "method_not_allowed"),
    ("no such vault", "GET", "/v1/vaults/nobody", None, "operate", {}, 404, "vault_unknown"),
    ("path traversal", "GET", "/v1/vaults/..%2f..%2fetc", None, "operate", {}, 404, "not_found"),
    ("odd vault id", "GET", "/v1/vaults/a b", None, "operate", {}, 422, "invalid_request"),
    ("no JSON", "POST", "/v1/vaults/ann/kill", b"{", "operate", {}, 422, "invalid_request"),
    ("not UTF-8", "POST", "/v1/vaults/ann/kill", b'{"reason": "\xff"}', "operate", {}, 400, "invalid_request"),
    ("unknown field", "POST", "/v1/vaults/ann/kill", {"reason": "x", "y": 1}, "operate", {}, 422, "invalid_request"),
    ("a number", "POST", "/v1/vaults/ann/orders", {**ORDER, "quantity": 0.1}, "propose", {}, 422, "invalid_request"),
    ("NaN", "POST", "/v1/vaults/ann/orders", {**ORDER, "quantity": "NaN"}, "propose", {}, 422, "invalid_request"),
    ("zero", "POST", "/v1/vaults/ann/orders", {**ORDER, "quantity": "0"}, "propose", {}, 422, "invalid_request"),
    ("an exponent", "POST", "/v1/vaults/ann/orders", {**ORDER, "price": "1e9"}, "propose", {}, 422, "invalid_request"),
    ("leverage", "POST", "/v1/vaults/ann/orders", {**ORDER, "leverage": "1001"}, "propose", {}, 422, "invalid_value"),
    ("too large", "POST", "/v1/vaults/ann/kill", BIG, "operate", {}, 413, "too_large"),
    ("too deep", "POST", "/v1/vaults/ann/kill", DEEP, "operate", {}, 422, "too_deep"),
    (
        "no name",
        "POST",
        "/v1/vaults/ann/pause",
        None,
        "operate",
        {"Idempotency_Key": ""},
        400,
        "idempotency_key_required",
    ),
    ("the vault's state", "POST", "/v1/vaults/ann/retire", {"reason": "x"}, "operate", {}, 409, "vault_state"),
    ("a forged withdrawal", "POST", "/v1/vaults/ann/withdrawals", {"request": "00"}, "own", {}, 409, "withdrawal_"),
    ("no ETag", "PATCH", "/v1/vaults/ann/limits", {"max_leverage": "2"}, "own", {}, 428, "precondition_required"),
    (
        "a stale ETag",
        "PATCH",
        "/v1/vaults/ann/limits",
        {"max_leverage": "2"},
        "own",
        {"If_Match": '"x"'},
        412,
        "precond",
    ),
    ("another cursor", "GET", "/v1/vaults/ann/trades?cursor=x", None, "read", {}, 422, "invalid_request"),
    ("too long a page", "GET", "/v1/vaults/ann/trades?limit=1001", None, "read", {}, 422, "invalid_request"),
    ("nothing to review", "POST", "/v1/feed/reviews", {"asset": "X", "reason": "y"}, "operate", {}, 409, "feed_state"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "headers", "status", "code"),
    [one[1:] for one in CASES],
    ids=[one[0] for one in CASES],
)
def test_errors(
    ann: Server, method: str, path: str, body: Any, key: str, headers: dict[str, str], status: int, code: str
) -> None:
    """The status, the code, and who asked for it."""
    answer = ann.call(method, path, body, key=key, **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told = answer.json()
    assert told["code"].startswith(code), told
    assert (told["status"], told["request_id"]) == (status, answer.headers["X-Request-Id"])
    assert told["detail"]


def test_what_was_sent_is_not_sent_back(ann: Server) -> None:
    """A secret in the wrong field stays out of the answer."""
    answer = ann.call("POST", "/v1/vaults/ann/kill", {"reason": {"secret": "hunter2"}}, key="operate")
    assert "hunter2" not in answer.text


def test_what_nobody_foresaw_is_a_500_without_its_text(
    ann: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has it under the request's id."""

    def broken() -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(ann.desk, "vault_ids", broken)
    answer = ann.call("GET", "/v1/vaults")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text
    assert answer.headers["X-Request-Id"] in caplog.text


def test_limits_of_rate_are_told_and_kept(tmp_path: Path) -> None:
    """Of each key alone; the answer says how long to wait."""
    with serving(config(tmp_path, keys=KeysConfig(requests_per_minute=3))) as server:
        left = [server.call("GET", "/v1/vaults", key="read").headers["RateLimit-Remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = server.call("GET", "/v1/vaults", key="read")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["RateLimit-Limit"] == "3"
        assert server.call("GET", "/v1/vaults", key="admin").status_code == 200


def test_nobody_sets_the_clock_of_rates() -> None:
    """A clock that is set back would begin a key's minute anew."""
    assert signature(Rates).parameters["clock"].default is time.monotonic


def test_guessing_is_locked_out(tmp_path: Path) -> None:
    """From that address, for the good key too; another key goes on."""
    with serving(config(tmp_path, keys=KeysConfig(failures_max=3, lockout_s=60))) as server:
        good = server.keys["read"]
        _, revoked = server.desk.keyring.create("x", "read")
        server.desk.keyring.revoke(revoked.split("_")[1])
        codes = [server.call("GET", "/v1/vaults", key=revoked).json()["code"] for _ in range(4)]
        assert codes == ["unauthenticated"] * 3 + ["locked_out"]
        locked = server.call("GET", "/v1/vaults", key=revoked)
        assert (locked.status_code, 1 <= int(locked.headers["Retry-After"]) <= 60) == (429, True)
        assert server.call("GET", "/v1/vaults", key=good).status_code == 200


def test_a_server_that_stops_takes_no_orders(ann: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, also at /readyz; what only asks is answered."""
    monkeypatch.setattr(ann.desk, "_is_open", False)
    answer = ann.call("POST", "/v1/vaults/ann/orders", ORDER, key="propose")
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "not_ready", "1")
    assert ann.client.get("/readyz").status_code == 503
    assert ann.client.get("/livez").status_code == 200
    assert ann.call("GET", "/v1/vaults/ann").status_code == 200


def test_a_change_that_takes_too_long_is_finished_all_the_same(tmp_path: Path) -> None:
    """A 504 says to ask again; the same request then has the answer."""
    http = HttpConfig(request_s=0.000_001)
    with serving(Config(folder=tmp_path / "data", feed=FeedConfig(bar_s=1), http=http)) as server:
        body = {
            "vault_id": "ann",
            "tier": "growth",
            "strategy": {"name": "x", "version": "1", "content_hash": "0" * 64},
        }
        late = server.call("POST", "/v1/vaults", body, Idempotency_Key="once")
        assert (late.status_code, late.json()["code"]) == (504, "timeout")
        while server.desk.in_flight:
            server.client.get("/livez")
        assert "ann" in server.desk.fleet.vaults
        key = next(one for one in server.desk.keyring.all() if one.scope == "operate")
        answer = server.desk.answers.find(key.id, "once")
        assert answer is not None
        assert answer.status == 201


@pytest.mark.parametrize(
    ("body", "deep"), [(b"1", 0), (b'"[[["', 0), (b'{"a":[{}]}', 3), (b'"\\"[" [', 1), (b"]]]][", 1)]
)
def test_depth(body: bytes, deep: int) -> None:
    """Brackets in text do not count."""
    assert depth(body) == deep


def test_an_unfinished_string_is_read_in_one_pass() -> None:
    """A megabyte of escaped quotes: a pattern that tries again from each would take hours."""
    assert depth(b'[["' + b'\\"' * 500_000 + b"\\") == 2


@pytest.mark.parametrize(
    "path", ["/v1/vaults/ann/decisions?outcom=held", "/v1/vaults/ann?x", "/v1/fleet?limit=1&cursr=a"]
)
def test_a_query_that_nobody_asks_for_is_refused(ann: Server, path: str) -> None:
    """A misspelt filter would otherwise answer another question."""
    answer = ann.call("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "is no parameter of this operation; allowed: " in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/alerts?vault_id=ann&vault_id=bob", "/v1/fleet?limit=1&limit=2"])
def test_a_parameter_that_is_given_twice_is_refused(ann: Server, path: str) -> None:
    """All but the last would be left out in silence."""
    answer = ann.call("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "was given more than once; once is allowed" in answer.json()["detail"]
