"""Orders over HTTP: the gate's answer as it is, sent once, on record with its words as data."""

import json
import time
from decimal import Decimal

from .desk import ORDER, STRATEGY, Server, market


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


def test_guards_judge_a_client_s_order_and_the_answer_names_them(server: Server) -> None:
    """First refused, since nothing is known of the market yet; then left smaller; all of it on record."""
    server.made("ann", protection=True)
    shown = server.call("GET", "/v1/vaults/ann", key="read").json()
    assert shown["guards"] == ["breakers", "adaptive", "stop", "size", "portfolio", "health"]
    body = {**ORDER, "quantity": "0.2", "stop_loss": "9998"}
    refused = server.call("POST", "/v1/vaults/ann/orders", body, key="propose")
    assert refused.status_code == 200, refused.text
    told = refused.json()
    assert (told["outcome"], told["approved"], told["violations"]) == ("held", False, [])
    assert told["guards"] == [
        {
            "guard": "adaptive",
            "did": "refused",
            "limit": None,
            "observed": None,
            "message": "the market's volatility is not known yet",
            "passes": "an opening after 60 bars, or a day",
        }
    ]
    assert (
        server.call("POST", "/v1/marks", market(int(time.time()), price="10000", seconds=90), key="feed").status_code
        == 200
    )
    answer = server.call("POST", "/v1/vaults/ann/orders", body, key="propose").json()
    assert answer["approved"], str(answer)
    assert 0 < Decimal(answer["quantity"]) < Decimal("0.2")
    sizing = next(one for one in answer["guards"] if one["guard"] == "size")
    assert (sizing["did"], sizing["observed"]) == ("changed", "quantity 0.2")
    assert sizing["limit"] == f"quantity {answer['quantity']}"
    records = [one for one in server.desk.fleet.vaults["ann"].gate.events() if one["kind"] in ("hold", "decision")]
    assert [one["sequence"] for one in records] == [told["sequence"], answer["sequence"]]
    assert "adaptive: the market's volatility is not known yet. The model: breakout" in records[0]["reasoning"]
    assert records[1]["order"]["reasoning"].startswith("breakout above the range [")


def test_a_vault_with_guards_and_one_without_are_different(ann: Server) -> None:
    """The same name with the other answer is a conflict."""
    body = {"vault_id": "ann", "tier": "growth", "strategy": STRATEGY, "bar_s": 1}
    assert ann.call("POST", "/v1/vaults", body).status_code == 201
    assert ann.call("GET", "/v1/vaults/ann", key="read").json()["guards"] == []
    again = ann.call("POST", "/v1/vaults", {**body, "protection": True})
    assert (again.status_code, again.json()["code"]) == (409, "vault_exists")


def test_the_short_way_and_fastapi_s_are_the_same(ann: Server) -> None:
    """What is as it should be is answered without FastAPI's parameters; in other words it takes FastAPI's way."""
    for body in (ORDER, {**ORDER, "quantity": "1000000"}, {**ORDER, "quantity": "none"}, {**ORDER, "colour": "red"}):
        answers = [
            ann.call(
                "POST", "/v1/vaults/ann/orders/validate", json.dumps(body).encode(), key="propose", Content_Type=kind
            )
            for kind in ("application/json", "application/json; charset=utf-8")
        ]
        first, second = ({**one.json(), "request_id": None} for one in answers)
        assert (answers[0].status_code, first) == (answers[1].status_code, second)
        assert answers[0].headers["Content-Type"] == answers[1].headers["Content-Type"]
