"""Orders over HTTP: the gate's answer as it is, sent once, on record with its words as data."""

from decimal import Decimal

from .desk import ORDER, Server


def test_an_approved_order_reaches_the_venue(ann: Server) -> None:
    """And works there until it fills."""
    answer = ann.call("POST", "/v1/vaults/ann/orders", ORDER, key="propose")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["outcome"], told["approved"], told["violations"]) == ("approved", True, [])
    working = ann.call("GET", "/v1/vaults/ann/positions", key="propose").json()["working"]
    assert [(one["order_id"], one["status"], one["quantity"]) for one in working] == [
        (told["order_id"], "redeemed", "0.1")
    ]


def test_a_refusal_is_an_answer(ann: Server) -> None:
    """A 200 with every violation: limit and observed value as text."""
    answer = ann.call("POST", "/v1/vaults/ann/orders", {**ORDER, "quantity": "1000"}, key="propose")
    assert answer.status_code == 200
    told = answer.json()
    assert told["outcome"] == "rejected"
    broken = {one["rule"]: one for one in told["violations"]}
    assert {"position_size", "concentration", "leverage"} <= broken.keys()
    assert Decimal(broken["position_size"]["limit"]) == 2500


def test_what_would_pass_passes_exactly(ann: Server) -> None:
    """`max-quantity` is approved; one unit more is not."""
    most = ann.call("POST", "/v1/vaults/ann/orders/max-quantity", ORDER, key="propose").json()["quantity"]
    more = str(Decimal(most) + Decimal("1e-9"))
    for quantity, outcome in ((most, "approved"), (more, "rejected")):
        body = {**ORDER, "quantity": quantity}
        assert ann.call("POST", "/v1/vaults/ann/orders/validate", body, key="propose").json()["outcome"] == outcome
    rules = ann.call("GET", "/v1/vaults/ann/headroom?asset=BTC&side=buy", key="read").json()["rules"]
    assert Decimal(rules["position_size"]) >= Decimal(most)


def test_validating_changes_nothing(ann: Server) -> None:
    """Not a record more."""
    before = ann.desk.fleet.vaults["ann"].gate.sequence
    for _ in range(3):
        assert ann.call("POST", "/v1/vaults/ann/orders/validate", ORDER, key="propose").status_code == 200
    decisions = [one for one in ann.desk.fleet.vaults["ann"].gate.events(before) if one["kind"] == "decision"]
    assert decisions == []


def test_an_order_is_cancelled_with_its_actor_on_record(ann: Server) -> None:
    """The venue confirms with the next prices."""
    limit = {**ORDER, "price": "97", "stop_loss": "95"}
    order_id = ann.call("POST", "/v1/vaults/ann/orders", limit, key="propose").json()["order_id"]
    assert order_id is not None
    answer = ann.call("DELETE", f"/v1/vaults/ann/orders/{order_id}", key="propose")
    assert (answer.status_code, answer.json()) == (202, {"order_id": order_id})
    assert any('"action": "cancel"' in note for note in ann.notes("ann", "actor"))
    unknown = ann.call("DELETE", "/v1/vaults/ann/orders/gx-999", key="propose")
    assert (unknown.status_code, unknown.json()["code"]) == (409, "vault_state")


def test_a_model_s_words_are_data(ann: Server) -> None:
    """Scripts, line ends and terminal codes come back as they were, as JSON that no browser runs."""
    words = "<script>alert(1)</script>\r\nX-Evil: 1\x1b[2J \u202e =cmd()"
    body = {"confidence": "0.5", "reasoning": words, "asset": "BTC"}
    held = ann.call("POST", "/v1/vaults/ann/holds", body, key="propose")
    assert (held.status_code, held.json()["outcome"]) == (200, "held")
    ann.desk.projector.catch_up()
    answer = ann.call("GET", "/v1/vaults/ann/decisions?outcome=held", key="read")
    assert answer.json()["rows"][0]["reasoning"] == words
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "X-Evil" not in answer.headers
