"""A vault with an owner's key comes back by the owner's signature alone, whichever API key asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gxrisk.custody import create_owner_key, sign_reactivation

from tests.vectors.canonical import Reactivation, flipped, spans
from tests.vectors.reading import read_reactivation
from tests.vectors.signing import Key

from .desk import MANY, Server, config, serving

OWNER = Key.of(0x31)


@pytest.fixture
def killed(server: Server) -> Server:
    """A server whose vault `ann` has an owner's key, and was killed."""
    server.made("ann", owner_key=OWNER.public.hex())
    kill(server)
    return server


def kill(server: Server) -> None:
    """The operator's hand."""
    answer = server.call("POST", "/v1/vaults/ann/kill", {"reason": "a drill"})
    assert answer.json()["is_killed"], answer.text


def to_sign(server: Server, query: str = "") -> dict[str, Any]:
    """What the server says is to be signed."""
    answer = server.call("GET", f"/v1/vaults/ann/reactivation{query}", key="own")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def signed(told: dict[str, Any], key: Key = OWNER) -> bytes:
    """Its bytes and a signature of them."""
    message = bytes.fromhex(told["message"])
    return message + key.sign(message)


def reactivate(server: Server, request: bytes | None, *, rebase: bool = False, **more: str) -> tuple[int, str | None]:
    """Status and code of the answer."""
    body: dict[str, Any] = {"rebase": rebase} if request is None else {"rebase": rebase, "request": request.hex()}
    answer = server.call("POST", "/v1/vaults/ann/reactivate", body, key="own", **more)
    return answer.status_code, answer.json().get("code")


def test_what_the_server_tells_is_signed_and_ends_the_stop(killed: Server) -> None:
    """By anything that does Ed25519; it is on record with the actor, and the same request has the same answer."""
    told = to_sign(killed, "?expires_in_s=90")
    assert (told["vault_id"], told["owner_key"], told["rebase"]) == ("ann", OWNER.public.hex(), False)
    request = signed(told)
    asked = read_reactivation(request)
    assert (asked.vault_id, asked.ends, asked.rebase) == ("ann", told["ends"], 0)
    for _ in range(2):
        assert reactivate(killed, request, Idempotency_Key="once") == (200, None)
    gate = killed.desk.fleet.vaults["ann"].gate
    note, record = gate.events()[-2:]
    assert (record["kind"], record["ends"], record["signature"]) == ("reactivated", told["ends"], request[-64:].hex())
    actor = json.loads(note["text"])
    assert (actor["action"], actor["name"], actor["scope"]) == ("reactivate", "the own", "own")
    assert gate.state == "active"
    assert reactivate(killed, request) == (409, "reactivation_other_stop")
    none = killed.call("GET", "/v1/vaults/ann/reactivation", key="own")
    assert (none.status_code, none.json()["code"]) == (409, "not_stopped")
    kill(killed)
    assert reactivate(killed, request) == (409, "reactivation_other_stop")
    assert gate.state == "halted"


def test_the_command_signs_what_the_server_tells(server: Server, tmp_path: Path) -> None:
    """`gxrisk reactivate sign` with its fields gives the very bytes."""
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse battery staple")
    file = tmp_path / "owner.key"
    public = create_owner_key(file, "ann", passphrase_file=passphrase)
    server.made("ann", owner_key=public.hex())
    kill(server)
    told = to_sign(server, "?rebase=true")
    request = sign_reactivation(
        file, "ann", told["ends"], rebase=True, expires=told["expires"], passphrase_file=passphrase
    )
    assert request[:-64].hex() == told["message"]
    assert reactivate(server, request, rebase=True) == (200, None)


def test_what_is_refused(killed: Server) -> None:
    """Each with its status and code, and the vault stays halted."""
    told = to_sign(killed)
    good, base = signed(told), signed(to_sign(killed, "?rebase=true"))
    sound = read_reactivation(good)
    where = spans(sound.parts())
    rows: list[tuple[str, bytes | None, bool, tuple[int, str]]] = [
        ("no signature", None, False, (403, "reactivation_unsigned")),
        ("no signature, with a new base", None, True, (403, "reactivation_unsigned")),
        ("another's signature", signed(told, Key.of(0x41)), False, (403, "reactivation_signature")),
        ("altered", flipped(good, where["ends"], 0), False, (403, "reactivation_signature")),
        ("another vault", OWNER.token(Reactivation("bob", told["ends"]).parts()), False, (403, "reactivation_vault")),
        ("cut", good[:-1], False, (422, "reactivation_malformed")),
        ("nonsense", bytes(64), False, (422, "reactivation_malformed")),
        ("a new base that was not signed", good, True, (422, "reactivation_rebase")),
        ("a new base that is not asked for", base, False, (422, "reactivation_rebase")),
        ("expired", OWNER.token(Reactivation("ann", told["ends"], 0, 1).parts()), False, (409, "reactivation_expired")),
        (
            "another stop",
            OWNER.token(Reactivation("ann", told["ends"] - 1, 0, sound.expires).parts()),
            False,
            (409, "reactivation_other_stop"),
        ),
        ("huge", bytes(257), False, (422, "invalid_request")),
        ("nothing", b"", False, (422, "invalid_request")),
    ]
    for name, request, rebase, expected in rows:
        assert reactivate(killed, request, rebase=rebase) == expected, name
    assert killed.desk.fleet.vaults["ann"].gate.state == "halted"
    for key in ("operate", "admin", "propose", "read", "feed"):
        body = {"request": good.hex()}
        assert killed.call("POST", "/v1/vaults/ann/reactivate", body, key=key).status_code == 403, key
    assert reactivate(killed, good) == (200, None)


def test_over_a_restart(tmp_path: Path) -> None:
    """What was signed before it is as good after it, once."""
    settings = config(tmp_path, keys=MANY)
    with serving(settings) as server:
        server.made("ann", owner_key=OWNER.public.hex())
        kill(server)
        request = signed(to_sign(server))
    with serving(settings) as server:
        assert reactivate(server, None) == (403, "reactivation_unsigned")
        assert reactivate(server, request) == (200, None)
    with serving(settings) as server:
        assert server.call("GET", "/v1/vaults/ann").json()["state"] == "active"
        assert reactivate(server, request) == (409, "reactivation_other_stop")


def test_a_vault_without_an_owner_s_key_needs_none(ann: Server) -> None:
    """As in a simulation; a signature that nobody can check is refused."""
    kill(ann)
    told = to_sign(ann)
    assert told["owner_key"] is None
    assert reactivate(ann, signed(told)) == (409, "reactivation_no_owner")
    assert reactivate(ann, None) == (200, None)
