"""The pushed feed: each candle once, nothing from the future, nothing that would take a vault out, reviews."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .desk import Server, market


def candle(**changes: str) -> dict[str, Any]:
    """One that is good, but for the changes."""
    one: dict[str, Any] = market(int(time.time()), seconds=1)["candles"][0]
    return {**one, **changes}


def test_marks_are_taken_once(server: Server) -> None:
    """What is pushed again is ignored and counted, under another idempotency key too."""
    server.made("ann")
    body = market(int(time.time()))
    assert server.call("POST", "/v1/marks", body, key="feed").json() == {"taken": 30, "ignored": 0}
    assert server.call("POST", "/v1/marks", body, key="feed").json() == {"taken": 0, "ignored": 30}
    gate = server.desk.fleet.vaults["ann"].gate
    assert gate.snapshot().marks["BTC"] == int(body["candles"][-1]["close"])
    assert server.call("GET", "/v1/feed", key="feed").json() == {"bar_s": 1, "assets": ["BTC"], "suspended": []}


# what is pushed, status, code, a word of the detail
REFUSED = [
    ("the future", {"start": "2150-01-01T00:00:00Z"}, "from_the_future", "ahead"),
    ("within a candle", {"start": "2026-01-01T00:00:00.5Z"}, "interval", "multiple"),
    ("no zone", {"start": "2026-01-01T00:00:00"}, "invalid_request", "zone"),
    ("no time", {"start": "yesterday"}, "invalid_request", "2026-03-12T10:55:00Z"),
    ("above the high", {"close": "1000"}, "invalid_request", "low to high"),
    ("zero", {"low": "0"}, "invalid_request", "above 0"),
    ("a price that no gate takes", {"high": "1" + "0" * 18}, "invalid_request", "pattern"),
    ("an asset that no gate takes", {"asset": "B\u00e9"}, "invalid_request", "pattern"),
]


@pytest.mark.parametrize(("changes", "code", "said"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_is_refused_takes_no_vault_out(ann: Server, changes: dict[str, str], code: str, said: str) -> None:
    """A 422, and the vault goes on."""
    answer = ann.call("POST", "/v1/marks", {"candles": [candle(**changes)]}, key="feed")
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert said in answer.json()["detail"]
    assert ann.desk.fleet.failed == {}
    assert ann.client.get("/readyz").status_code == 200


def test_a_suspended_asset_returns_by_a_person_s_word(ann: Server) -> None:
    """A phantom print suspends it; the reviewer is on record in the vault."""
    at = int(time.time()) - 1
    calm = market(at, asset="ETH", seconds=200)
    assert ann.call("POST", "/v1/marks", calm, key="feed").json()["taken"] == 200
    prints = [
        {
            "asset": "ETH",
            "at": time.strftime(f"%Y-%m-%dT%H:%M:%S.{part}Z", time.gmtime(at)),
            "price": price,
            "quantity": "1",
        }
        for part, price in (("900", "1"), ("910", "100"), ("920", "1"), ("930", "100"), ("940", "1"), ("950", "100"))
    ]
    assert ann.call("POST", "/v1/marks", {"trades": prints}, key="feed").status_code == 200
    told = ann.call("GET", "/v1/feed", key="read").json()
    assert [one["asset"] for one in told["suspended"]] == ["ETH"], told
    reviewed = ann.call("POST", "/v1/feed/reviews", {"asset": "ETH", "reason": "the venue confirmed a bad print"})
    assert reviewed.json()["suspended"] == []
    assert any('"review_feed"' in note and '"the operate"' in note for note in ann.notes("ann", "actor"))


def test_a_client_s_vault_is_never_asked(ann: Server) -> None:
    """Thirty bars were completed, and no hold is on record."""
    kinds = {one["kind"] for one in ann.desk.fleet.vaults["ann"].gate.events()}
    assert "hold" not in kinds


def test_a_fleet_that_failed_is_not_ready(ann: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever pushed hears of it, and the server says that it is not ready."""

    async def broken(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(ann.desk.fleet, "step", broken)
    answer = ann.call("POST", "/v1/marks", {"candles": [candle(asset="ETH")]}, key="feed")
    later = ann.call("POST", "/v1/marks", {"candles": [candle(asset="SOL")]}, key="feed")
    assert [one.status_code for one in (answer, later)] == [503, 503]
    assert ann.client.get("/readyz").status_code == 503
