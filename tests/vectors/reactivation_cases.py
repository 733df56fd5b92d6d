"""The cases of reactivations.json: what owners sign for a vault that was stopped, and what its gate says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .approval_cases import low_order
from .canonical import APPROVAL, HEAD, SUCCESSOR, WITHDRAWAL, Reactivation, Withdrawal, flipped, spans
from .scenario import SEEDS
from .signing import Key, L

Case = dict[str, Any]
NOW = 1_584_014_400 * 10**9
OWNER, AGENT = Key.of(SEEDS["owner-1"]), Key.of(SEEDS["agent"])
# In memory a vault that is killed before anything else happened is stopped by record 3.
STOP = 3
SOUND = Reactivation(ends=STOP, expires=NOW + 60 * 10**9)
MADE = {"op": "make", "owner": "owner-1", "deposit": False}
KILL = {"op": "control", "do": "kill"}
STATE = [MADE, KILL]

VALID: dict[str, Reactivation] = {
    "the end of a kill": SOUND,
    "until the end of time": replace(SOUND, expires=2**63 - 1),
    "one nanosecond before it expires": replace(SOUND, expires=NOW + 1),
}

BITS: list[tuple[str, int, str]] = [
    ("domain", 0, "malformed"),
    ("vault_length", 0, "malformed"),
    ("vault_length", 7, "malformed"),
    ("vault", 0, "signature"),
    ("vault", 7, "malformed"),
    ("ends", 2, "signature"),
    ("ends", 63, "signature"),
    ("rebase", 0, "signature"),
    ("rebase", 1, "malformed"),
    ("rebase", 7, "malformed"),
    ("expires", 0, "signature"),
    ("expires", 63, "signature"),
    ("signature_r", 0, "signature"),
    ("signature_r", 255, "signature"),
    ("signature_s", 0, "signature"),
    ("signature_s", 255, "signature"),
]

# Sound requests, and a gate that does not do them: what happened before, the request, what is told.
REFUSED: dict[str, tuple[list[Case], Reactivation, str]] = {
    "as it expires": (STATE, replace(SOUND, expires=NOW), "expired"),
    "long expired": (STATE, replace(SOUND, expires=-(2**63)), "expired"),
    "expired, and of another stop": (STATE, replace(SOUND, expires=NOW, ends=1), "expired"),
    "of the record before": (STATE, replace(SOUND, ends=STOP - 1), "other_stop"),
    "of the record after": (STATE, replace(SOUND, ends=STOP + 1), "other_stop"),
    "of the largest record": (STATE, replace(SOUND, ends=2**64 - 1), "other_stop"),
    "of an earlier kill": ([*STATE, KILL], SOUND, "other_stop"),
    "of a vault that nothing stops": ([MADE], SOUND, "other_stop"),
    "of a vault that is paused": ([MADE, {"op": "control", "do": "pause"}], SOUND, "other_stop"),
    "with a new base, and asked for without": (STATE, replace(SOUND, rebase=1), "rebase"),
    "with a new base, expired": (STATE, replace(SOUND, rebase=1, expires=NOW), "rebase"),
    "of a vault without an owner": ([{"op": "make", "deposit": False}, KILL], SOUND, "no_owner"),
    "without an owner and malformed": ([{"op": "make", "deposit": False}, KILL], replace(SOUND, ends=0), "malformed"),
    "of another owner's vault": ([{**MADE, "owner": "owner-2"}, KILL], SOUND, "signature"),
    "held against another vault": ([{**MADE, "vault_id": "vault-2"}, KILL], SOUND, "vault"),
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
    """One case as in the file; without a state that of a vault that was killed."""
    return {
        "name": name,
        "request": request.hex(),
        "owner_key": key.hex(),
        "vault_id": vault_id,
        "check": check or expect,
        "state": STATE if state is None else state,
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
    yield case("a thousand bytes after it", request + bytes(1000), "malformed")


def missigned() -> Iterator[Case]:
    """Good messages, and signatures that are not the owner's of them."""
    request, parts = OWNER.token(SOUND.parts()), SOUND.parts()
    message, scalar = request[:-64], int.from_bytes(request[-32:], "little")
    yield case("by the agent", AGENT.token(parts), "signature")
    yield case("by the agent for another vault", AGENT.token(replace(SOUND, vault_id="vault-2").parts()), "signature")
    yield case("of another vault", OWNER.token(replace(SOUND, vault_id="vault-2").parts()), "vault")
    yield case("a signature of zeros", message + bytes(64), "signature")
    yield case("a scalar that is not reduced", request[:-32] + (scalar + L).to_bytes(32, "little"), "signature")
    yield case("signed as a withdrawal", message + OWNER.sign(WITHDRAWAL + message[23:]), "signature")
    yield case("signed without a domain", message + OWNER.sign(message[23:]), "signature")
    for domain in (APPROVAL, HEAD, SUCCESSOR, WITHDRAWAL, b"gxrisk reactivation v2\n"):
        yield case(f"in the domain {domain.decode().strip()}", OWNER.token(SOUND.parts(domain)), "malformed")
    yield case("a withdrawal", OWNER.token(Withdrawal(expires=SOUND.expires).parts()), "malformed")
    for name, point in low_order():
        yield case(f"a commitment of low order: {name}", message + point + request[-32:], "signature")


def misshapen() -> Iterator[Case]:
    """Signed by the owner, and yet no requests."""
    for name, wrong in {
        "of record 0": replace(SOUND, ends=0),
        "a new base of 2": replace(SOUND, rebase=2),
        "a new base of 255": replace(SOUND, rebase=255),
        "no vault": replace(SOUND, vault_id=""),
        "a vault with a space": replace(SOUND, vault_id="vault 1"),
        "a vault of 65 characters": replace(SOUND, vault_id="v" * 65),
    }.items():
        yield case(name, OWNER.token(wrong.parts()), "malformed")
    yield case("nothing", b"", "malformed")
    yield case("a domain alone", b"gxrisk reactivation v1\n", "malformed")


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
