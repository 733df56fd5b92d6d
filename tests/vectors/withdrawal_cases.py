"""The cases of withdrawals.json: signed requests, and what a gate in some state says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .approval_cases import low_order
from .canonical import APPROVAL, HEAD, SUCCESSOR, Withdrawal, flipped, spans
from .scenario import SEEDS
from .signing import Key, L

Case = dict[str, Any]
ONE = 10**9
NOW = 1_584_014_400 * ONE
OWNER, AGENT = Key.of(SEEDS["owner-1"]), Key.of(SEEDS["agent"])
SOUND = Withdrawal(expires=NOW + 60 * ONE)
MADE = {"op": "make", "owner": "owner-1"}
BUY = {"op": "authorize", "as": "buy"}
FILLED = [BUY, {"op": "redeem", "token": "buy"}, {"op": "venue", "do": "fill", "token": "buy", "quantity": "1"}]

VALID: dict[str, Withdrawal] = {
    "a part of the equity": SOUND,
    "all of it": replace(SOUND, amount=10_000 * ONE),
    "the least amount": replace(SOUND, amount=1),
    "the longest destination": replace(SOUND, destination="~" * 128),
    "the shortest destination": replace(SOUND, destination="!"),
    "a nonce of zeros": replace(SOUND, nonce=bytes(16)),
    "until the end of time": replace(SOUND, expires=2**63 - 1),
    "one nanosecond before it expires": replace(SOUND, expires=NOW + 1),
}

BITS: list[tuple[str, int, str]] = [
    ("domain", 0, "malformed"),
    ("vault_length", 0, "malformed"),
    ("vault_length", 7, "malformed"),
    ("vault", 0, "signature"),
    ("vault", 7, "malformed"),
    ("amount", 0, "signature"),
    ("amount", 126, "signature"),
    ("amount", 127, "malformed"),
    ("destination_length", 0, "malformed"),
    ("destination_length", 7, "malformed"),
    ("destination", 0, "signature"),
    ("destination", 7, "malformed"),
    ("nonce", 0, "signature"),
    ("nonce", 127, "signature"),
    ("expires", 0, "signature"),
    ("expires", 63, "signature"),
    ("signature_r", 0, "signature"),
    ("signature_r", 255, "signature"),
    ("signature_s", 0, "signature"),
    ("signature_s", 255, "signature"),
]

# Good requests, and a gate that does not do them: what happened before, the request, what is told.
REFUSED: dict[str, tuple[list[Case], Withdrawal, str]] = {
    "more than the equity by the least": ([MADE], replace(SOUND, amount=10_000 * ONE + 1), "overdrawn"),
    "from a vault that holds nothing": ([{**MADE, "deposit": False}], replace(SOUND, amount=1), "overdrawn"),
    "the largest amount": ([MADE], replace(SOUND, amount=10**27), "overdrawn"),
    "one beyond the largest amount": ([MADE], replace(SOUND, amount=10**27 + 1), "amount"),
    "the largest of 128 bits": ([MADE], replace(SOUND, amount=2**127 - 1), "amount"),
    "as it expires": ([MADE], replace(SOUND, expires=NOW), "expired"),
    "long expired": ([MADE], replace(SOUND, expires=-(2**63)), "expired"),
    "expired and too much": ([MADE], replace(SOUND, expires=NOW, amount=10**20), "expired"),
    "with a working order": ([MADE, BUY], SOUND, "not_flat"),
    "with a position": ([MADE, *FILLED], SOUND, "not_flat"),
    "with a position, and too much": ([MADE, *FILLED], replace(SOUND, amount=10**20), "not_flat"),
    "of a vault without an owner": ([{"op": "make"}], SOUND, "no_owner"),
    "without an owner and malformed": ([{"op": "make"}], replace(SOUND, amount=0), "malformed"),
    "of another owner's vault": ([{**MADE, "owner": "owner-2"}], SOUND, "signature"),
    "held against another vault": ([{**MADE, "vault_id": "vault-2"}], SOUND, "vault"),
}


def case(
    name: str,
    request: bytes,
    expect: str,
    *,
    check: str | None = None,
    key: bytes = OWNER.public,
    vault_id: str = "vault-1",
    state: list[Case] | None = None,
) -> Case:
    """One case as in the file; without a state that of a vault with 10,000."""
    return {
        "name": name,
        "request": request.hex(),
        "owner_key": key.hex(),
        "vault_id": vault_id,
        "check": check or expect,
        "state": [MADE] if state is None else state,
        "expect": expect,
    }


def altered() -> Iterator[Case]:
    """A good request with one bit turned, cut, or with something after it."""
    request, where = OWNER.token(SOUND.parts()), spans(SOUND.parts())
    for name, bit, expect in BITS:
        yield case(f"bit {bit} of {name} turned", flipped(request, where[name], bit), expect)
    for name, (start, _) in where.items():
        yield case(f"cut before {name}", request[:start], "malformed")
    yield case("cut before the last byte", request[:-1], "malformed")
    yield case("a byte after it", request + b"\n", "malformed")
    yield case("twice", request * 2, "malformed")


def missigned() -> Iterator[Case]:
    """Good messages, and signatures that are not the owner's of them."""
    request, parts = OWNER.token(SOUND.parts()), SOUND.parts()
    message, scalar = request[:-64], int.from_bytes(request[-32:], "little")
    yield case("by the agent", AGENT.token(parts), "signature")
    yield case("by the agent for another vault", AGENT.token(replace(SOUND, vault_id="vault-2").parts()), "signature")
    yield case("of another vault", OWNER.token(replace(SOUND, vault_id="vault-2").parts()), "vault")
    yield case("a signature of zeros", message + bytes(64), "signature")
    yield case("a scalar that is not reduced", request[:-32] + (scalar + L).to_bytes(32, "little"), "signature")
    yield case("signed as an approval", message + OWNER.sign(APPROVAL + message[21:]), "signature")
    yield case("signed without a domain", message + OWNER.sign(message[21:]), "signature")
    for domain in (APPROVAL, HEAD, SUCCESSOR, b"gxrisk withdrawal v2\n"):
        yield case(f"in the domain {domain.decode().strip()}", OWNER.token(SOUND.parts(domain)), "malformed")
    for name, point in low_order():
        yield case(f"a commitment of low order: {name}", message + point + request[-32:], "signature")


def misshapen() -> Iterator[Case]:
    """Signed by the owner, and yet no requests."""
    for name, wrong in {
        "an amount of nothing": replace(SOUND, amount=0),
        "an amount below nothing": replace(SOUND, amount=-1),
        "no destination": replace(SOUND, destination=""),
        "a destination with a space": replace(SOUND, destination="a b"),
        "a destination beyond ASCII": replace(SOUND, destination="ä"),
        "a destination of 129 characters": replace(SOUND, destination="d" * 129),
        "a destination with a line break": replace(SOUND, destination="0x\n"),
        "no vault": replace(SOUND, vault_id=""),
        "a vault with a space": replace(SOUND, vault_id="vault 1"),
        "a vault of 65 characters": replace(SOUND, vault_id="v" * 65),
    }.items():
        yield case(name, OWNER.token(wrong.parts()), "malformed")
    yield case("nothing", b"", "malformed")
    yield case("a domain alone", b"gxrisk withdrawal v1\n", "malformed")


def cases() -> list[Case]:
    """All of them."""
    good = [case(name, OWNER.token(request.parts()), "ok") for name, request in VALID.items()]
    found = [*good, *altered(), *missigned(), *misshapen()]
    for name, (state, request, expect) in REFUSED.items():
        made = state[0]
        key = Key.of(SEEDS[made.get("owner", "owner-1")]).public
        check = expect if expect in ("signature", "vault", "malformed") else "ok"
        token, vault_id = OWNER.token(request.parts()), made.get("vault_id", "vault-1")
        found.append(case(name, token, expect, check=check, key=key, vault_id=vault_id, state=state))
    return found
