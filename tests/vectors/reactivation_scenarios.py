"""The scenarios of reactivations.json: what happens between an owner's signature and its use."""

from __future__ import annotations

from typing import Any

from .redeem_cases import ASK, MAKE, OWNED, RESTART, ROTATE, after, control, redeem, withdraw

Step = dict[str, Any]
KILL = control("kill")
LOST: Step = {"op": "funding", "amount": "-1500"}
BACK: Step = {"op": "funding", "amount": "1"}
ROTATED: Step = {"op": "rotate_owner", "to": "owner-2", "expect": "ok"}
BUY: Step = {"op": "authorize", "expect": "ok"}
REFUSED: Step = {"op": "authorize", "expect": "rejected"}


def sign(name: str = "r", **more: Any) -> Step:
    return {"op": "sign_reactivation", "as": name, **more}


def back(expect: str = "ok", of: str | None = "r", **more: Any) -> Step:
    named = {} if of is None else {"token": of}
    return {"op": "reactivate", **named, "expect": expect, **more}


def at_once(of: str | None, threads: int = 64, **expect: int) -> Step:
    named = {} if of is None else {"token": of}
    return {"op": "reactivate_at_once", **named, "threads": threads, "expect": expect}


ROWS: dict[str, list[Step]] = {
    "signed": [OWNED, KILL, REFUSED, sign(), back(), BUY],
    "unsigned": [OWNED, KILL, back("unsigned", None), REFUSED],
    "unsigned, with a new base": [OWNED, KILL, back("unsigned", None, rebase=True), REFUSED],
    "unsigned, of a vault that nothing stops": [OWNED, back("unsigned", None, rebase=True)],
    "unsigned, where there is no owner": [MAKE, KILL, back("ok", None), BUY],
    "signed, where there is no owner": [MAKE, KILL, sign(), back("no_owner"), back("ok", None)],
    "replayed": [OWNED, KILL, sign(), back(), back("other_stop"), BUY],
    "replayed for a later kill": [OWNED, KILL, sign(), back(), KILL, back("other_stop"), REFUSED],
    "for an earlier kill": [OWNED, KILL, sign(), KILL, back("other_stop"), REFUSED, sign("s"), back("ok", "s")],
    "for a kill, and the drawdown came after it": [
        OWNED, KILL, sign(rebase=True), LOST, back("other_stop", rebase=True), REFUSED,
    ],
    "for a drawdown, and a kill came after it": [
        OWNED, LOST, sign(rebase=True), KILL, back("other_stop", rebase=True), REFUSED,
    ],
    "for a record that is no stop": [OWNED, KILL, sign(ends=2), back("other_stop"), REFUSED],
    "refused ones use nothing up": [OWNED, KILL, sign(), back("rebase", rebase=True), back()],
    "a new base that was not signed": [OWNED, LOST, sign(), back("rebase", rebase=True), REFUSED],
    "a new base that was signed": [OWNED, LOST, sign(rebase=True), back(rebase=True), back("other_stop", rebase=True)],
    "a new base that was signed, and is not asked for": [OWNED, LOST, sign(rebase=True), back("rebase"), REFUSED],
    "without a new base, still drawn down": [OWNED, LOST, sign(), back("VaultError"), REFUSED],
    "without a new base, recovered": [OWNED, LOST, BACK, sign(), back()],
    "by the agent": [OWNED, KILL, sign(signer="agent"), back("signature"), REFUSED],
    "by another owner": [OWNED, KILL, sign(signer="owner-2"), back("signature"), REFUSED],
    "altered": [
        OWNED, KILL, sign(field="ends", bit=0), back("signature"), sign("s", field="rebase", bit=0),
        back("signature", "s", rebase=True), sign("t", field="expires", bit=40), back("signature", "t"), REFUSED,
    ],
    "expired": [OWNED, KILL, sign(expires_in="60"), after("60"), back("expired"), REFUSED],
    "one nanosecond before it expires": [OWNED, KILL, sign(expires_in="60"), after("59.999999999"), back()],
    "expired, and the clock is set back": [
        OWNED, KILL, sign(expires_in="60"), after("60"), {"op": "look"}, after("-60"), back("expired"),
    ],
    "of another vault": [
        OWNED, {**OWNED, "gate": "b", "vault_id": "vault-2"}, KILL, {**KILL, "gate": "b"}, sign(),
        {**back("vault"), "gate": "b"}, back(),
    ],
    "of another gate of the same name": [
        OWNED, {**OWNED, "gate": "b"}, KILL, sign(), {**back("other_stop"), "gate": "b"},
    ],
    "the owner's key changed": [
        OWNED, KILL, sign(), ROTATED, back("signature"), REFUSED, sign("s", signer="owner-2"), back("ok", "s"),
    ],
    "signed by a successor before its time": [OWNED, KILL, sign(signer="owner-2"), back("signature"), ROTATED, back()],
    "the vault's keys rotated": [OWNED, KILL, sign(), ROTATE, back()],
    "resume is no reactivation": [OWNED, KILL, control("resume"), REFUSED, sign(), back(), BUY],
    "a pause outlives it": [OWNED, control("pause"), KILL, sign(), back(), REFUSED, control("resume"), BUY],
    "an approval from before the kill": [
        OWNED, ASK, KILL, redeem("cancel_requested"), sign(), back(), redeem("cancel_requested"),
    ],
    "everything withdrawn ends a drawdown": [
        OWNED, LOST, sign(rebase=True), withdraw(amount="8500"), back("other_stop", rebase=True),
    ],
    "everything withdrawn ends no kill": [
        OWNED, KILL, withdraw(amount="10000"), back("unsigned", None), sign(), back(),
    ],
    "a withdrawal's request": [OWNED, KILL, sign(domain="gxrisk withdrawal v1\n"), back("malformed"), REFUSED],
    "nonsense": [OWNED, KILL, {"op": "reactivate", "request": "00" * 64, "expect": "malformed"}, REFUSED],
    "huge": [OWNED, KILL, {"op": "reactivate", "request": "67" * 4096, "expect": "malformed"}, REFUSED],
    "at once: 64 times": [OWNED, KILL, sign(), at_once("r", ok=1, other_stop=63)],
    "at once: 64 without a signature": [OWNED, KILL, at_once(None, unsigned=64), REFUSED],
}  # fmt: skip

DURABLE: Step = {**OWNED, "durable": True}
RESTARTED: dict[str, list[Step]] = {
    "signed before a restart": [DURABLE, KILL, sign(), RESTART, REFUSED, back(), BUY],
    "unsigned after a restart": [DURABLE, KILL, RESTART, back("unsigned", None), REFUSED],
    "replayed after a restart": [DURABLE, KILL, sign(), back(), RESTART, back("other_stop"), BUY],
    "replayed after two restarts for a later kill": [
        DURABLE, KILL, sign(), back(), RESTART, KILL, RESTART, back("other_stop"), REFUSED,
    ],
    "for a drawdown, after a restart": [
        DURABLE, LOST, sign(rebase=True), RESTART, back(rebase=True), RESTART, back("other_stop", rebase=True),
    ],
    "expired after a restart": [DURABLE, KILL, sign(expires_in="60"), RESTART, after("60"), back("expired"), REFUSED],
    "the owner's key changed before a restart": [
        DURABLE, KILL, sign(), ROTATED, RESTART, back("signature"), sign("s", signer="owner-2"), back("ok", "s"),
    ],
    "at once: 64 times after a restart": [
        DURABLE, KILL, sign(), RESTART, at_once("r", ok=1, other_stop=63), RESTART, at_once("r", other_stop=64),
    ],
}  # fmt: skip


def scenarios() -> list[dict[str, Any]]:
    """All of them."""
    found: list[dict[str, Any]] = [{"name": f"reactivate: {name}", "steps": steps} for name, steps in ROWS.items()]
    return found + [
        {"name": f"reactivate: {name}", "durable": True, "steps": steps} for name, steps in RESTARTED.items()
    ]
