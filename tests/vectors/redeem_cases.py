"""The scenarios of redeem.json: what happens between an approval and its use."""

from __future__ import annotations

from typing import Any

from .approval_cases import BITS

Step = dict[str, Any]
Scenario = dict[str, Any]

MAKE: Step = {"op": "make"}
OWNED: Step = {"op": "make", "owner": "owner-1"}
ASK: Step = {"op": "authorize", "as": "t"}
RESTART: Step = {"op": "restart"}
ROTATE: Step = {"op": "rotate_keys"}
FOREIGN: Step = {"op": "foreign_fill"}
LOOK: Step = {"op": "look"}
# As the order that the turned bits of approvals.json are of.
NAMED = {"price": "100", "take_profit": "120", "client_order_id": "mine-1"}


def redeem(expect: str = "ok", of: str = "t", **more: Any) -> Step:
    return {"op": "redeem", "token": of, "expect": expect, **more}


def after(seconds: str) -> Step:
    return {"op": "advance", "seconds": seconds}


def control(do: str, **more: Any) -> Step:
    return {"op": "control", "do": do, **more}


def venue(do: str, quantity: str = "1", of: str = "t") -> Step:
    return {"op": "venue", "do": do, "token": of, **({"quantity": quantity} if do == "fill" else {})}


def withdraw(expect: str = "ok", **more: Any) -> Step:
    return {"op": "withdraw", "expect": expect, **more}


def at_once(threads: int = 64, **expect: int) -> Step:
    return {"op": "redeem_at_once", "token": "t", "threads": threads, "expect": expect}


def limits(**changes: Any) -> Step:
    return {"op": "limits", "changes": changes}


# What happens between approval and use, and what the use is told.
BETWEEN: dict[str, tuple[list[Step], str]] = {
    "at once": ([], "ok"),
    "one nanosecond before it expires": ([after("4.999999999")], "ok"),
    "as it expires": ([after("5")], "expired"),
    "one nanosecond after": ([after("5.000000001")], "expired"),
    "a day later": ([after("86400")], "expired"),
    "expired, and the clock is set back": ([after("5"), LOOK, after("-5")], "expired"),
    "accepted by the venue before": ([venue("accept")], "used"),
    "filled before": ([venue("fill")], "used"),
    "partly filled before": ([venue("fill", "0.5")], "used"),
    "cancelled before": ([venue("cancel")], "ended"),
    "failed before": ([venue("fail")], "ended"),
    "paused": ([control("pause")], "stricter_state"),
    "paused and resumed": ([control("pause"), control("resume")], "ok"),
    "killed": ([control("kill")], "cancel_requested"),
    "killed and reactivated": ([control("kill"), control("reactivate")], "cancel_requested"),
    "killed twice": ([control("kill"), control("kill")], "cancel_requested"),
    "a fill that nobody approved": ([FOREIGN], "stricter_state"),
    "a fill that nobody approved, and the operator resumes": ([FOREIGN, control("resume")], "ok"),
    "the market too volatile": ([{"op": "volatility", "value": "0.31"}], "stricter_state"),
    "volatile, then calm": ([{"op": "volatility", "value": v} for v in ("0.31", "0.3")], "ok"),
    "a price move": ([{"op": "mark", "asset": "BTC", "price": "111"}], "stricter_state"),
    "a loss of the day's limit": ([{"op": "funding", "amount": "-400"}], "stricter_state"),
    "a loss one step below the day's limit": ([{"op": "funding", "amount": "-399.999999999"}], "ok"),
    "a drawdown": ([{"op": "funding", "amount": "-1500"}], "cancel_requested"),
    "tighter limits that trip nothing": ([limits(max_order_notional="1", max_leverage="1")], "ok"),
    "tighter limits that trip": (
        [{"op": "funding", "amount": "-100"}, limits(max_daily_loss="0.01")],
        "stricter_state",
    ),
    "a shorter life of later approvals": ([limits(approval_ttl_s="1"), after("4")], "ok"),
    "another approval used": ([{"op": "authorize", "as": "u"}, redeem(of="u")], "ok"),
    "another approval cancelled": ([{"op": "authorize", "as": "u"}, venue("cancel", of="u")], "ok"),
    "rotated keys": ([ROTATE], "ok"),
    "keys rotated three times": ([ROTATE] * 3, "ok"),
    "rotated keys, and expired": ([ROTATE, after("5")], "expired"),
    "rotated keys, and killed": ([ROTATE, control("kill")], "cancel_requested"),
}

# The same with restarts, which only a durable gate has.
RESTARTED: dict[str, tuple[list[Step], str]] = {
    "a restart": ([RESTART], "ok"),
    "three restarts": ([RESTART] * 3, "ok"),
    "a restart, and one nanosecond before it expires": ([RESTART, after("4.999999999"), RESTART], "ok"),
    "a restart as it expires": ([after("5"), RESTART], "expired"),
    "expired after a restart": ([RESTART, after("5")], "expired"),
    "expired before a restart, and the clock is set back": ([after("5"), RESTART, after("-5"), RESTART], "expired"),
    "used before a restart": ([redeem(), RESTART], "used"),
    "cancelled before a restart": ([venue("cancel"), RESTART], "ended"),
    "failed before a restart": ([venue("fail"), RESTART], "ended"),
    "filled before a restart": ([venue("fill"), RESTART], "used"),
    "killed before a restart": ([control("kill"), RESTART], "cancel_requested"),
    "killed, restarted, reactivated": ([control("kill"), RESTART, control("reactivate")], "cancel_requested"),
    "paused before a restart": ([control("pause"), RESTART], "stricter_state"),
    "paused, restarted, resumed": ([control("pause"), RESTART, control("resume")], "ok"),
    "volatile before a restart": ([{"op": "volatility", "value": "0.31"}, RESTART], "stricter_state"),
    "rotated keys and a restart": ([ROTATE, RESTART], "ok"),
    "a restart and rotated keys": ([RESTART, ROTATE], "ok"),
}


def uses() -> list[Scenario]:
    """One approval, one use: whatever it is told, the second use is refused."""
    second = {"ok": "used"}
    return [
        {
            "name": f"redeem: {name}",
            **({"durable": True} if table is RESTARTED else {}),
            "steps": [
                {**MAKE, "durable": True} if table is RESTARTED else MAKE, ASK, *steps, redeem(expect),
                redeem(second.get(expect, expect)),
            ],
        }
        for table in (BETWEEN, RESTARTED)
        for name, (steps, expect) in table.items()
    ]  # fmt: skip


def altered() -> list[Scenario]:
    """Turned bits, foreign signatures, parts of one approval in another; afterwards it is good as it was."""
    ask = {**ASK, "order": NAMED}
    bits = [
        step
        for field, bit, expect in BITS
        for step in (
            {"op": "alter", "token": "t", "as": "altered", "field": field, "bit": bit},
            redeem(expect, "altered"),
        )
    ]
    resigned = [
        step
        for field in ("sequence", "epoch", "nonce", "expires", "limits_hash", "quantity", "leverage", "reasoning")
        for step in (
            {"op": "alter", "token": "t", "as": "altered", "field": field, "bit": 1, "signer": "agent"},
            redeem("signature", "altered"),
        )
    ]
    other = {"op": "authorize", "as": "u", "order": {**NAMED, "quantity": "2", "client_order_id": "mine-2"}}
    spliced = [
        step
        for field in ("sequence", "quantity", "client_order_id")
        for signer in ({}, {"signer": "agent"})
        for step in (
            {"op": "alter", "token": "t", "from": "u", "as": "altered", "field": field, **signer},
            redeem("signature", "altered"),
        )
    ]
    taken = {"op": "alter", "token": "t", "from": "t", "as": "altered", "field": "nonce", "signer": "agent"}
    return [
        {"name": "forged: a bit of each field turned", "steps": [MAKE, ask, *bits, redeem()]},
        {"name": "forged: a field altered and signed by the agent", "steps": [MAKE, ask, *resigned, redeem()]},
        {
            "name": "forged: a field of another approval",
            "steps": [MAKE, ask, other, *spliced, redeem(), redeem(of="u")],
        },
        {
            "name": "forged: as it was, but signed by the agent",
            "steps": [MAKE, ask, taken, redeem("signature", "altered"), redeem()],
        },
    ]  # fmt: skip


def between_gates() -> list[Scenario]:
    """Approvals at a gate that did not give them."""
    found = []
    for name, first, second, expect in [
        ("another vault", {}, {"vault_id": "vault-2"}, "vault"),
        ("another vault whose id is longer", {}, {"vault_id": "vault-10"}, "vault"),
        ("a gate of the same vault id and history", {}, {}, "signature"),
        ("from memory to a durable gate", {"durable": False}, {"durable": True}, "signature"),
        ("from a durable gate to memory", {"durable": True}, {"durable": False}, "signature"),
        ("from one journal to another", {"durable": True}, {"durable": True}, "signature"),
    ]:
        steps = [{**MAKE, **first}, {**MAKE, "gate": "b", **second}, ASK, {**ASK, "gate": "b", "as": "u"}]
        there = [redeem(expect, gate="b"), redeem(expect, "u")]
        found.append({"name": f"elsewhere: {name}", "steps": [*steps, *there, redeem(), redeem(of="u", gate="b")]})
    return found


def together() -> list[Scenario]:
    """Many threads with one approval, or one request."""
    durable = {**MAKE, "durable": True}
    many = {"op": "withdraw_at_once", "threads": 64, "amount": "100", "expect": {"ok": 1, "replayed": 63}}
    return [
        {"name": "at once: 64 uses", "steps": [MAKE, ASK, at_once(ok=1, used=63), redeem("used")]},
        {"name": "at once: 64 uses of a used one", "steps": [MAKE, ASK, redeem(), at_once(used=64)]},
        {"name": "at once: 64 uses of an expired one", "steps": [MAKE, ASK, after("5"), at_once(expired=64)]},
        {"name": "at once: 64 uses after a kill", "steps": [MAKE, ASK, control("kill"), at_once(cancel_requested=64)]},
        {"name": "at once: 64 uses after a restart", "durable": True,
         "steps": [durable, ASK, RESTART, at_once(ok=1, used=63), RESTART, at_once(used=64)]},
        {"name": "at once: 64 uses after rotated keys", "steps": [MAKE, ASK, ROTATE, at_once(ok=1, used=63)]},
        {"name": "at once: one withdrawal 64 times", "steps": [OWNED, many, {"op": "equity", "expect": "9900"}]},
    ]  # fmt: skip


def withdrawals() -> list[Scenario]:
    """Requests over time."""
    durable = {**OWNED, "durable": True}
    rotated = {"op": "rotate_owner", "to": "owner-2", "expect": "ok"}
    wrong = {**rotated, "expect": "signature"}
    lost = {"op": "funding", "amount": "-1"}
    back = {"op": "rotate_owner", "to": "owner-1", "signer": "owner-2", "expect": "signature"}
    everything = withdraw(amount="10000")
    filled = [ASK, redeem(), venue("fill")]
    sell = {"side": "sell", "stop_loss": None, "reduce_only": True}
    closed = [{"op": "authorize", "as": "u", "order": sell}, redeem(of="u"), venue("fill", of="u")]
    rows: dict[str, list[Step]] = {
        "replayed": [OWNED, withdraw(), withdraw("replayed"), withdraw(nonce=2), withdraw("replayed", nonce=2)],
        "another request with a used nonce": [OWNED, withdraw(), withdraw("replayed", amount="5", destination="0xd")],
        "refused requests use no nonce up": [OWNED, withdraw("overdrawn", amount="10001"), withdraw()],
        "by the agent": [OWNED, withdraw("signature", signer="agent"), withdraw()],
        "altered": [OWNED, withdraw("signature", field="amount", bit=0), withdraw("signature", field="nonce", bit=3)],
        "expired": [OWNED, withdraw("expired", expires_in="0"), withdraw(expires_in="0.000000001")],
        "of another vault": [OWNED, withdraw("vault", vault_id="vault-2")],
        "more than there is": [OWNED, withdraw("overdrawn", amount="10000.000000001"), everything],
        "more than is left": [OWNED, withdraw(amount="9999"), withdraw("overdrawn", amount="2", nonce=2)],
        "more than is left after a loss": [OWNED, lost, withdraw("overdrawn", amount="10000")],
        "a gain, too": [OWNED, {"op": "funding", "amount": "1"}, withdraw(amount="10001")],
        "with an approval that is not used": [OWNED, ASK, withdraw("not_flat"), after("5"), withdraw()],
        "with a working order": [OWNED, ASK, redeem(), withdraw("not_flat"), venue("cancel"), withdraw()],
        "with a position, then flat": [OWNED, *filled, withdraw("not_flat"), *closed, withdraw()],
        "from a killed vault": [OWNED, control("kill"), withdraw()],
        "from a paused vault": [OWNED, control("pause"), withdraw()],
        "everything, then more": [OWNED, everything, withdraw("overdrawn", amount="0.000000001", nonce=2)],
        "everything, then a deposit": [
            OWNED, everything, {"op": "deposit", "amount": "5"}, withdraw(amount="5", nonce=2),
        ],
        "an approval after everything left": [
            OWNED, everything, {"op": "authorize", "expect": "rejected"}, {"op": "equity", "expect": "0"},
        ],
        "the owner's key changed": [
            OWNED, rotated, withdraw("signature"), withdraw(signer="owner-2"), withdraw("replayed", signer="owner-2"),
        ],
        "the owner's key changed by the agent": [
            OWNED, {**wrong, "signer": "agent"}, withdraw("signature", signer="owner-2"), withdraw(),
        ],
        "the owner's key changed by its successor": [OWNED, {**wrong, "signer": "owner-2"}, withdraw()],
        "the owner's key of another vault changed": [OWNED, {**wrong, "vault_id": "vault-2"}, withdraw()],
        "the owner's key changed back": [OWNED, rotated, back, withdraw("signature"), withdraw(signer="owner-2")],
        "the owner's key changed to itself": [OWNED, {**wrong, "to": "owner-1"}, withdraw()],
        "a vault without an owner gets none": [MAKE, {**rotated, "expect": "no_owner"}, withdraw("no_owner")],
        "the vault's keys rotated": [OWNED, ROTATE, withdraw()],
    }  # fmt: skip
    restarted: dict[str, list[Step]] = {
        "replayed after a restart": [durable, withdraw(), RESTART, withdraw("replayed"), withdraw(nonce=2)],
        "replayed after two restarts": [durable, withdraw(), RESTART, RESTART, withdraw("replayed")],
        "expired after a restart": [durable, RESTART, after("5"), withdraw("expired", expires_in="0")],
        "with a position after a restart": [durable, *filled, RESTART, withdraw("not_flat")],
        "everything, then a restart": [
            durable, everything, RESTART, withdraw("replayed"), {"op": "equity", "expect": "0"},
        ],
        "the owner's key changed before a restart": [
            durable, rotated, RESTART, withdraw("signature"), withdraw(signer="owner-2"),
        ],
    }  # fmt: skip
    found: list[Scenario] = [{"name": f"withdraw: {name}", "steps": steps} for name, steps in rows.items()]
    return found + [{"name": f"withdraw: {name}", "durable": True, "steps": steps} for name, steps in restarted.items()]


def scenarios() -> list[Scenario]:
    """All of them."""
    return [*uses(), *altered(), *between_gates(), *together(), *withdrawals()]
