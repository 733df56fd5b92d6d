"""Who may do what: every operation by every scope, own vault and other, and every kind of key that is none.

The operations are taken from the application itself; what each is open to is written down here once more, so that a new
route, or a wider one, fails until somebody has thought about it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from gxrisk.config import StreamsConfig
from gxrisk.server.app import create_app
from gxrisk.server.guard import Guarded
from gxrisk.server.keys import SCOPES
from gxrisk.server.openapi import operations, sockets
from starlette.testclient import WebSocketDenialResponse

from .desk import MANY, VAULTS_OF, Server, config, serving

SHORT = StreamsConfig(lasts_s=0.05)  # an answer that goes on is one, too
READERS = "read propose operate own admin"
NAMED = {"order_id": "gx-1", "sequence": "1", "week": "2026-W01", "what": "trades", "incident": "1"}
OPEN_TO = {
    "GET /livez": "",
    "GET /readyz": "",
    "GET /openapi.json": "",
    "GET /v1/key": "read propose feed operate own admin",
    "POST /v1/vaults": "operate admin",
    "GET /v1/vaults": READERS,
    "GET /v1/vaults/{vault_id}": READERS,
    "POST /v1/vaults/{vault_id}/fund": "own operate",
    "POST /v1/vaults/{vault_id}/pause": "own operate",
    "POST /v1/vaults/{vault_id}/resume": "own operate",
    "POST /v1/vaults/{vault_id}/reopen": "operate",
    "POST /v1/vaults/{vault_id}/kill": "own operate",
    "POST /v1/vaults/{vault_id}/reactivate": "own",
    "GET /v1/vaults/{vault_id}/reactivation": READERS,
    "POST /v1/vaults/{vault_id}/tier": "own",
    "POST /v1/vaults/{vault_id}/retire": "own operate",
    "POST /v1/vaults/{vault_id}/withdrawals": "own",
    "POST /v1/kill": "operate",
    "POST /v1/vaults/{vault_id}/orders": "propose",
    "POST /v1/vaults/{vault_id}/orders/validate": "propose",
    "POST /v1/vaults/{vault_id}/orders/validate-batch": "propose",
    "DELETE /v1/vaults/{vault_id}/orders/{order_id}": "propose own operate",
    "POST /v1/vaults/{vault_id}/holds": "propose",
    "GET /v1/vaults/{vault_id}/headroom": READERS,
    "POST /v1/vaults/{vault_id}/orders/max-quantity": "propose",
    "GET /v1/vaults/{vault_id}/limits": READERS,
    "PATCH /v1/vaults/{vault_id}/limits": "own operate",
    "PUT /v1/vaults/{vault_id}/risk-scale": "own operate",
    "GET /v1/vaults/{vault_id}/positions": READERS,
    "GET /v1/vaults/{vault_id}/snapshot": READERS,
    "POST /v1/vaults/{vault_id}/positions/close": "own operate",
    "GET /v1/vaults/{vault_id}/breakers": READERS,
    "GET /v1/vaults/{vault_id}/decisions": READERS,
    "GET /v1/vaults/{vault_id}/trades": READERS,
    "GET /v1/vaults/{vault_id}/fills": READERS,
    "GET /v1/vaults/{vault_id}/events": READERS,
    "GET /v1/events": READERS,
    "POST /v1/marks": "feed",
    "GET /v1/feed": "read feed operate admin",
    "POST /v1/feed/reviews": "operate",
    "GET /metrics": "read operate admin",
    "GET /v1/alerts": READERS,
    "POST /v1/alerts/{incident}/ack": "own operate",
    "POST /v1/alerts/{incident}/resolve": "own operate",
    "GET /v1/fleet": READERS,
    "GET /v1/vaults/{vault_id}/equity": READERS,
    "GET /v1/vaults/{vault_id}/decisions/{sequence}": READERS,
    "GET /v1/vaults/{vault_id}/audit/head": READERS,
    "GET /v1/vaults/{vault_id}/audit/verify": READERS,
    "GET /v1/vaults/{vault_id}/audit/records/{sequence}": READERS,
    "GET /v1/vaults/{vault_id}/reports": READERS,
    "GET /v1/vaults/{vault_id}/reports/{week}": READERS,
    "GET /v1/vaults/{vault_id}/export/{what}.csv": READERS,
    "GET /v1/vaults/{vault_id}/graduation": READERS,
    "GET /v1/vaults/{vault_id}/graduation/certificate": READERS,
    "GET /v1/vaults/{vault_id}/reconciliation": READERS,
    "POST /v1/vaults/{vault_id}/reconciliation": "own operate",
    "GET /v1/vaults/{vault_id}/withdrawals/preview": READERS,
    "GET /v1/vaults/{vault_id}/stress": READERS,
    "GET /v1/vaults/{vault_id}/guards": READERS,
}
WHOLE = {"GET /metrics"}  # of all vaults at once: a key for some of them is not enough


SOCKETS = {"/v1/vaults/{vault_id}/orders/stream": "propose"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the vaults `ann` and `bob`."""
    with serving(config(tmp_path_factory.mktemp("server"), keys=MANY, streams=SHORT)) as one:
        for vault_id in ("ann", "bob"):
            one.made(vault_id)
        yield one


def test_every_operation_is_in_the_table(tmp_path_factory: pytest.TempPathFactory) -> None:
    """And no route goes around the guard: the application has no others."""
    app = create_app(config(tmp_path_factory.mktemp("unused")))
    found = {f"{method} {route.path}" for route in operations(app) for method in route.methods or ()}
    assert found == OPEN_TO.keys()
    assert {route.path for route in sockets(app)} == SOCKETS.keys()
    described = {f"{method.upper()} {path}" for path, one in app.openapi()["paths"].items() for method in one}
    assert described == OPEN_TO.keys() - {"GET /openapi.json"}


def test_a_route_that_does_not_say_who_may_call_it_cannot_be_made() -> None:
    """It fails when it is written, not when it is called."""
    router = APIRouter(route_class=Guarded)

    async def forgotten() -> None:
        """Nothing is declared."""

    with pytest.raises(TypeError, match="forgotten does not say who may call it"):
        router.add_api_route("/forgotten", forgotten)


@pytest.mark.parametrize("operation", OPEN_TO)
def test_scopes(both: Server, operation: str) -> None:
    """By every scope, for the key's own vault and for another one."""
    method, path = operation.split()
    allowed = OPEN_TO[operation].split()
    wrong = []
    for scope in SCOPES:
        for vault_id in ("ann", "bob"):
            vaults = VAULTS_OF[scope]
            names_none = "{vault_id}" not in path and operation not in WHOLE
            is_covered = names_none or vaults is None or (vault_id in vaults and operation not in WHOLE)
            expected = not allowed or (scope in allowed and is_covered)
            answer = both.call(method, path.format(vault_id=vault_id, **NAMED), key=scope)
            passed = answer.status_code not in (401, 403)
            if passed != expected or answer.status_code >= 500:
                wrong.append((scope, vault_id, answer.status_code, answer.text))
    assert wrong == []


@pytest.mark.parametrize("operation", [one for one, scopes in OPEN_TO.items() if scopes])
def test_without_a_good_key(both: Server, operation: str) -> None:
    """None, nonsense, one with a wrong secret, a revoked and an expired one: 401, and always in the same words."""
    method, path = operation.split()
    keyring = both.desk.keyring
    scope = OPEN_TO[operation].split()[0]
    revoked, revoked_text = keyring.create("revoked", scope, VAULTS_OF[scope])  # type: ignore[arg-type]
    keyring.revoke(revoked.id)
    late = time.time() - 10
    expired = _expired(both, scope, late)
    good = both.keys[scope]
    wrong = good[:-9] + ("0" if good[-9] != "0" else "1") + good[-8:]
    asked = path.format(vault_id="ann", **NAMED)
    answers = [both.call(method, asked, key=one) for one in (None, "nonsense", wrong, revoked_text, expired)]
    assert [one.status_code for one in answers] == [401] * 5
    assert {one.json()["code"] for one in answers} == {"unauthenticated"}
    assert {one.headers["WWW-Authenticate"] for one in answers} == {"Bearer"}
    assert len({one.json()["detail"] for one in answers[1:]}) == 1


@pytest.mark.parametrize("path", SOCKETS)
def test_sockets(both: Server, path: str) -> None:
    """The same of those: by every scope, own vault and other, and with no good key; a problem before the handshake."""
    scope = SOCKETS[path]
    revoked, revoked_text = both.desk.keyring.create("revoked", scope, VAULTS_OF[scope])  # type: ignore[arg-type, index]
    both.desk.keyring.revoke(revoked.id)
    bad = {
        "none": None,
        "nonsense": "nonsense",
        "revoked": revoked_text,
        "expired": _expired(both, scope, time.time() - 10),
    }
    for name, key in {**both.keys, **bad}.items():
        for vault_id in ("ann", "bob"):
            headers = {} if key is None else {"Authorization": f"Bearer {key}"}
            expected = 401 if name in bad else 101 if (name, vault_id) == (scope, "ann") else 403
            try:
                with both.client.websocket_connect(path.format(vault_id=vault_id), headers=headers):
                    found = 101, None
            except WebSocketDenialResponse as denied:
                found = denied.status_code, denied.headers["content-type"]
            wanted = (101, None) if expected == 101 else (expected, "application/problem+json")
            assert found == wanted, (name, vault_id)


def test_lists_show_the_key_s_own_vaults(both: Server) -> None:
    """And nothing of others, not even that they are there."""
    for scope, seen in (("read", ["ann"]), ("propose", ["ann"]), ("own", ["ann"]), ("operate", ["ann", "bob"])):
        listed = both.call("GET", "/v1/vaults", key=scope).json()["vaults"]
        assert [one["vault_id"] for one in listed] == seen
    hidden, nowhere = (both.call("GET", f"/v1/vaults/{one}", key="read") for one in ("bob", "nobody"))
    assert {**hidden.json(), "request_id": ""} == {**nowhere.json(), "request_id": ""}


def test_an_operator_of_one_vault_makes_and_kills_no_other(both: Server) -> None:
    """The body names the vault there, and the kill switch is for all: both keep to the key's vaults."""
    _, key = both.desk.keyring.create("ann's operator", "operate", ["ann"])
    body = {"vault_id": "eve", "tier": "growth", "strategy": {"name": "x", "version": "1", "content_hash": "0" * 64}}
    assert both.call("POST", "/v1/vaults", body, key=key).status_code == 403
    assert both.call("POST", "/v1/kill", {"reason": "a drill"}, key=key).json() == {"vault_ids": ["ann"], "failed": []}
    assert both.call("GET", "/v1/vaults/bob").json()["is_killed"] is False


def _expired(both: Server, scope: str, at_s: float) -> str:
    """A key that was good once."""
    keyring = both.desk.keyring
    clock, keyring._clock = keyring._clock, lambda: at_s
    try:
        expires_ms = int(at_s * 1000) + 1
        return keyring.create("expired", scope, VAULTS_OF[scope], expires_ms=expires_ms)[1]  # type: ignore[arg-type, index]
    finally:
        keyring._clock = clock
