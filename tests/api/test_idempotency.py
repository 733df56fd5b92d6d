"""The same request twice: one effect, one answer; with another body it is refused; at once, one waits for the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gxrisk import JournalError
from gxrisk.server.holds import KNOWN_MAX
from gxrisk.server.tables import answers
from sqlalchemy import delete

from .desk import MANY, ORDER, Server, config, serving

ORDERS = "/v1/vaults/ann/orders"


def decisions(server: Server) -> int:
    """How many decisions are on record."""
    return sum(one["kind"] == "decision" for one in server.desk.fleet.vaults["ann"].gate.events())


def test_a_replay_has_the_first_answer_and_no_effect(ann: Server) -> None:
    """To the byte; errors that were decided are kept too."""
    first, again = (ann.call("POST", ORDERS, ORDER, key="propose", Idempotency_Key="one") for _ in range(2))
    assert (again.content, again.status_code) == (first.content, 200)
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert decisions(ann) == 1
    refused = [ann.call("POST", "/v1/vaults/ann/retire", {"reason": "x"}, Idempotency_Key="r") for _ in range(2)]
    assert [one.status_code for one in refused] == [409, 409]
    assert refused[0].json()["request_id"] == refused[1].json()["request_id"]
    assert refused[1].headers["content-type"] == "application/problem+json"


def test_another_request_with_the_same_name_is_refused(ann: Server) -> None:
    """Another body, another path, another If-Match; the name of another key is another name."""
    assert ann.call("POST", ORDERS, ORDER, key="propose", Idempotency_Key="one").status_code == 200
    for path, body in ((ORDERS, {**ORDER, "quantity": "0.2"}), ("/v1/vaults/ann/holds", ORDER)):
        answer = ann.call("POST", path, body, key="propose", Idempotency_Key="one")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert ann.call("POST", "/v1/vaults/ann/pause", key="own", Idempotency_Key="one").status_code == 200
    assert decisions(ann) == 1


def test_at_once_one_does_it_and_all_have_the_answer(ann: Server) -> None:
    """Sixteen threads, one order."""
    with ThreadPoolExecutor(16) as pool:
        told = list(
            pool.map(lambda _: ann.call("POST", ORDERS, ORDER, key="propose", Idempotency_Key="one"), range(16))
        )
    assert {one.content for one in told} == {told[0].content}
    assert sum("Idempotency-Replayed" not in one.headers for one in told) == 1
    assert decisions(ann) == 1


def test_a_crash_before_the_answer_was_kept(ann: Server) -> None:
    """Work that is done again is the same work: the gate knows the order, the account the transfer."""
    fund = {"transfer_id": "second", "amount": "5"}
    before = ann.call("POST", ORDERS, ORDER, key="propose", Idempotency_Key="one")
    paid = ann.call("POST", "/v1/vaults/ann/fund", fund, Idempotency_Key="two")
    with ann.desk.engine.begin() as connection:
        connection.execute(delete(answers))
    again = ann.call("POST", ORDERS, ORDER, key="propose", Idempotency_Key="one")
    assert "Idempotency-Replayed" not in again.headers
    assert again.json() == before.json()
    assert ann.call("POST", "/v1/vaults/ann/fund", fund, Idempotency_Key="two").json()["collateral"] == "10005"
    assert paid.json()["collateral"] == "10005"
    assert len(ann.call("GET", "/v1/vaults/ann/positions").json()["working"]) == 1
    changed = ann.call("POST", ORDERS, {**ORDER, "quantity": "0.2"}, key="propose", Idempotency_Key="one")
    assert changed.status_code == 422


HOLDS = "/v1/vaults/ann/holds"
HOLD = {"confidence": "0.5", "reasoning": "nothing is sure", "asset": "BTC"}


def holds(server: Server) -> list[int]:
    """The holds on record, by number."""
    events = server.desk.fleet.vaults["ann"].gate.events()
    return [one["sequence"] for one in events if one["kind"] == "hold"]


def test_a_hold_whose_answer_was_not_kept_is_the_same_hold(ann: Server) -> None:
    """Sixteen in flight, in any order, all in the same words; another one of these words is another hold."""
    names = [f"hold-{number}" for number in range(KNOWN_MAX)]
    first = {one: ann.call("POST", HOLDS, HOLD, key="propose", Idempotency_Key=one).json() for one in names}
    with ann.desk.engine.begin() as connection:
        connection.execute(delete(answers))
    for one in reversed(names):
        again = ann.call("POST", HOLDS, HOLD, key="propose", Idempotency_Key=one)
        assert (again.json(), "Idempotency-Replayed" in again.headers) == (first[one], False)
    assert holds(ann) == sorted(one["sequence"] for one in first.values())
    with ann.desk.engine.begin() as connection:
        connection.execute(delete(answers))
    changed = ann.call("POST", HOLDS, {**HOLD, "confidence": "0.6"}, key="propose", Idempotency_Key=names[0])
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency_key_reused")
    fresh = ann.call("POST", HOLDS, HOLD, key="propose", Idempotency_Key="fresh").json()
    assert holds(ann) == [*sorted(one["sequence"] for one in first.values()), fresh["sequence"]]


def test_a_note_that_no_hold_follows_is_a_hold_still_to_be_made(ann: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a crash between the two leaves; a hold of another's, in the same words, is not taken for it."""
    vault = ann.desk.fleet.vaults["ann"]
    gate = vault.gate

    class Cut:
        """The gate, up to the hold."""

        def __getattr__(self, name: str) -> Any:
            if name == "hold":
                raise JournalError("cut short")
            return getattr(gate, name)

    with monkeypatch.context() as cut:
        cut.setattr(vault, "gate", Cut())
        assert ann.call("POST", HOLDS, HOLD, key="propose", Idempotency_Key="cut").status_code == 503
    assert holds(ann) == []
    other = ann.call("POST", HOLDS, HOLD, key="propose", Idempotency_Key="other").json()["sequence"]
    again = ann.call("POST", HOLDS, HOLD, key="propose", Idempotency_Key="cut").json()["sequence"]
    assert holds(ann) == [other, again]


def test_an_answer_expires(ann: Server) -> None:
    """Then the name is free again."""
    assert ann.call("POST", "/v1/vaults/ann/pause", key="own", Idempotency_Key="one").status_code == 200
    kept = ann.desk.answers
    now = kept._clock
    kept._clock = lambda: now() + ann.desk.config.idempotency_s + 1
    fresh = ann.call("POST", "/v1/vaults/ann/resume", key="own", Idempotency_Key="one")
    assert (fresh.status_code, "Idempotency-Replayed" in fresh.headers) == (200, False)


def test_answers_outlive_the_server(tmp_path: Path) -> None:
    """They are in its database."""
    settings = config(tmp_path, keys=MANY)
    with serving(settings) as server:
        server.made("ann")
        keys = dict(server.keys)
        first = server.call("POST", "/v1/vaults/ann/pause", key=keys["own"], Idempotency_Key="one")
    with serving(settings) as server:
        again = server.call("POST", "/v1/vaults/ann/pause", key=keys["own"], Idempotency_Key="one")
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
