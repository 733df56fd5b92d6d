"""Vaults over HTTP: made once, held to the ceiling, led through their life, each act on record with who asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Limits
from gxrisk.custody import create_owner_key, sign_withdrawal
from gxrisk.vaults.fleet import JOURNAL

from .desk import MANY, ORDER, STRATEGY, Server, config, now, serving

NEW = {"vault_id": "ann", "tier": "growth", "strategy": STRATEGY, "bar_s": 1}
CEILING = {
    "max_daily_loss": "0.03",
    "max_position_fraction": "0.03",
    "stop_risk_budget": "0.015",
    "max_daily_trades": 50,
}


def limits_of(server: Server) -> tuple[dict[str, Any], str]:
    """The vault's limits and their ETag."""
    answer = server.call("GET", "/v1/vaults/ann/limits", key="read")
    return answer.json()["limits"], answer.headers["ETag"]


def test_made_once(server: Server) -> None:
    """The same once more is the same vault; another of its name is refused."""
    first = server.call("POST", "/v1/vaults", NEW)
    assert (first.status_code, first.json()["tier"], first.json()["equity"]) == (201, "growth", "0")
    assert first.json()["strategy"]["name"] == "client/breakout"
    assert server.call("POST", "/v1/vaults", NEW).status_code == 201
    other = server.call("POST", "/v1/vaults", {**NEW, "tier": "capital_guard"})
    assert (other.status_code, other.json()["code"]) == (409, "vault_exists")
    odd = server.call("POST", "/v1/vaults", {**NEW, "vault_id": "../bob"})
    assert odd.status_code == 422


def test_vaults_are_listed_page_by_page(ann: Server) -> None:
    """By name, each once, those of the key alone."""
    for vault_id in ("cleo", "Bob", "ann-2"):
        ann.made(vault_id)
    names, cursor = [], ""
    while True:
        page = ann.call("GET", f"/v1/vaults?limit=2{cursor}").json()
        assert len(page["vaults"]) <= 2
        names += [one["vault_id"] for one in page["vaults"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert names == ["Bob", "ann", "ann-2", "cleo"]
    own = ann.call("GET", "/v1/vaults?limit=1", key="read").json()
    assert own == {"vaults": [{"vault_id": "ann", "status": "running"}], "next_cursor": None}


def test_money_counts_once_for_each_transfer(ann: Server) -> None:
    """Also under another idempotency key."""
    for _ in range(2):
        answer = ann.call("POST", "/v1/vaults/ann/fund", {"transfer_id": "t", "amount": "0.000000001"}, key="own")
    assert answer.json()["collateral"] == "10000.000000001"


def test_the_controls_and_who_asked(ann: Server) -> None:
    """The note of who asked lies right before what was done, in the same journal."""
    acts: list[tuple[str, Any, str, str]] = [
        ("pause", None, "halted", "paused"),
        ("resume", None, "active", "resumed"),
        ("kill", {"reason": "a drill"}, "halted", "killed"),
        ("reactivate", {}, "active", "reactivated"),
    ]
    for name, body, state, kind in acts:
        answer = ann.call("POST", f"/v1/vaults/ann/{name}", body, key="own")
        assert (answer.status_code, answer.json()["state"]) == (200, state), answer.text
        events = ann.desk.fleet.vaults["ann"].gate.events()
        at = max(index for index, one in enumerate(events) if one["kind"] == kind)
        note = events[at - 1]
        assert (note["kind"], note["topic"]) == ("note", "actor")
        told = json.loads(note["text"])
        assert (told["action"], told["scope"], told["name"]) == (name, "own", "the own")
        assert told["request_id"] == answer.headers["X-Request-Id"]


def test_the_kill_switch_for_all(server: Server) -> None:
    """Every vault halts."""
    for vault_id in ("ann", "bob"):
        server.made(vault_id)
    assert server.call("POST", "/v1/kill", {"reason": "a drill"}).json()["vault_ids"] == ["ann", "bob"]
    assert {one.gate.state for one in server.desk.fleet.vaults.values()} == {"halted"}


def test_the_kill_switch_for_all_names_what_had_failed(tmp_path: Path) -> None:
    """A vault that could not be opened is not killed, and the answer says so."""
    with serving(config(tmp_path, keys=MANY)) as server:
        for vault_id in ("ann", "bob"):
            server.made(vault_id)
        folder = server.desk.fleet.folder
    (folder / "ann" / JOURNAL).write_bytes(b"no journal")
    with serving(config(tmp_path, keys=MANY)) as server:
        told = server.call("POST", "/v1/kill", {"reason": "a drill"}).json()
        assert told == {"vault_ids": ["bob"], "failed": ["ann"]}


def test_limits_change_on_condition(ann: Server) -> None:
    """Tighter with the ETag that was seen; the old one is good no more."""
    before, etag = limits_of(ann)
    changes = {"max_leverage": "2", "assets": ["BTC"], "max_order_notional": "500"}
    answer = ann.call("PATCH", "/v1/vaults/ann/limits", changes, key="own", If_Match=etag)
    assert answer.status_code == 200, answer.text
    after, newer = limits_of(ann)
    assert after == {**before, **changes} == answer.json()["limits"]
    assert newer == answer.headers["ETag"] != etag
    stale = ann.call("PATCH", "/v1/vaults/ann/limits", {"max_leverage": "1"}, key="own", If_Match=etag)
    assert (stale.status_code, limits_of(ann)[0]) == (412, after)
    unknown = ann.call("PATCH", "/v1/vaults/ann/limits", {"max_lverage": "1"}, key="own", If_Match=newer)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_value")


def test_an_operator_tightens_and_only_an_owner_loosens(ann: Server) -> None:
    """Limits one by one, the lower bound of a stop too; and the risk scale. What was refused changed nothing."""

    def change(changes: dict[str, Any], key: str) -> tuple[int, str | None]:
        answer = ann.call("PATCH", "/v1/vaults/ann/limits", changes, key=key, If_Match=limits_of(ann)[1])
        return answer.status_code, answer.json().get("code")

    def scale(to: str, key: str) -> tuple[int, str | None]:
        answer = ann.call("PUT", "/v1/vaults/ann/risk-scale", {"scale": to}, key=key)
        return answer.status_code, answer.json().get("code")

    tighter = {"max_leverage": "2", "stop_atr_min": "1.5", "assets": ["BTC"]}
    assert change(tighter, "operate") == (200, None)
    before, _ = limits_of(ann)
    for looser in ({"max_leverage": "2.000000001"}, {"stop_atr_min": "1.4"}, {"assets": None}):
        assert change({"max_daily_trades": 5, **looser}, "operate") == (403, "owner_only")
    assert limits_of(ann)[0] == before
    assert change({"max_leverage": "3"}, "own") == (200, None)
    assert (scale("0.5", "operate"), scale("0.6", "operate")) == ((200, None), (403, "owner_only"))
    assert ann.call("GET", "/v1/vaults/ann").json()["risk_scale"] == "0.5"
    assert scale("1", "own") == (200, None)
    for wrong in ("0", "1.1", "nan", "-0.5"):
        assert scale(wrong, "own")[0] == 422
    assert [json.loads(one)["action"] for one in ann.notes("ann", "actor")[-2:]] == ["risk_scale", "risk_scale"]


def test_the_ceiling_holds(tmp_path: Path) -> None:
    """When a vault is made, when its tier or limits change; and at the next start over those that are looser."""
    with serving(config(tmp_path, keys=MANY)) as server:
        server.made("ann")
    with serving(config(tmp_path, keys=MANY, limits=CEILING)) as server:
        server.made("bob")
        for vault in server.desk.fleet.vaults.values():
            held = {name: str(getattr(vault.gate.limits, name)) for name in CEILING}
            assert held == {name: str(value) for name, value in CEILING.items()}
        server.keys["own"] = server.desk.keyring.create("bob", "own", ["bob"])[1]
        changed = server.call("POST", "/v1/vaults/bob/tier", {"tier": "high_octane"}, key="own")
        assert (changed.status_code, changed.json()["tier"]) == (200, "high_octane")
        limits = server.desk.fleet.vaults["bob"].gate.limits
        assert (str(limits.max_daily_loss), limits.max_leverage) == ("0.03", 10)
        written = [one["limits"] for one in server.desk.fleet.vaults["bob"].gate.events() if one["kind"] == "limits"]
        assert [str(one["max_daily_loss"]) for one in written] == ["0.03"], "one write, and never a looser one"
        etag = server.call("GET", "/v1/vaults/bob/limits").headers["ETag"]
        looser = {"max_daily_loss": "0.030000001"}
        refused = server.call("PATCH", "/v1/vaults/bob/limits", looser, key="own", If_Match=etag)
        assert (refused.status_code, refused.json()["code"]) == (422, "above_ceiling")
        assert "max_daily_loss" in refused.json()["detail"]


def test_a_tighter_tier_stays_tighter() -> None:
    """A ceiling loosens nothing."""
    from gxrisk.server.ceiling import Ceiling

    for tier in ("capital_guard", "growth", "high_octane"):
        limits = Limits.for_tier(tier)
        held = Ceiling(CEILING).over(limits)
        assert held.max_daily_loss <= limits.max_daily_loss
        assert Ceiling(CEILING).exceeded(held) == ()
    assert Ceiling({"assets": ["BTC", "ETH"]}).over(Limits.for_tier("growth").replace(assets=["ETH"])).assets == (
        "ETH",
    )
    assert Ceiling({"drawdown_base": "peak"}).over(Limits.for_tier("growth")).drawdown_base == "peak"
    assert Ceiling({"mark_age_s_max": 10, "stop_atr_min": 1}).exceeded(Limits.for_tier("growth")) == (
        "mark_age_s_max",
        "stop_atr_min",
    )


def test_a_withdrawal_needs_the_owner_s_signature(server: Server, tmp_path: Path) -> None:
    """An API key alone moves nothing; then the vault is retired, and its history stays."""
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse battery staple")
    public = create_owner_key(tmp_path / "owner.key", "ann", passphrase_file=passphrase)
    server.made("ann", owner_key=public.hex())
    assert server.marks().status_code == 200
    request = sign_withdrawal(
        tmp_path / "owner.key", "ann", 10_000, "bank", expires="2200-01-01T00:00:00Z", passphrase_file=passphrase
    ).hex()
    forged = request[:-2] + ("00" if request[-2:] != "00" else "01")
    refused = server.call("POST", "/v1/vaults/ann/withdrawals", {"request": forged}, key="own")
    assert (refused.status_code, refused.json()["code"][:11]) == (409, "withdrawal_")
    taken = server.call("POST", "/v1/vaults/ann/withdrawals", {"request": request}, key="own")
    assert (taken.status_code, taken.json()["amount"]) == (202, "10000")
    assert server.marks("100").status_code == 200
    server.until(lambda: not server.call("GET", "/v1/vaults/ann").json()["is_withdrawing"])
    assert server.call("GET", "/v1/vaults/ann").json()["equity"] == "0"
    assert server.call("POST", "/v1/vaults/ann/retire", {"reason": "done"}).json() == {"vault_id": "ann"}
    assert server.call("GET", "/v1/vaults/ann").json()["code"] == "vault_retired"
    assert server.call("GET", "/v1/vaults").json()["vaults"] == [{"vault_id": "ann", "status": "retired"}]
    assert server.call("GET", "/v1/vaults/ann/trades").status_code == 200


def test_history_goes_page_by_page(ann: Server) -> None:
    """Every decision once, in order, with a cursor; both ways."""
    for number in range(5):
        body = {"confidence": "0.5", "reasoning": f"hold {number}"}
        assert ann.call("POST", "/v1/vaults/ann/holds", body, key="propose").status_code == 200
    ann.desk.projector.catch_up()
    for order, wanted in (("oldest_first", range(5)), ("newest_first", range(4, -1, -1))):
        seen, cursor = [], ""
        for _ in range(3):
            path = f"/v1/vaults/ann/decisions?limit=2&order={order}{cursor}"
            page = ann.call("GET", path, key="read").json()
            seen += [one["reasoning"] for one in page["rows"]]
            cursor = f"&cursor={page['next_cursor']}"
        assert seen == [f"hold {number}" for number in wanted]
        assert page["next_cursor"] is None


@pytest.mark.parametrize("tripped", [False, True])
def test_breakers_and_positions(ann: Server, tripped: bool) -> None:
    """As the gate has them."""
    if tripped:
        jump = {"asset": "BTC", "at": now(), "price": "150", "quantity": "1"}
        assert ann.call("POST", "/v1/marks", {"trades": [jump]}, key="feed").json() == {"taken": 1, "ignored": 0}
    told = ann.call("GET", "/v1/vaults/ann/breakers", key="read").json()
    assert told["state"] == ("halted" if tripped else "active")
    assert [one["breaker"] for one in told["trips"]] == (["price_move"] if tripped else [])
    assert ann.call("GET", "/v1/vaults/ann/positions", key="read").json()["positions"] == []


def test_an_order_fills_and_is_told(ann: Server) -> None:
    """With the venue's next prices: a position, a fill in the history."""
    assert ann.call("POST", "/v1/vaults/ann/orders", ORDER, key="propose").json()["approved"]
    ann.until(lambda: ann.call("GET", "/v1/vaults/ann/positions", key="read").json()["positions"])
    position = ann.call("GET", "/v1/vaults/ann/positions", key="read").json()["positions"][0]
    assert (position["asset"], position["quantity"], position["stop_loss"]) == ("BTC", "0.1", "98")
    ann.desk.projector.catch_up()
    fills = ann.call("GET", "/v1/vaults/ann/fills", key="read").json()["rows"]
    assert [(one["side"], one["quantity"], one["approved"]) for one in fills] == [("buy", "0.1", True)]


def test_a_vault_of_as_many_assets_as_it_may_have(server: Server) -> None:
    """However they are called, its settings fit into a note; with one more it is not begun."""
    names = [f"{number:03}" + '"' * 61 for number in range(251)]
    body = {"vault_id": "ann", "tier": "growth", "strategy": STRATEGY, "assets": names}
    refused = server.call("POST", "/v1/vaults", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert not (server.desk.fleet.folder / "ann").exists()
    assert server.call("POST", "/v1/vaults", {**body, "assets": names[:-1]}).status_code == 201
