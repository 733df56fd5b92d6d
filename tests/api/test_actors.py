"""Every control leaves who asked for it in the vault's journal, right before what was done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .desk import ORDER, STRATEGY, Server
from .test_permissions import OPEN_TO

REASON = {"reason": "a drill"}
# Each control: the operation, its body, the scope that asks, and the record that is its own (none for a note alone).
CONTROLS: list[tuple[str, Any, str, str | None]] = [
    ("POST /v1/vaults", {"vault_id": "ann", "tier": "growth", "strategy": STRATEGY, "bar_s": 1}, "operate", None),
    ("POST /v1/vaults/{vault_id}/fund", {"transfer_id": "second", "amount": "5"}, "own", "flow"),
    ("POST /v1/vaults/{vault_id}/pause", None, "operate", "paused"),
    ("POST /v1/vaults/{vault_id}/resume", None, "operate", "resumed"),
    ("POST /v1/vaults/{vault_id}/reopen", None, "operate", None),
    ("POST /v1/vaults/{vault_id}/kill", REASON, "own", "killed"),
    ("POST /v1/vaults/{vault_id}/reactivate", {}, "own", "reactivated"),
    ("POST /v1/kill", REASON, "operate", "killed"),
    ("POST /v1/vaults/{vault_id}/tier", {"tier": "capital_guard"}, "own", "limits"),
    ("PATCH /v1/vaults/{vault_id}/limits", {"max_leverage": "1"}, "own", "limits"),
    ("PUT /v1/vaults/{vault_id}/risk-scale", {"scale": "0.5"}, "operate", "risk_scale"),
    ("POST /v1/vaults/{vault_id}/reconciliation", None, "operate", None),
    ("DELETE /v1/vaults/{vault_id}/orders/{order_id}", None, "operate", None),
    ("POST /v1/feed/reviews", {"asset": "BTC", "reason": "a drill"}, "operate", None),
    # Refused, and on record all the same.
    ("POST /v1/vaults/{vault_id}/positions/close", {"asset": "BTC", "reason": "a drill"}, "own", None),
    ("POST /v1/vaults/{vault_id}/withdrawals", {"request": "00"}, "own", None),
    ("POST /v1/vaults/{vault_id}/retire", REASON, "operate", None),
]


def test_every_control_is_in_the_table() -> None:
    """Whatever an owner, an operator or an admin may change."""
    people = {"own", "operate", "admin"}
    alerts = {
        "POST /v1/alerts/{incident}/ack",
        "POST /v1/alerts/{incident}/resolve",
    }  # of no vault: kept with the alert
    controls = {one for one, scopes in OPEN_TO.items() if not one.startswith("GET") and people & {*scopes.split()}}
    assert {one[0] for one in CONTROLS} == controls - alerts


@pytest.mark.parametrize(("operation", "body", "scope", "kind"), CONTROLS, ids=[one[0] for one in CONTROLS])
def test_a_control_and_who_asked(ann: Server, operation: str, body: Any, scope: str, kind: str | None) -> None:
    """Key, name, scope and request id, in the same journal; what happened lies right behind it."""
    method, path = operation.split()
    gate = ann.desk.fleet.vaults["ann"].gate
    headers, order_id = {}, ""
    if method == "DELETE":
        order_id = ann.call("POST", "/v1/vaults/ann/orders", ORDER, key="propose").json()["order_id"]
    if method == "PATCH":
        headers["If_Match"] = ann.call("GET", "/v1/vaults/ann/limits", key="own").headers["ETag"]
    before = gate.sequence
    answer = ann.call(method, path.format(vault_id="ann", order_id=order_id), body, key=scope, **headers)
    assert answer.status_code < 500, answer.text
    events = gate.events(before)
    at = next(n for n, one in enumerate(events) if one["kind"] == "note" and one["topic"] == "actor")
    told = json.loads(events[at]["text"])
    assert (told["name"], told["scope"]) == (f"the {scope}", scope)
    assert told["key"] in ann.keys[scope]
    assert told["request_id"] == answer.headers["X-Request-Id"]
    if kind is not None:
        assert answer.status_code == 200, answer.text
        own = [one["kind"] for one in events[at + 1 :] if one["kind"] not in ("market", "note")]
        assert own[0] == kind
